"""Axes for charts: market time without nights and week-ends, and round tick values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from engine.market.events import NANOS
from engine.research.statistics import local_days

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MAX_TIME_TICKS = 10
_HOUR_NS = 3_600 * NANOS
_EPOCH = date(1970, 1, 1)


class Tick(NamedTuple):
    """A mark on an axis: ``position`` from 0 (left or bottom) to 1, and its label."""

    position: float
    label: str


@dataclass(frozen=True, slots=True)
class MarketAxis:
    """Time axis on which only the part of each local day that has data takes room.

    ``days`` are local days since 1970-01-01, ``first`` and ``last`` the UTC ns of a day's data, ``left`` where each
    day begins and ``room`` how much it takes, both in ns of shown time. All arrays have one item a day.
    """

    zone: ZoneInfo
    days: Ints
    first: Ints
    last: Ints
    left: Floats
    room: Floats

    @classmethod
    def over(cls, times: Ints, timezone: str) -> MarketAxis:
        """An axis that holds every instant of ``times`` (UTC ns, ascending, at least one)."""
        day_of = local_days(times, timezone)
        starts = np.concatenate(([0], np.flatnonzero(np.diff(day_of)) + 1))
        ends = np.append(starts[1:], len(times)) - 1
        first, last = times[starts], times[ends]
        length = (last - first).astype(np.float64)
        # A day with a single instant (daily bars) gets the room of a usual day.
        usual = float(np.median(length[length > 0])) if (length > 0).any() else 1.0
        room = np.where(length > 0, length, usual)
        left = np.concatenate(([0.0], np.cumsum(room)[:-1]))
        return cls(ZoneInfo(timezone), day_of[starts], first, last, left, room)

    def positions(self, times: Sequence[int] | Ints) -> Floats:
        """Where instants lie, 0 to 1. One in a closed stretch lies at the end of the day before it."""
        moments = np.asarray(times, dtype=np.int64)
        day = np.clip(np.searchsorted(self.first, moments, side="right") - 1, 0, None)
        inside = np.clip(moments - self.first[day], 0, self.last[day] - self.first[day])
        return np.asarray((self.left[day] + inside) / (self.left[-1] + self.room[-1]), dtype=np.float64)

    def ticks(self) -> list[Tick]:
        """At most ten or so marks, at round hours, days, weeks, months or years of local time."""
        if len(self.days) <= 2:
            return self._hour_ticks()
        dates = [_EPOCH + timedelta(days=int(day)) for day in self.days]
        for starts, pattern in _calendar_steps(dates):  # noqa: B007 - both are used after the loop
            if len(starts) <= _MAX_TIME_TICKS:
                break
        stride = math.ceil(len(starts) / _MAX_TIME_TICKS)
        span = self.left[-1] + self.room[-1]
        return [Tick(float(self.left[index] / span), dates[index].strftime(pattern)) for index in starts[::stride]]

    def _hour_ticks(self) -> list[Tick]:
        hours = float((self.last - self.first).sum()) / _HOUR_NS
        step = next((step for step in (0.25, 0.5, 1, 2, 3, 6) if hours / step <= _MAX_TIME_TICKS), 12)
        moments = [
            moment
            for begin, end in zip(self.first, self.last, strict=True)
            for moment in self._round_clock(int(begin), int(end), int(step * 3_600))
        ]
        if not moments:
            moments = [int(self.first[0])]
        labels = [datetime.fromtimestamp(moment // NANOS, UTC).astimezone(self.zone) for moment in moments]
        seen: set[date] = set()
        ticks = []
        for position, label in zip(self.positions(moments), labels, strict=True):
            pattern = "%H:%M" if label.date() in seen else "%H:%M %b %d"
            seen.add(label.date())
            ticks.append(Tick(float(position), label.strftime(pattern)))
        return ticks

    def _round_clock(self, begin_ns: int, end_ns: int, step_seconds: int) -> Iterator[int]:
        """Instants between two of one local day whose local clock is a whole number of steps since midnight."""
        local = datetime.fromtimestamp(begin_ns // NANOS, UTC).astimezone(self.zone)
        since_midnight = local.hour * 3_600 + local.minute * 60 + local.second
        moment = begin_ns // NANOS + -since_midnight % step_seconds
        while moment * NANOS <= end_ns:
            yield moment * NANOS
            moment += step_seconds


def _calendar_steps(dates: Sequence[date]) -> Iterator[tuple[list[int], str]]:
    """Indices of the first date of each day, week, month, quarter and year, finest first, with a label pattern."""
    day_label = "%b %d" if dates[0].year == dates[-1].year else "%b %d, %Y"
    steps = (
        (lambda day: day.toordinal(), day_label),
        (lambda day: day.isocalendar()[:2], day_label),
        (lambda day: (day.year, day.month), "%b %Y"),
        (lambda day: (day.year, (day.month - 1) // 3), "%b %Y"),
        (lambda day: day.year, "%Y"),
    )
    for key, pattern in steps:
        keys = [key(day) for day in dates]
        yield [index for index, value in enumerate(keys) if index == 0 or value != keys[index - 1]], pattern


def round_values(low: float, high: float, most: int = 6) -> list[float]:
    """Values at 1, 2 or 5 times a power of ten within [low, high], at most about ``most``; needs low < high."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def thin(positions: Floats, values: Floats, most: int) -> tuple[Floats, Floats]:
    """At most ``most`` points that keep the picture: the least and the greatest value of each of most / 2 buckets.

    First and last points are kept; the order of ``positions`` is kept. ``most`` is at least 4.
    """
    if len(values) <= most:
        return positions, values
    edges = np.linspace(0, len(values), (most - 2) // 2 + 1).astype(np.int64)
    keep = {0, len(values) - 1}
    for begin, end in pairwise(edges):
        bucket = values[begin:end]
        keep.add(int(begin + np.argmin(bucket)))
        keep.add(int(begin + np.argmax(bucket)))
    chosen = np.array(sorted(keep))
    return positions[chosen], values[chosen]
