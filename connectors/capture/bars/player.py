"""A session of a feed of bars, told again to a run as ``engine.execute.live`` puts it before one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from connectors.capture.bars.head import FeedHead
from connectors.capture.bars.records import Behind, PastEnds, Silence
from connectors.capture.codec import Player
from connectors.capture.packing import Told
from engine.market.events import Bar, MarketEvent, Observation, Quote, Tick
from engine.market.inputs import FOREVER_NS, MarketInput, Past, Unseen, Waits
from engine.market.past import ages_at, old_bars, ticks_of

NOBODY = "nobody listened between two sessions of the capture"


class BarsPlayer:
    """Implements ``connectors.capture.codec.Player``. Facts are told whatever the rules read: there are few."""

    def __init__(
        self, head: FeedHead, symbols: Collection[str], names: Collection[str], before: Player | None = None
    ) -> None:
        self._symbols = symbols
        self._ages = ages_at(head.speed)
        self._waiting: list[MarketEvent] = []  # heard since it was told last
        self._asides: list[MarketInput] = []  # what is no tick, in order
        self._latest: dict[tuple[str, str], Quote | Observation] = {}
        self._again = False
        self._known: dict[str, int] = {}  # start of the newest bar of each symbol in the sessions before
        if isinstance(before, BarsPlayer):
            self._known = before.newest
        self.newest: dict[str, int] = dict(self._known)  # and in this one
        if before is not None:
            self._asides += [Unseen(s, head.created_ns, NOBODY) for s in head.instruments if s in symbols]

    def take(self, record: Any) -> None:
        """Something that was told, as far as it is wanted."""
        if isinstance(record, PastEnds):
            self._past(record)
        elif isinstance(record, Behind):
            self._asides.append(Waits(FOREVER_NS if record.behind else self._ages.late))
        elif isinstance(record, Silence):
            if record.symbol in self._symbols:
                self._asides.append(Unseen(record.symbol, record.time_ns, record.reason))
        elif isinstance(record, Bar | Quote | Observation) and record.symbol in self._symbols:
            self._waiting.append(record)
            if isinstance(record, Bar):
                self.newest[record.symbol] = record.start_ns
            else:
                self._latest[record.symbol, getattr(record, "name", "")] = record

    def tell(self, told: Told, time_ns: int) -> list[MarketInput]:
        """What is no tick first, then bars of the past, then the tick, if there is one."""
        asides, events = self._taken()
        if not events and not told.pulse:
            return asides
        old, rest = old_bars(events, time_ns - self._ages.old)
        if self._again:
            self._again, rest = False, self._anew(rest, time_ns)
        return [*asides, *_remembered(old), Tick(time_ns, rest)]

    def hush(self, told: Told, time_ns: int) -> list[MarketInput]:
        """Bars alone, as those of the past."""
        asides, events = self._taken()
        return [*asides, *_remembered(event for event in events if isinstance(event, Bar))]

    def wanted(self) -> None:
        """Prices and facts are told anew."""
        self._again = True

    def broken_off(self, time_ns: int) -> list[MarketInput]:
        """Prices and facts are unknown; of the bars the next session says what it knows."""
        events: list[MarketEvent] = []
        for seen in self._latest.values():
            if isinstance(seen, Quote):
                events.append(Quote(seen.symbol, time_ns, None, None, None, None))
            else:
                events.append(Observation(seen.symbol, time_ns, seen.name, None, NOBODY))
        return [Tick(time_ns, events)]

    def _taken(self) -> tuple[list[MarketInput], list[MarketEvent]]:
        asides, events = self._asides, self._waiting
        self._asides, self._waiting = [], []
        return asides, events

    def _past(self, ends: PastEnds) -> None:
        """The bars so far were of the time before; those that an earlier session knew are known."""
        bars = [e for e in self._waiting if isinstance(e, Bar) and e.start_ns > self._known.get(e.symbol, -1)]
        self._waiting.clear()
        self._asides = [
            *_remembered(bars),
            *(Unseen(s, ends.until_ns, reason) for s, reason in ends.missing.items() if s in self._symbols),
        ]

    def _anew(self, events: Iterable[MarketEvent], time_ns: int) -> list[MarketEvent]:
        fresh = list(events)
        told = {(e.symbol, getattr(e, "name", "")) for e in fresh if not isinstance(e, Bar)}
        before = [seen._replace(time_ns=time_ns) for key, seen in self._latest.items() if key not in told]
        return [*before, *fresh]


def _remembered(bars: Iterable[Bar]) -> list[MarketInput]:
    return [Past(tick) for tick in ticks_of(bars)]
