"""The vendor's streams as the engine's feed: minute bars at their close, quotes, values of indices, options facts.

A symbol is a share (``SPY``), an index (``SPX``) or an option (``O:…``). The vendor is no broker: what it tells of the
link says that market data is missing, not that orders must be reconciled.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import Self

from connectors.polygon.errors import BadKey, NotEntitled, PolygonError
from connectors.polygon.events import BestQuote, Dropped, Event, IndexValue, Lost, Problem, Ready, Window
from connectors.polygon.history import FAILURES, GapReader, read_windows
from connectors.polygon.manifest import INDEX_VALUE
from connectors.polygon.minutes import NEVER, Gap, Minutes
from connectors.polygon.poller import OptionsSource
from connectors.polygon.practice import MarketClock
from connectors.polygon.rest import PolygonRest
from connectors.polygon.rows import bar_of
from connectors.polygon.stream import PolygonStream
from connectors.polygon.tickers import Cluster, cluster_of, symbol_of, ticker_of
from engine.market.events import Bar, MarketEvent, Observation, Quote, later
from engine.market.venue import Batch, LinkDown, LinkUp, Missed, News, Unheard, VenueError

SETTLE_NS = 3_000_000_000  # minutes come one to three seconds after their end
LEAST_SECONDS = 0.005
LOOK_SECONDS = 0.25  # how often what was read is looked for while the stream is silent


@dataclass(frozen=True, slots=True)
class Subjects:
    """What is followed. ``per_second``: minutes are made of seconds; otherwise they come whole.

    ``quotes``: best bid and offer of shares and options, and every value of an index, where the plan has them.
    """

    symbols: Sequence[str]
    quotes: bool = True
    per_second: bool = False

    @property
    def tickers(self) -> list[str]:
        return list(dict.fromkeys(ticker_of(symbol) for symbol in self.symbols))

    @property
    def channels(self) -> list[str]:
        """The channels to subscribe to."""
        bars = "A" if self.per_second else "AM"
        found = [f"{bars}.{ticker}" for ticker in self.tickers]
        if self.quotes:
            found += [f"{'V' if cluster_of(t) is Cluster.INDICES else 'Q'}.{t}" for t in self.tickers]
        return found


class PolygonFeed:
    """Implements ``engine.market.venue.Feed`` over a stream that was opened with ``subjects.channels``, and what a run
    asks of a live feed beside that.

    ``since_ns``: bars are told from there on, those of the past as quickly as they can be read; None begins now. A
    break is filled from the history; bars of different minutes never share a batch. ``options`` are told, and looked
    after by ``keep_terms``; ``signals`` gives what other connectors have to tell. Use as ``async with``.
    """

    def __init__(
        self,
        rest: PolygonRest,
        stream: PolygonStream,
        subjects: Subjects,
        clock: MarketClock,
        *,
        since_ns: int | None = None,
        options: OptionsSource | None = None,
        signals: Callable[[int], Sequence[Observation]] = lambda now: (),
    ) -> None:
        self._stream, self._subjects, self._clock = stream, subjects, clock
        self._options, self._signals = options, signals
        since = clock.now_ns() if since_ns is None else since_ns
        self._minutes = Minutes(subjects.tickers, since, SETTLE_NS, per_second=subjects.per_second)
        self._reader = GapReader(partial(_read, rest), clock.wait_until, self._filled, FAILURES)
        self._quotes: dict[str, BestQuote] = {}  # heard and not told
        self._values: dict[str, IndexValue] = {}
        self._latest: dict[str, MarketEvent] = {}  # what was last told of each symbol's price
        self._blank: set[str] = set()  # tickers whose quotes have become unknown
        self._news: list[News] = []
        self._ready: deque[Sequence[MarketEvent]] = deque()
        self._told_ns = 0
        self._up_now: set[Cluster] = set()  # families of which everything is heard
        self._link = False  # whether all of them are
        self.dropped: dict[str, str] = {}  # channels that the plan does not include, and why

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reader.close()

    @property
    def late(self) -> int:
        """Bars that came when a later one had been told; rules have not heard of them."""
        return self._minutes.late

    async def batch(self) -> Batch:
        """Wait for something, and take everything that is there by then; of bars those of one minute at a time."""
        while not self._ready and not self._news:
            until = self._minutes.next_ns()
            wait = LOOK_SECONDS if until == NEVER else min(self._clock.seconds_until(until), LOOK_SECONDS)
            try:
                taken = await self._stream.take(max(wait, LEAST_SECONDS))
            except (BadKey, NotEntitled, PolygonError) as error:
                raise VenueError(str(error)) from error
            for event in taken:
                self._take(event)
            self._gather(self._clock.now_ns())
        self._told_ns = later(self._clock.now_ns(), self._told_ns)
        events = [_at(event, self._told_ns) for event in (self._ready.popleft() if self._ready else ())]
        news, self._news = self._news, []
        return Batch(self._told_ns, events, news)

    @property
    def taker_rates(self) -> Mapping[str, Decimal]:
        """None: nothing here is a contract with a rate of its own."""
        return {}

    def pulse(self, now_ns: int) -> list[MarketEvent]:
        """Options facts that have changed or become old, and what is signalled."""
        options = self._options.pulse(self._clock.now_ns()) if self._options is not None else ()
        return [*(_at(seen, now_ns) for seen in options), *self._signals(now_ns)]

    def behind(self) -> bool:
        """Whether bars of a break are still to come."""
        return bool(self._ready) or self._minutes.behind()

    def known(self) -> bool:
        """Whether a price of every symbol has been told, as far as the plan has it."""
        return all(symbol_of(ticker) in self._latest for ticker in self._subjects.tickers if ticker in self._minutes)

    def whole(self, now_ns: int) -> list[MarketEvent]:
        """The last price of every symbol, and all facts, whether they were told before or not."""
        if self._options is not None:
            self._options.forget()
        prices = [_at(event, now_ns) for event in self._latest.values()]
        return [*prices, *self.pulse(now_ns)]

    async def keep_terms(self, tell: Callable[[str], None]) -> None:
        """Look at options chains again and again, where they are wanted; goes on until it is cancelled."""
        if self._options is None:
            await asyncio.Event().wait()
            return
        self._options.follow(self._options.tickers, tell)
        await self._options.keep()

    # -- what was heard

    def _take(self, event: Event) -> None:
        match event:
            case Window():
                self._minutes.hear(event)
            case BestQuote():
                self._quotes[event.ticker] = event
                self._blank.discard(event.ticker)
            case IndexValue():
                self._values[event.ticker] = event
                self._blank.discard(event.ticker)
            case Ready():
                self._up(event)
            case Lost():
                self._down(event)
            case Dropped():
                self._drop(event)
            case Problem():
                self._news.append(Missed(self._clock.now_ns(), event.words))

    def _of(self, cluster: Cluster) -> frozenset[str]:
        return frozenset(ticker for ticker in self._subjects.tickers if cluster_of(ticker) is cluster)

    def _up(self, event: Ready) -> None:
        now_ns = self._clock.now_ns()
        for ticker in sorted(self._of(event.cluster)):
            for gap in self._minutes.ready(ticker, now_ns):
                self._reader.read(gap)
        self._up_now.add(event.cluster)
        self._see_whether_up()

    def _see_whether_up(self) -> None:
        """The link is up as soon as every family is that has a channel left."""
        up = self._up_now >= self._stream.clusters
        if up and not self._link:
            self._news.append(LinkUp(self._clock.now_ns()))
        self._link = up

    def _down(self, event: Lost) -> None:
        tickers = self._of(event.cluster)
        self._up_now.discard(event.cluster)
        self._link = False
        self._reader.forget(tickers)
        for ticker in tickers:
            self._minutes.lost(ticker)
            self._quotes.pop(ticker, None)
            self._values.pop(ticker, None)
        self._blank |= tickers
        self._news.append(LinkDown(self._clock.now_ns(), f"{event.cluster.value}: {event.reason}"))

    def _drop(self, event: Dropped) -> None:
        kind, _, ticker = event.channel.partition(".")
        self.dropped[event.channel] = event.reason
        if kind in ("A", "AM"):
            self._minutes.drop(ticker)
        self._news.append(Missed(self._clock.now_ns(), f"{event.channel} is left out: {event.reason}"))
        if self._up_now:
            self._see_whether_up()

    def _filled(self, gap: Gap, windows: list[Window] | None, why: str) -> None:
        self._minutes.filled(gap, windows or [])
        if windows is None:
            reason = f"the bars of a break could not be read: {why}"
            self._news.append(Unheard(max(gap.to_ns - 1, gap.from_ns), symbol_of(gap.ticker), reason))

    # -- what is told

    def _gather(self, now_ns: int) -> None:
        """Bars by minute, and with the last of them the latest prices."""
        groups: list[list[MarketEvent]] = [[bar_of(w) for w in group] for group in self._minutes.due(now_ns)]
        prices = self._prices(now_ns)
        if prices:
            if groups:
                groups[-1] += prices
            else:
                groups.append(prices)
        for event in (event for group in groups for event in group):
            if not (isinstance(event, Bar) and isinstance(self._latest.get(event.symbol), Quote)):
                self._latest[event.symbol] = event  # a quote says more than a bar
        self._ready.extend(groups)
        for gap in self._minutes.unsure(now_ns):
            self._reader.read(gap)

    def _prices(self, now_ns: int) -> list[MarketEvent]:
        quotes, self._quotes = self._quotes, {}
        values, self._values = self._values, {}
        blank, self._blank = self._blank, set()
        events: list[MarketEvent] = [_unknown(ticker, now_ns) for ticker in sorted(blank)]
        events += [_quote(quote) for quote in quotes.values()]
        events += [
            Observation(symbol_of(value.ticker), value.time_ns, INDEX_VALUE, float(value.value))
            for value in values.values()
        ]
        return events


async def _read(rest: PolygonRest, gap: Gap) -> list[Window]:
    return await read_windows(rest, gap.ticker, gap.from_ns, gap.to_ns)


def _at(event: MarketEvent, now_ns: int) -> MarketEvent:
    """Quotes and facts become known when they are told; bars have the time of their minute."""
    return event._replace(time_ns=now_ns) if isinstance(event, Quote | Observation) else event


def _quote(heard: BestQuote) -> Quote:
    sides = [None if value is None else float(value) for value in heard[2:]]
    return Quote(symbol_of(heard.ticker), heard.time_ns, *sides)


def _unknown(ticker: str, now_ns: int) -> MarketEvent:
    if cluster_of(ticker) is Cluster.INDICES:
        return Observation(symbol_of(ticker), now_ns, INDEX_VALUE, None, "the connection to the vendor is lost")
    return Quote(symbol_of(ticker), now_ns, None, None, None, None)
