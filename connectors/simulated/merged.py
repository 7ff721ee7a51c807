"""Several sources as one, by time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import groupby

from engine.market.events import MarketEvent, MarketSource, Tick


class MergedSource:
    """What several sources tell at one instant is one tick, in the order of the sources."""

    def __init__(self, sources: Sequence[MarketSource]) -> None:
        self._sources = sources

    def ticks(self) -> Iterator[Tick]:
        """Ticks in strictly increasing time."""
        every = merge(*(source.ticks() for source in self._sources), key=_time)
        for time_ns, ticks in groupby(every, key=_time):
            events: list[MarketEvent] = [event for tick in ticks for event in tick.events]
            yield Tick(time_ns, events)


def _time(tick: Tick) -> int:
    return tick.time_ns
