"""Tradier as the engine's feed: quotes and minute bars for the rules, news of our orders for whoever keeps them.

Where prices are streamed, they are; the sandbox streams none, and is asked for quotes in turns. A minute that was not
heard from its begin to its end is read from time and sales, and later ones wait for it. Of our orders the account's
stream only says that one has changed, so that one is read; until both streams are up, nothing counts as up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from connectors.tradier.bars import Bars
from connectors.tradier.client import TradierRest
from connectors.tradier.errors import NotAuthorized, TradierError
from connectors.tradier.events import Down, OrderEvent, Problem, StreamEvent, StreamQuote, Timesale, Up
from connectors.tradier.http import Listener
from connectors.tradier.listing import is_option, underlying_of
from connectors.tradier.models import ROUND_LOT, Quoted
from connectors.tradier.stream import StreamSettings, TradierStream
from connectors.tradier.venue import TradierVenue
from engine.market.events import MarketEvent, Observation, Quote
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.venue import Batch, LinkDown, LinkUp, Missed, News, VenueError

POLL_SECONDS = 2.0  # 30 of the 60 requests that a minute of the sandbox allows
CALENDAR = "XNYS"
DIME = Decimal("0.05")
INDEX = "index"
OPTION = "option"
Signals = Callable[[int], Sequence[Observation]]


async def find_instruments(rest: TradierRest, symbols: Collection[str]) -> dict[str, Instrument]:
    """Those of the symbols that Tradier has, as what can be traded: whole shares on a grid of a cent."""
    wanted = {underlying_of(symbol) if not is_option(symbol) else symbol: symbol for symbol in symbols}
    try:
        told = (await rest.quotes(sorted(wanted))).found if wanted else {}
    except TradierError as error:
        raise VenueError(str(error)) from error
    return {wanted[name]: instrument_of(wanted[name], quote) for name, quote in told.items() if name in wanted}


def instrument_of(symbol: str, quote: Quoted) -> Instrument:
    """An index can be looked at and not be ordered."""
    kind = InstrumentKind.INDEX if quote.type == INDEX else InstrumentKind.EQUITY
    tick = DIME if quote.type == OPTION else Decimal("0.01")
    return Instrument(symbol, kind, tick, Decimal(1), CALENDAR, lowest=tick)


class TradierFeed:
    """Implements ``engine.market.venue.Feed`` for ``instruments``; ``async with`` opens its streams. Without
    instruments it tells of the account alone.

    ``venue``: read the orders that the account's stream tells of through it; None tells of none. ``signals`` gives what
    other connectors have to tell, once a second. ``since_ns``: bars are told from there on; None begins now. ``heard``
    gets messages of the market and answers about it as they come, with the stream or the request of each.
    """

    def __init__(
        self, rest: TradierRest, instruments: Mapping[str, Instrument], *, venue: TradierVenue | None = None,
        signals: Signals = lambda now: (), settings: StreamSettings | None = None, since_ns: int | None = None,
        heard: Listener | None = None,
    ) -> None:  # fmt: skip
        self._heard = heard
        self._rest, self._venue, self._signals, self._settings = rest, venue, signals, settings
        self._clock = rest.http.clock
        self._names = {(s if is_option(s) else underlying_of(s)): s for s in instruments}
        self._units = {s: 1 if is_option(s) else ROUND_LOT for s in instruments}
        self._quoted = {s for s, i in instruments.items() if i.tradable}
        since = self._clock.now_ns() if since_ns is None else since_ns
        self._volumes: dict[str, Decimal] = {}  # of the day so far, where quotes are asked for in turns
        self._quotes: dict[str, Quote] = {}
        self._told: set[str] = set()
        self._waiting: asyncio.Queue[tuple[list[MarketEvent], list[News]] | Exception] = asyncio.Queue()
        named = {name: instruments[s] for name, s in self._names.items()}
        self._bars = Bars(rest, named, since, lambda news: self._waiting.put_nowait(([], news)))
        parts = {"market": bool(instruments), "account": venue is not None}
        self._up = {name: False for name, wanted in parts.items() if wanted}
        self._tasks: list[asyncio.Task[None]] = []
        self._streams: list[TradierStream] = []
        self.taker_rates: dict[str, Decimal] = {}

    async def __aenter__(self) -> Self:
        if self._heard is not None:
            self._rest.http.heard = self._heard
        if not self._names:
            pass
        elif self._rest.http.hosts.market_socket:
            await self._open("market", TradierStream(
                self._rest, list(self._names), filters=("quote", "timesale"), settings=self._settings, heard=self._heard
            ))  # fmt: skip
        else:
            self._tasks.append(asyncio.create_task(self._guarded(self._poll())))
        if self._venue is not None:
            await self._open("account", TradierStream(self._rest, settings=self._settings))
        return self

    async def _open(self, name: str, stream: TradierStream) -> None:
        self._streams.append(await stream.__aenter__())
        self._tasks.append(asyncio.create_task(self._guarded(self._listen(name, stream))))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._bars.close()
        if self._heard is not None:
            self._rest.http.heard = None
        for stream in self._streams:
            await stream.__aexit__(kind, error, trace)

    # -- for a run -----------------------------------------------------------------------------------------------------

    async def batch(self) -> Batch:
        """Wait for something, and take everything that is there by then."""
        found = [await self._waiting.get()]
        while not self._waiting.empty():
            found.append(self._waiting.get_nowait())
        events: list[MarketEvent] = []
        news: list[News] = []
        for part in found:
            if isinstance(part, Exception):
                raise VenueError(str(part)) from part
            events += part[0]
            news += part[1]
        now_ns = self._clock.now_ns()
        return Batch(now_ns, [*self._bars.due(now_ns), *_newest(events)], news)

    def pulse(self, now_ns: int) -> list[MarketEvent]:
        """Bars whose minute has passed, and what is signalled."""
        return [*self._signals(now_ns), *self._bars.due(now_ns)]

    def behind(self) -> bool:
        """Whether bars of a break are still to come."""
        return self._bars.behind()

    def known(self) -> bool:
        """Whether everything that can be ordered has told its prices."""
        return self._quoted <= self._quotes.keys()

    def whole(self, now_ns: int) -> list[MarketEvent]:
        """All prices as they are, whether they were told before or not."""
        return [*self._signals(now_ns), *(quote._replace(time_ns=now_ns) for quote in self._quotes.values())]

    async def keep_terms(self, tell: Callable[[str], None]) -> None:
        """Nothing has to be read again."""
        await asyncio.Event().wait()

    # -- the market ----------------------------------------------------------------------------------------------------

    async def _listen(self, name: str, stream: TradierStream) -> None:
        while True:
            events: list[MarketEvent] = []
            news: list[News] = []
            changed: dict[str, list[OrderEvent]] = {}
            for event in await stream.take():
                if isinstance(event.body, OrderEvent):
                    changed.setdefault(event.body.parent_id or event.body.id, []).append(event.body)
                elif isinstance(event.body, Up | Down):
                    news += self._link(name, event)
                elif isinstance(event.body, Problem):
                    news.append(Missed(event.received_ns, event.body.words))
                else:
                    events += self._market(event)
            if events or news:
                self._waiting.put_nowait((events, news))
            for told in changed.values():
                await self._order(told)

    async def _order(self, changes: Sequence[OrderEvent]) -> None:
        assert self._venue is not None
        try:
            told: list[News] = [*await self._venue.order_news(changes)]
        except VenueError as error:
            told = [Missed(self._clock.now_ns(), str(error))]
        self._waiting.put_nowait(([], told))

    def _link(self, name: str, event: StreamEvent) -> list[News]:
        """Up is when all streams are; down is when any is not."""
        was_up = all(self._up.values())
        if name == "market":
            self._bars.link(event.received_ns, up=isinstance(event.body, Up))
        self._up[name] = isinstance(event.body, Up)
        if isinstance(event.body, Down):
            return [LinkDown(event.received_ns, f"{name} stream: {event.body.reason}")] if was_up else []
        return [LinkUp(event.received_ns)] if all(self._up.values()) else []

    def _market(self, event: StreamEvent) -> list[MarketEvent]:
        body = event.body
        if isinstance(body, StreamQuote) and body.symbol in self._names:
            symbol = self._names[body.symbol]
            unit = self._units[symbol]
            return self._quote(
                symbol, event.received_ns, body.bid, body.bid_size and body.bid_size * unit, body.ask,
                body.ask_size and body.ask_size * unit,
            )  # fmt: skip
        if isinstance(body, Timesale) and body.symbol in self._names and not body.cancel and not body.correction:
            self._bars.trade(body.symbol, body.last, body.size, body.time_ns)
        return []

    def _quote(
        self, symbol: str, now_ns: int, bid: Decimal | None, bid_size: Decimal | None, ask: Decimal | None,
        ask_size: Decimal | None,
    ) -> list[MarketEvent]:  # fmt: skip
        """A quote that differs from the last; of an index there is none."""
        if symbol not in self._quoted:
            return []
        found = Quote(symbol, now_ns, *(_number(v) for v in (bid, bid_size, ask, ask_size)))
        before = self._quotes.get(symbol)
        if before is not None and before[2:] == found[2:]:
            return []
        self._quotes[symbol] = found
        return [found]

    async def _poll(self) -> None:
        """Ask for quotes in turns. Their newest trade makes the bars, as trades between two turns are not told."""
        down = True
        while True:
            try:
                told = await self._rest.quotes(list(self._names))
            except NotAuthorized:
                raise
            except TradierError as error:
                if not down:
                    down = True
                    now_ns = self._clock.now_ns()
                    self._waiting.put_nowait(([], self._link("market", StreamEvent(now_ns, Down(str(error))))))
            else:
                self._polled(told.found, first=down)
                down = False
            await self._clock.sleep(POLL_SECONDS)

    def _polled(self, told: Mapping[str, Quoted], *, first: bool) -> None:
        now_ns = self._clock.now_ns()
        events: list[MarketEvent] = []
        news = self._link("market", StreamEvent(now_ns, Up())) if first else []
        for name, quote in told.items():
            symbol = self._names.get(name)
            if symbol is None:
                continue
            events += self._quote(symbol, now_ns, quote.bid, quote.bid_size, quote.ask, quote.ask_size)
            if quote.last is not None and quote.trade_ns:
                volume = quote.volume or Decimal(0)
                traded = max(volume - self._volumes.get(symbol, volume), Decimal(0))
                self._volumes[symbol] = volume
                self._bars.trade(name, quote.last, traded, now_ns)
        if events or news:
            self._waiting.put_nowait((events, news))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """What ends a stream for good ends the feed."""
        try:
            await work
        except TradierError as error:
            self._waiting.put_nowait(error)


def _newest(events: list[MarketEvent]) -> list[MarketEvent]:
    """Of several quotes of one symbol the newest; bars all."""
    last = {event.symbol: number for number, event in enumerate(events) if isinstance(event, Quote)}
    return [e for number, e in enumerate(events) if not isinstance(e, Quote) or last[e.symbol] == number]


def _number(value: Decimal | None) -> float | None:
    """A price or a size; zero is none."""
    return None if not value or value <= 0 else float(value)
