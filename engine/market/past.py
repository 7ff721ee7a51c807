"""Bars of the past among what a feed tells: those of the time before a run, and of breaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from engine.market.events import NANOS, Bar, MarketEvent, Tick


class BarAges(NamedTuple):
    """Nanoseconds after its end. ``old``: from then on nothing is decided on a bar; the next one is over by then.
    ``late``: so long a bar of a higher timeframe waits for its minutes, which are told within seconds."""

    old: int = 60 * NANOS
    late: int = 15 * NANOS


def ages_at(speed: float) -> BarAges:
    """On a practice venue whose time runs so many times as fast as ours: a second of ours at the least."""
    usual = BarAges()
    return BarAges(max(usual.old, int(speed * NANOS)), max(usual.late, int(speed * NANOS)))


def ticks_of(bars: Iterable[Bar]) -> list[Tick]:
    """Bars by the instant at which they were over, and at each of them by symbol."""
    found: dict[int, list[Bar]] = {}
    for bar in bars:
        found.setdefault(bar.known_ns, []).append(bar)
    return [Tick(time_ns, sorted(found[time_ns], key=lambda bar: bar.symbol)) for time_ns in sorted(found)]


def old_bars(events: Sequence[MarketEvent], since_ns: int) -> tuple[list[Bar], Sequence[MarketEvent]]:
    """The bars that were over at ``since_ns`` or before, and everything else."""
    old = [e for e in events if isinstance(e, Bar) and e.known_ns <= since_ns]
    return old, [e for e in events if e not in old] if old else events
