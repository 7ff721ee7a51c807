"""What became of each look at the page, read back from the file that runs keep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from connectors.arena.board import Board, BoardError
from connectors.arena.signals import signals_between

Told = tuple[str, str, str, str]  # kind, model, before, after


@dataclass(frozen=True, slots=True)
class Kept:
    """One look: when (seconds UTC), where, whether it brought a sound table, and what it told."""

    at: float
    url: str
    good: bool
    fallback: bool
    signals: tuple[Told, ...]


def read_looks(path: Path) -> list[Kept]:
    """All looks of a file in their order; BoardError names a line that is wrong. A line that a crash cut off is left
    out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError as error:
        raise BoardError(f"{path} cannot be read: {error.strerror}") from None
    found = []
    for number, line in enumerate(lines, 1):
        if not line.endswith("\n"):
            break
        try:
            told = json.loads(line)
            signals = tuple((str(k), str(m), str(b), str(a)) for k, m, b, a in told["signals"])
            at = datetime.fromisoformat(told["at"]).timestamp()
            found.append(Kept(at, str(told["url"]), bool(told["good"]), bool(told["fallback"]), signals))
        except (ValueError, KeyError, TypeError) as error:
            raise BoardError(f"{path}:{number}: is no look at the page: {error}") from None
    return found


def longest_gap_minutes(looks: Sequence[Kept]) -> float | None:
    """The longest time between two looks that brought a sound table; None with fewer than two."""
    good = [look.at for look in looks if look.good]
    gaps = [later - earlier for earlier, later in pairwise(good)]
    return max(gaps) / 60.0 if gaps else None


def signals_told(looks: Sequence[Kept]) -> list[Told]:
    """Every signal of these looks, in their order."""
    return [signal for look in looks for signal in look.signals]


def signals_of_tables(boards: Sequence[Board]) -> list[Told]:
    """What the kept tables themselves say changed, by settlement's own cascade."""
    found = (signal for before, after in pairwise(boards) for signal in signals_between(before, after))
    return [(signal.kind.value, signal.model, signal.before, signal.after) for signal in found]


def doubles(told: Sequence[Told]) -> int:
    """How many signals were told again without their reverse in between."""
    last: dict[tuple[str, str], tuple[str, str]] = {}
    count = 0
    for kind, model, before, after in told:
        key = (kind, "" if kind == "new_leader" else model)
        count += last.get(key) == (before, after)
        last[key] = (before, after)
    return count
