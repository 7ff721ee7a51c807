"""Kalshi's stream as the engine's feed: quotes and facts of each market for the rules, news of our orders for whoever
keeps them.

A symbol is a market's ticker, a price the YES price, a quantity contracts: positive is YES, negative is NO. To sell
YES that is not held is to buy NO at one dollar less the price, and to buy it back is to sell NO.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from decimal import Decimal

from connectors.kalshi.book import Book
from connectors.kalshi.client import KalshiRest
from connectors.kalshi.errors import KalshiError
from connectors.kalshi.events import (
    BookChanged,
    BookLost,
    Connected,
    Disconnected,
    MessagesMissed,
    Problem,
    StreamEvent,
    Subscribed,
)
from connectors.kalshi.facts import Group, Known, MarketView
from connectors.kalshi.manifest import ACCOUNT, KALSHI, TRADES
from connectors.kalshi.models.fields import BookSide, OrderStatus
from connectors.kalshi.models.markets import Market
from connectors.kalshi.models.portfolio import Balance, MarketPosition
from connectors.kalshi.models.stream import EventFeeUpdate, MarketLifecycle, PublicTrade, Ticker, UserFill, UserOrder
from connectors.kalshi.rest.markets import MarketFilter
from connectors.kalshi.rest.paging import collect
from connectors.kalshi.states import MarketState
from connectors.kalshi.stream import KalshiStream
from connectors.kalshi.subscriptions import Channel
from connectors.kalshi.terms import STALE, Terms
from engine.market.events import MarketEvent, Observation, Quote
from engine.market.instrument import Instrument, InstrumentKind, PriceBand
from engine.market.orders import Side
from engine.market.venue import Batch, LinkDown, LinkUp, Missed, News, VenueError, VenueFill, VenueOrder

LOT = Decimal(1)
TICKERS_A_READ = 100
REFRESH_PULSES = 10
FEE_RATE = "venue.fee_rate"  # the engine's own fact, for fee()
TAKER_RATE_NAME = "market.taker_fee_rate"
FEE_NAMES = {TAKER_RATE_NAME, "market.maker_fee_rate"}
TERMS_SECONDS = 60.0
NANOS_PER_MS = 1_000_000
SIDES = {BookSide.BID: Side.BUY, BookSide.ASK: Side.SELL}
_NAMES = frozenset(fact.name for fact in KALSHI)
_TRADE_NAMES = frozenset(fact.name for fact in TRADES)
_ACCOUNT_NAMES = frozenset(fact.name for fact in ACCOUNT)


def instrument_of(market: Market) -> Instrument:
    """A market as something that can be ordered: whole contracts, at YES prices on the market's own grid."""
    grid = market.grid
    bands = tuple(PriceBand(r.start, r.end, r.step) for r in grid.ranges)
    smallest = min(band.step for band in bands)
    first, last = bands[0], bands[-1]
    return Instrument(
        market.ticker, InstrumentKind.BINARY, smallest, LOT, "24/7", bands if len(bands) > 1 else (),
        first.start or first.step, last.end if last.end < 1 else last.end - last.step,
    )  # fmt: skip


async def read_markets(rest: KalshiRest, tickers: Collection[str]) -> dict[str, Market]:
    """The markets of these tickers; VenueError names those that the venue does not have."""
    wanted = sorted(set(tickers))
    found: dict[str, Market] = {}
    try:
        for start in range(0, len(wanted), TICKERS_A_READ):
            part = tuple(wanted[start : start + TICKERS_A_READ])
            found |= {m.ticker: m for m in await collect(rest.markets.markets(MarketFilter(tickers=part)))}
    except KalshiError as error:
        raise VenueError(str(error)) from error
    missing = [ticker for ticker in wanted if ticker not in found]
    if missing:
        raise VenueError(f"the venue has no market {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}")
    return found


class KalshiFeed:
    """Implements ``engine.market.venue.Feed`` for ``markets``, over a stream that is open.

    ``names``: the facts that the rules read; others are not computed. ``account``: tell of our own orders and fills.
    """

    def __init__(
        self, rest: KalshiRest, stream: KalshiStream, markets: Iterable[Market], names: Collection[str],
        clock: Callable[[], int], *, account: bool,
    ) -> None:  # fmt: skip
        self._stream, self._clock = stream, clock
        self._tells_rate = FEE_RATE in names
        self._wanted = frozenset(names) & _NAMES | ({TAKER_RATE_NAME} if self._tells_rate else frozenset())
        self._groups = frozenset(group for group in Group if self._wanted & _names_of(group))
        listed = list(markets)
        self._views = {m.ticker: MarketView(MarketState.of(m), Book(m.ticker)) for m in listed}
        self._terms = Terms(rest, listed, clock, fees=bool(self._wanted & FEE_NAMES))
        self._told: dict[str, dict[str, Known]] = {ticker: {} for ticker in self._views}
        self._quotes: dict[str, Quote] = {}
        self._pulses = 0
        self._subscribe(account)

    def _subscribe(self, account: bool) -> None:
        tickers = list(self._views)
        self._stream.subscribe(Channel.ORDERBOOK, tickers)
        self._stream.subscribe(Channel.TICKER, tickers)
        self._stream.subscribe(Channel.LIFECYCLE)
        if self._wanted & _TRADE_NAMES:
            self._stream.subscribe(Channel.TRADE, tickers)
        if account:
            self._stream.subscribe(Channel.FILL)
            self._stream.subscribe(Channel.USER_ORDERS)

    async def read_terms(self) -> None:
        """Read how the markets stand, what they charge, and whether the exchange is open. VenueError if that fails."""
        lives = {ticker: view.messages for ticker, view in self._views.items()}
        try:
            markets = await self._terms.read()
        except KalshiError as error:
            raise VenueError(str(error)) from error
        for market in markets:
            view = self._views[market.ticker]
            if view.messages == lives[market.ticker]:  # else the stream has told of something newer meanwhile
                view.state = MarketState.of(market)
        for ticker, fees in self._terms.fees.items():
            self._views[ticker].on_fees(fees)

    async def keep_terms(
        self, tell: Callable[[str], None], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Read the terms again every minute, for ever. After five minutes of failures nothing counts as tradable."""
        while True:
            await sleep(TERMS_SECONDS)
            try:
                await self.read_terms()
            except VenueError as error:
                tell(f"the markets' terms could not be read: {error}")

    def on_account(self, positions: Iterable[MarketPosition], balance: Balance) -> None:
        """Take what the account's lists say, for the facts ``position.*`` and ``account.*`` of the venue."""
        held = {position.ticker: position for position in positions}
        for ticker, view in self._views.items():
            view.on_account(held.get(ticker), balance)

    async def batch(self) -> Batch:
        """Wait for the stream, and take everything that is there by then."""
        try:
            taken = await self._stream.take()
        except KalshiError as error:
            raise VenueError(str(error)) from error
        touched: dict[str, set[Group]] = {}
        news: list[News] = []
        for event in taken:
            self._take(event, touched, news)
        now_ns = self._clock()
        return Batch(now_ns, self._events(touched, now_ns), news)

    def pulse(self, now_ns: int) -> list[MarketEvent]:
        """What has changed by the passing of time alone, and of some markets everything anew.

        A fact that does not change is as fresh as the connection: it is told again every ten pulses, so that its age
        does not grow while all is well.
        """
        moving = {Group.MARKET, Group.TRADES, Group.ACCOUNT} & self._groups
        touched = {ticker: set(moving) for ticker in self._views} if moving else {}
        self._pulses += 1
        for ticker in list(self._views)[self._pulses % REFRESH_PULSES :: REFRESH_PULSES]:
            self._told[ticker].clear()
            touched.setdefault(ticker, set()).update(self._groups)
        return self._events(touched, now_ns)

    def known(self) -> bool:
        """Whether every market has told its prices."""
        return len(self._quotes) == len(self._views)

    def whole(self, now_ns: int) -> list[MarketEvent]:
        """All prices and facts as they are, whether they were told before or not."""
        self._told = {ticker: {} for ticker in self._views}
        self._quotes.clear()
        return self._events({ticker: {*Group} for ticker in self._views}, now_ns)

    # -- the stream's events -------------------------------------------------------------------------------------------

    def _take(self, event: StreamEvent, touched: dict[str, set[Group]], news: list[News]) -> None:
        body, time_ns = event.body, event.received_ns
        if isinstance(body, BookChanged | BookLost):
            _touch(touched, body.ticker, Group.PRICES, Group.DEPTH)
        elif isinstance(body, Ticker):
            self._of(body.market_ticker, lambda view: view.on_ticker(body))
            _touch(touched, body.market_ticker, Group.MARKET)
        elif isinstance(body, PublicTrade):
            self._of(body.market_ticker, lambda view: view.on_trade(body))
            _touch(touched, body.market_ticker, Group.TRADES)
        elif isinstance(body, MarketLifecycle):
            self._of(body.market_ticker, lambda view: view.on_lifecycle(body))
            _touch(touched, body.market_ticker, Group.MARKET)
        elif isinstance(body, EventFeeUpdate):
            for ticker in self._terms.on_event_fee(body, time_ns):
                self._views[ticker].on_fees(self._terms.fees[ticker])
                _touch(touched, ticker, Group.MARKET)
        elif isinstance(body, UserFill):
            news.append(_fill(body))
        elif isinstance(body, UserOrder):
            news.append(_order(body, time_ns))
        else:
            self._link(event, touched, news)

    def _link(self, event: StreamEvent, touched: dict[str, set[Group]], news: list[News]) -> None:
        body, time_ns = event.body, event.received_ns
        if isinstance(body, Subscribed):
            news.append(LinkUp(time_ns))
        elif isinstance(body, Disconnected):
            news.append(LinkDown(time_ns, body.reason))
            for view in self._views.values():
                view.disconnected()
            self._touch_all(touched)
        elif isinstance(body, Connected):
            for view in self._views.values():
                view.listening(time_ns)
        elif isinstance(body, MessagesMissed | Problem):
            words = body.words if isinstance(body, Problem) else f"{body.count} messages of {body.channel} were lost"
            news.append(Missed(time_ns, words))

    def _of(self, ticker: str, act: Callable[[MarketView], None]) -> None:
        view = self._views.get(ticker)
        if view is not None:
            act(view)

    def _touch_all(self, touched: dict[str, set[Group]]) -> None:
        for ticker in self._views:
            _touch(touched, ticker, *Group)

    # -- what the rules see --------------------------------------------------------------------------------------------

    def _events(self, touched: dict[str, set[Group]], now_ns: int) -> list[MarketEvent]:
        events: list[MarketEvent] = []
        for ticker, groups in touched.items():
            view = self._views.get(ticker)
            if view is None:
                continue
            if Group.PRICES in groups:
                self._quote(ticker, view, now_ns, events)
            for group in groups & self._groups:
                self._facts(ticker, view, group, now_ns, events)
        return events

    def _quote(self, ticker: str, view: MarketView, now_ns: int, events: list[MarketEvent]) -> None:
        view.book = self._stream.book(ticker) or Book(ticker)
        quote, before = view.quote(now_ns), self._quotes.get(ticker)
        if before is None or quote[2:] != before[2:]:
            self._quotes[ticker] = quote
            events.append(quote)

    def _facts(self, ticker: str, view: MarketView, group: Group, now_ns: int, events: list[MarketEvent]) -> None:
        told = self._told[ticker]
        facts = view.facts_of(group, now_ns, self._terms.exchange)
        if group is Group.MARKET and self._terms.stale(now_ns):
            facts |= {"market.tradable": Known(None, STALE), "market.why_not": Known(STALE)}
        for name, known in facts.items():
            if name in self._wanted and told.get(name) != known:
                told[name] = known
                events.append(Observation(ticker, now_ns, name, known.value, known.reason))
                if name == TAKER_RATE_NAME and self._tells_rate:
                    events.append(Observation(ticker, now_ns, FEE_RATE, known.value, known.reason))


def _touch(touched: dict[str, set[Group]], ticker: str, *groups: Group) -> None:
    touched.setdefault(ticker, set()).update(groups)


def _names_of(group: Group) -> frozenset[str]:
    if group is Group.TRADES:
        return _TRADE_NAMES
    if group is Group.ACCOUNT:
        return _ACCOUNT_NAMES
    if group is Group.DEPTH:
        return frozenset(name for name in _NAMES if name.startswith("book."))
    prices = frozenset(name for name in _NAMES if name.startswith(("yes.", "no."))) | {"market.spread"}
    if group is Group.PRICES:
        return prices
    return frozenset(name for name in _NAMES if name.startswith("market.")) - prices


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
