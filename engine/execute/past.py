"""Bars of the past among what a feed tells: those of the time before a run, and of breaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.market.events import NANOS, Bar, MarketEvent, Tick

OLD_NS = 60 * NANOS  # after its end; by then the next bar is over, and nothing may be decided on this one


def ticks_of(bars: Iterable[Bar]) -> list[Tick]:
    """Bars by the instant at which they were over, and at each of them by symbol."""
    found: dict[int, list[Bar]] = {}
    for bar in bars:
        found.setdefault(bar.known_ns, []).append(bar)
    return [Tick(time_ns, sorted(found[time_ns], key=lambda bar: bar.symbol)) for time_ns in sorted(found)]


def old_bars(events: Sequence[MarketEvent], now_ns: int) -> tuple[list[Bar], Sequence[MarketEvent]]:
    """The bars that were over long ago, and everything else."""
    old = [e for e in events if isinstance(e, Bar) and e.known_ns + OLD_NS <= now_ns]
    return old, [e for e in events if e not in old] if old else events
