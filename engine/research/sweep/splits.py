"""Time-ordered parts of the data: walk-forward folds over the development part, and a holdout that comes after it.

What is known by a moment may be learned from; what comes later must show that it holds. Two things leak over such a
boundary (Marcos López de Prado, "Advances in Financial Machine Learning", 2018, chapter 7):

- a trade that is open across it has its result decided on both sides; it counts on neither (*purge*);
- right after it the market still resembles what was learned from, and indicators still look back at it; trades that
  open within the *embargo* do not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.research.results import iso_utc
from engine.research.statistics import Ints, local_days

PERIODS = 32
"""Least number of periods that returns are kept in; days where there are that many."""


class SplitError(Exception):
    """Data that cannot be split as asked. The text says what there is and the mend."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How to split. ``holdout`` is the share of the data that comes last, above 0 and below 1; ``folds`` is how many
    times training and validation move forward; ``embargo_ns`` None is a hundredth of the ticks of the data (the value
    that López de Prado suggests); ``purge_ns`` drops also what closed that shortly before a boundary.
    """

    holdout: float = 0.25
    folds: int = 4
    embargo_ns: int | None = None
    purge_ns: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """Trades that opened at or after ``first_ns`` and closed before ``end_ns`` (UTC ns)."""

    first_ns: int
    end_ns: int

    def holds(self, opened_ns: Ints, closed_ns: Ints) -> NDArray[np.bool_]:
        """Which trades lie wholly in the window."""
        inside: NDArray[np.bool_] = (opened_ns >= self.first_ns) & (closed_ns < self.end_ns)
        return inside

    def to_json(self) -> dict[str, str | None]:
        return {"first": iso_utc(self.first_ns), "end": iso_utc(self.end_ns)}


@dataclass(frozen=True, slots=True)
class Fold:
    """Learn from ``train``, then look at ``validation``, which comes after it."""

    train: Window
    validation: Window


@dataclass(frozen=True, slots=True)
class Splits:
    """The parts. ``unit`` says what boundaries lie on: ``day`` (local midnights) or ``tick`` (where days are too few).

    ``boundary_ns`` is where the development part ends: nothing at or after it is read while sets are chosen.
    ``period_ends`` (UTC ns, rising; the last of each part is its end) cut development and holdout into the periods
    that returns are kept in. ``embargo_ticks`` is how many ticks after a boundary do not count, None where the embargo
    was asked for as a time.
    """

    unit: str
    wish: Wish
    embargo_ticks: int | None
    first_ns: int
    boundary_ns: int
    end_ns: int
    train: Window
    folds: tuple[Fold, ...]
    holdout: Window
    periods: Mapping[str, Ints]

    def to_json(self) -> dict[str, Any]:
        return {
            "unit": self.unit,
            "holdout_share": self.wish.holdout,
            "embargo_seconds": None if self.wish.embargo_ns is None else self.wish.embargo_ns / 1e9,
            "embargo_ticks": self.embargo_ticks,
            "purge_seconds": self.wish.purge_ns / 1e9,
            "train": self.train.to_json(),
            "folds": [{"train": f.train.to_json(), "validation": f.validation.to_json()} for f in self.folds],
            "holdout": self.holdout.to_json(),
        }


def split(times: Ints, timezone: str, wish: Wish) -> Splits:
    """Split data with ticks at ``times`` (UTC ns, rising). ``timezone`` (IANA) decides where a day begins.

    The holdout is the last share of the days. The days before it are cut into ``folds + 1`` equal stretches: fold k
    trains on the first k of them and validates on the next, so training always starts with the first day. With fewer
    days than stretches the same is done with ticks. Raises SplitError where a part would be empty.
    """
    if len(times) < 2 * (wish.folds + 2):
        raise SplitError(f"the data has {len(times)} ticks, too few to split {wish.folds + 2} ways; take more of it")
    unit, starts = _starts(times, timezone, wish)
    begin, end = int(times[0]), int(times[-1]) + 1
    skipped = -(-len(times) // 100) if wish.embargo_ns is None else None
    held = max(1, round(len(starts) * wish.holdout))
    development = len(starts) - held
    edges = [int(starts[round(k * development / (wish.folds + 1))]) for k in range(wish.folds + 1)]
    boundary = int(starts[development])
    edges = [begin, *edges[1:], boundary]

    def after(edge: int) -> int:
        """Where trades count again after a boundary."""
        if skipped is None:
            return edge + (wish.embargo_ns or 0)
        return int(times[min(int(np.searchsorted(times, edge)) + skipped, len(times) - 1)])

    folds = tuple(
        Fold(Window(begin, edges[k] - wish.purge_ns), Window(after(edges[k]), edges[k + 1] - wish.purge_ns))
        for k in range(1, wish.folds + 1)
    )
    train, holdout = Window(begin, boundary - wish.purge_ns), Window(after(boundary), end)
    _refuse_empty(times, train, folds, holdout)
    periods = {"development": _periods(times, begin, boundary, timezone),
               "holdout": _periods(times, boundary, end, timezone)}  # fmt: skip
    return Splits(unit, wish, skipped, begin, boundary, end, train, folds, holdout, periods)


def _starts(times: Ints, timezone: str, wish: Wish) -> tuple[str, Ints]:
    """Where a boundary may lie: the first tick of each day, or every tick."""
    days = _day_starts(times, timezone)
    held = max(1, round(len(days) * wish.holdout))
    return ("day", days) if len(days) - held >= wish.folds + 1 else ("tick", times)


def _day_starts(times: Ints, timezone: str) -> Ints:
    starts: Ints = times[np.concatenate(([True], np.diff(local_days(times, timezone)) != 0))]
    return starts


def _periods(times: Ints, begin: int, end: int, timezone: str) -> Ints:
    """Ends of the periods of a part: its days, or as many equal runs of ticks as there should be."""
    inside = times[(times >= begin) & (times < end)]
    starts = _day_starts(inside, timezone)
    if len(starts) < PERIODS:
        starts = inside[np.unique(np.linspace(0, len(inside), PERIODS, endpoint=False).astype(np.int64))]
    ends: Ints = np.append(starts[1:], end)
    return ends


def _refuse_empty(times: Ints, train: Window, folds: Sequence[Fold], holdout: Window) -> None:
    named = [("the training part", train)]
    for number, fold in enumerate(folds, 1):
        named += [(f"training of fold {number}", fold.train), (f"validation of fold {number}", fold.validation)]
    for name, window in (*named, ("the holdout", holdout)):
        if not ((times >= window.first_ns) & (times < window.end_ns)).any():
            raise SplitError(
                f"{name} would be empty after purge and embargo: the data covers {iso_utc(int(times[0]))} to "
                f"{iso_utc(int(times[-1]))}; take more data, fewer folds, or a shorter embargo and purge"
            )
