"""Kalshi's stream as the engine's feed: quotes and facts of each market for the rules, news of our orders for whoever
keeps them.

A symbol is a market's ticker, a price the YES price, a quantity contracts: positive is YES, negative is NO. To sell
YES that is not held is to buy NO at one dollar less the price, and to buy it back is to sell NO.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from connectors.kalshi.book import Book
from connectors.kalshi.client import KalshiRest
from connectors.kalshi.errors import KalshiError
from connectors.kalshi.events import (
    BookChanged,
    BookLost,
    Disconnected,
    MessagesMissed,
    Problem,
    StreamEvent,
    Subscribed,
)
from connectors.kalshi.listing import Listing, instrument_of_grid
from connectors.kalshi.models.fields import BookSide, OrderStatus
from connectors.kalshi.models.markets import Market
from connectors.kalshi.models.portfolio import Balance, MarketPosition
from connectors.kalshi.models.stream import MarketLifecycle, UserFill, UserOrder
from connectors.kalshi.rest.markets import MarketFilter
from connectors.kalshi.rest.paging import collect
from connectors.kalshi.states import MarketState
from connectors.kalshi.stream import KalshiStream
from connectors.kalshi.subscriptions import Channel
from connectors.kalshi.teller import RATES, Reading, Teller, taker_rates
from connectors.kalshi.terms import Terms
from engine.market.events import MarketEvent, Observation
from engine.market.instrument import Instrument
from engine.market.orders import Side
from engine.market.venue import Batch, LinkDown, LinkUp, Missed, News, Reopened, VenueError, VenueFill, VenueOrder

TICKERS_A_READ = 100
TERMS_SECONDS = 60.0
NANOS_PER_MS = 1_000_000
ACTIVATED = "activated"  # a market takes orders, for the first time or again
SIDES = {BookSide.BID: Side.BUY, BookSide.ASK: Side.SELL}


def instrument_of(market: Market) -> Instrument:
    """A market as something that can be ordered: whole contracts, at YES prices on the market's own grid."""
    return instrument_of_grid(market.ticker, market.event_ticker, market.grid)


async def find_markets(rest: KalshiRest, tickers: Collection[str]) -> dict[str, Market]:
    """Those of the markets that the venue has."""
    wanted = sorted(set(tickers))
    found: dict[str, Market] = {}
    try:
        for start in range(0, len(wanted), TICKERS_A_READ):
            part = tuple(wanted[start : start + TICKERS_A_READ])
            found |= {m.ticker: m for m in await collect(rest.markets.markets(MarketFilter(tickers=part)))}
    except KalshiError as error:
        raise VenueError(str(error)) from error
    return found


class Tape(Protocol):
    """Keeps what a feed hears and when it tells, so that the same can be told again."""

    def begin(self, states: Sequence[MarketState], listings: Mapping[str, Listing], reading: Reading) -> None:
        """The stream begins; this is what was read before."""
        ...

    def learned(self, time_ns: int, reading: Reading) -> None:
        """What was read while the stream went on."""
        ...

    def heard(self, event: StreamEvent) -> None:
        """One event, in the order of hearing."""
        ...

    def book(self, ticker: str, time_ns: int, book: Book | None, *, changed: bool) -> None:
        """A book as it is seen now, None while it is unknown. ``changed``: the stream says that it has changed."""
        ...

    def signals(self, seen: Sequence[Observation]) -> None:
        """What other connectors told; it goes out with what is told next."""
        ...

    def told(self, time_ns: int) -> None:
        """What was heard up to here is told now."""
        ...

    def pulse(self, time_ns: int) -> None:
        """As ``told``, because time has passed."""
        ...


class KalshiFeed:
    """Implements ``engine.market.venue.Feed`` for ``markets``, over a stream that is open.

    ``names``: the facts that the rules read; others are not computed. ``account``: tell of our own orders and fills.
    ``charges``: read what every market charges, also where no rule asks. ``tape`` hears everything that the rules could
    be told, whatever they read. ``signals`` gives what other connectors have to tell, once a second.
    """

    def __init__(
        self, rest: KalshiRest, stream: KalshiStream, markets: Iterable[Market], names: Collection[str],
        clock: Callable[[], int], *, account: bool, charges: bool = False, tape: Tape | None = None,
        signals: Callable[[int], Sequence[Observation]] = lambda now: (),
    ) -> None:  # fmt: skip
        self._stream, self._clock = stream, clock
        self.sleep: Callable[[float], Awaitable[None]] = asyncio.sleep  # by the same clock as ``clock``
        self._tape, self._signals = tape, signals
        listed = list(markets)
        self._states = [MarketState.of(market) for market in listed]
        self._listings = {market.ticker: Listing.of(market) for market in listed}
        self._teller = Teller(self._states, names, self._book)
        fees = charges or tape is not None or bool(self._teller.wanted & RATES)
        self._terms, self._begun = Terms(rest, listed, clock, fees=fees), False
        self.taker_rates: dict[str, Decimal] = {}  # as they were when the stream began, as far as they were read
        self._subscribe(account)

    def _subscribe(self, account: bool) -> None:
        tickers = list(self._listings)
        self._stream.subscribe(Channel.ORDERBOOK, tickers)
        self._stream.subscribe(Channel.TICKER, tickers)
        self._stream.subscribe(Channel.LIFECYCLE)
        if self._teller.reads_trades or self._tape is not None:
            self._stream.subscribe(Channel.TRADE, tickers)
        if account:
            self._stream.subscribe(Channel.FILL)
            self._stream.subscribe(Channel.USER_ORDERS)

    async def read_terms(self) -> None:
        """Read how the markets stand, what they charge, and whether the exchange is open. VenueError if that fails."""
        lives = self._teller.messages()
        try:
            answers = await self._terms.read()
        except KalshiError as error:
            raise VenueError(str(error)) from error
        now = self._teller.messages()
        # Of the others the stream has told something newer meanwhile.
        states = [MarketState.of(m) for m in answers.markets if now[m.ticker] == lives[m.ticker]]
        reading = Reading(answers.began_ns, answers.exchange, states, answers.fees)
        self._teller.learn(reading)
        if not self._begun:
            self._begun = True
            self.taker_rates = taker_rates(reading.fees or {}, reading.began_ns)
            if self._tape is not None:
                self._tape.begin(self._states, self._listings, reading)
        elif self._tape is not None:
            self._tape.learned(self._clock(), reading)

    async def keep_terms(
        self, tell: Callable[[str], None], sleep: Callable[[float], Awaitable[None]] | None = None
    ) -> None:
        """Read the terms again every minute, for ever. After five minutes of failures nothing counts as tradable."""
        while True:
            await (sleep or self.sleep)(TERMS_SECONDS)
            try:
                await self.read_terms()
            except VenueError as error:
                tell(f"the markets' terms could not be read: {error}")

    def on_account(self, positions: Iterable[MarketPosition], balance: Balance) -> None:
        """Take what the account's lists say, for the facts ``position.*`` and ``account.*`` of the venue."""
        self._teller.on_account(positions, balance)

    async def batch(self) -> Batch:
        """Wait for the stream, and take everything that is there by then."""
        try:
            taken = await self._stream.take()
        except KalshiError as error:
            raise VenueError(str(error)) from error
        news: list[News] = []
        for event in taken:
            self._take(event, news)
        now_ns = self._clock()
        events = self._teller.told(now_ns)
        if self._tape is not None:
            self._tape.told(now_ns)
        return Batch(now_ns, events, news)

    def pulse(self, now_ns: int) -> list[MarketEvent]:
        """What has changed by the passing of time alone, of some markets everything anew, and what is signalled."""
        events, signals = self._teller.pulse(now_ns), self._signals(now_ns)
        if self._tape is not None:
            self._tape.signals(signals)
            self._tape.pulse(now_ns)
        return [*signals, *events]

    def behind(self) -> bool:
        """Books are made anew after a break, and there are no bars."""
        return False

    def known(self) -> bool:
        """Whether every market has told its prices."""
        return self._teller.known()

    def whole(self, now_ns: int) -> list[MarketEvent]:
        """All prices and facts as they are, whether they were told before or not."""
        self._teller.forget()
        return [*self._signals(now_ns), *self._teller.told(now_ns)]

    def _book(self, ticker: str, now_ns: int) -> Book | None:
        book = self._stream.book(ticker)
        if self._tape is not None:
            self._tape.book(ticker, now_ns, book, changed=False)
        return book

    def _take(self, event: StreamEvent, news: list[News]) -> None:
        body, time_ns = event.body, event.received_ns
        if isinstance(body, UserFill):
            news.append(_fill(body))
        elif isinstance(body, UserOrder):
            news.append(_order(body, time_ns))
        else:
            self._teller.hear(event)
            self._keep(event)
            news += _link(event)

    def _keep(self, event: StreamEvent) -> None:
        if self._tape is None:
            return
        if isinstance(event.body, BookChanged | BookLost):
            ticker = event.body.ticker
            self._tape.book(ticker, event.received_ns, self._stream.book(ticker), changed=True)
        else:
            self._tape.heard(event)


def _link(event: StreamEvent) -> list[News]:
    """What the connection has to say to whoever keeps the orders."""
    body, time_ns = event.body, event.received_ns
    if isinstance(body, Subscribed):
        return [LinkUp(time_ns)]
    if isinstance(body, Disconnected):
        return [LinkDown(time_ns, body.reason)]
    if isinstance(body, MarketLifecycle) and body.event_type == ACTIVATED:
        return [Reopened(time_ns, body.market_ticker)]
    if isinstance(body, MessagesMissed | Problem):
        words = body.words if isinstance(body, Problem) else f"{body.count} messages of {body.channel} were lost"
        return [Missed(time_ns, words)]
    return []


def _fill(told: UserFill) -> VenueFill:
    return VenueFill(
        told.trade_id, told.order_id, told.client_order_id or "", told.market_ticker, SIDES[told.book_side],
        told.count_fp, told.yes_price_dollars.dollars, told.fee_cost, told.ts_ms * NANOS_PER_MS,
    )  # fmt: skip


def _order(told: UserOrder, received_ns: int) -> VenueOrder:
    created = received_ns if told.created_ts_ms is None else told.created_ts_ms * NANOS_PER_MS
    return VenueOrder(
        told.order_id, told.client_order_id, told.ticker, SIDES[told.book_side], told.initial_count_fp,
        told.fill_count_fp, told.yes_price_dollars.dollars, told.status in (OrderStatus.RESTING, OrderStatus.UNKNOWN),
        created, told.last_update_reason or "",
    )  # fmt: skip
