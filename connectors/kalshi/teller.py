"""What rules are told of a set of markets: the stream's events in, quotes and facts out. Pure; time comes in.

The live feed and the replay of a capture both go through it, so that the same events, heard and told at the same
times, make the same ticks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from connectors.kalshi.book import Book
from connectors.kalshi.events import BookChanged, BookLost, Connected, Disconnected, StreamEvent
from connectors.kalshi.facts import Group, Known, MarketView
from connectors.kalshi.manifest import ACCOUNT, KALSHI, TRADES
from connectors.kalshi.models.exchange import ExchangeStatus
from connectors.kalshi.models.portfolio import Balance, MarketPosition
from connectors.kalshi.models.stream import MarketLifecycle, PublicTrade, Ticker
from connectors.kalshi.states import MarketState
from connectors.kalshi.terms import Terms, TermsRead
from engine.market.events import NANOS, SETTLEMENT, MarketEvent, Observation, Quote

REFRESH_PULSES = 10
FEE_RATE = "venue.fee_rate"  # the engine's own fact, for fee()
TAKER_RATE_NAME = "market.taker_fee_rate"
RATES = frozenset({TAKER_RATE_NAME, "market.maker_fee_rate"})
_NAMES = frozenset(fact.name for fact in KALSHI)
_TRADE_NAMES = frozenset(fact.name for fact in TRADES)
_ACCOUNT_NAMES = frozenset(fact.name for fact in ACCOUNT)
_BOOKS = frozenset({Group.PRICES, Group.DEPTH})
STALE_NS = 300 * NANOS
STALE = "whether the exchange is open has not been told for five minutes"

BookReader = Callable[[str, int], Book | None]


class Teller:
    """``book_of`` gives the book of a ticker as it is at an instant, None while it is unknown.

    ``names``: the facts that the rules read; others are not computed, but what a market settled at is always told.
    """

    def __init__(self, markets: Iterable[Terms], names: Collection[str], book_of: BookReader) -> None:
        self._tells_rate = FEE_RATE in names
        self.wanted = frozenset(names) & _NAMES | ({TAKER_RATE_NAME} if self._tells_rate else frozenset())
        wanted = frozenset(group for group in Group if self.wanted & _names_of(group))
        self._groups = wanted | {Group.MARKET}
        self._moving = wanted & {Group.MARKET, Group.TRADES, Group.ACCOUNT}
        self._views: dict[str, MarketView] = {}
        for terms in markets:
            view = self._views[terms.state.ticker] = MarketView(terms.state, Book(terms.state.ticker))
            view.on_fees(terms.fees)
        self._told: dict[str, dict[str, Known]] = {ticker: {} for ticker in self._views}
        self._quotes: dict[str, Quote] = {}
        self._book_of = book_of
        self._touched: dict[str, set[Group]] = {}
        self._pulses = 0
        self._exchange: ExchangeStatus | None = None
        self._read_ns = 0

    @property
    def reads_trades(self) -> bool:
        """Whether any fact that is wanted comes from public trades."""
        return bool(self.wanted & _TRADE_NAMES)

    def on_account(self, positions: Iterable[MarketPosition], balance: Balance) -> None:
        """Take what the account's lists say."""
        held = {position.ticker: position for position in positions}
        for ticker, view in self._views.items():
            view.on_account(held.get(ticker), balance)

    @property
    def known(self) -> bool:
        """Whether the prices of every market have been told."""
        return len(self._quotes) == len(self._views)

    @property
    def lives(self) -> dict[str, int]:
        """How many messages of its life each market has had."""
        return {ticker: view.messages for ticker, view in self._views.items()}

    def state_of(self, ticker: str) -> MarketState:
        """How a market stands."""
        return self._views[ticker].state

    def terms(self, read: TermsRead) -> None:
        """Take in what was read anew."""
        self._exchange, self._read_ns = read.exchange, read.time_ns
        for terms in read.markets:
            view = self._views.get(terms.state.ticker)
            if view is not None:
                view.state = terms.state
                view.on_fees(terms.fees)
                self.touch(terms.state.ticker, Group.MARKET)

    def hear(self, event: StreamEvent) -> None:
        """Take in one event of the stream. Nothing is told yet."""
        body, time_ns = event.body, event.received_ns
        if isinstance(body, BookChanged | BookLost):
            self.touch(body.ticker, Group.PRICES, Group.DEPTH)
        elif isinstance(body, Ticker):
            self._of(body.market_ticker, lambda view: view.on_ticker(body))
            self.touch(body.market_ticker, Group.MARKET)
        elif isinstance(body, PublicTrade):
            self._of(body.market_ticker, lambda view: view.on_trade(body))
            self.touch(body.market_ticker, Group.TRADES)
        elif isinstance(body, MarketLifecycle):
            self._of(body.market_ticker, lambda view: view.on_lifecycle(body))
            self.touch(body.market_ticker, Group.MARKET)
        elif isinstance(body, Disconnected):
            self.disconnected()
        elif isinstance(body, Connected):
            for view in self._views.values():
                view.listening(time_ns)

    def disconnected(self) -> None:
        """From now on nothing is known but what stands still."""
        for view in self._views.values():
            view.disconnected()
        for ticker in self._views:
            self.touch(ticker, *Group)

    def touch(self, ticker: str, *groups: Group) -> None:
        """These facts of a market may have changed."""
        self._touched.setdefault(ticker, set()).update(groups)

    def forget(self) -> None:
        """Tell everything anew, as to a listener who has heard nothing yet."""
        for ticker, told in self._told.items():
            told.clear()
            self._quotes.pop(ticker, None)
            self.touch(ticker, *Group)

    def told(self, now_ns: int) -> list[MarketEvent]:
        """What the rules are told of what was heard since they were told last."""
        touched, self._touched = self._touched, {}
        return self._events(touched, now_ns)

    def pulse(self, now_ns: int) -> list[MarketEvent]:
        """What has changed by the passing of time alone, and of some markets everything anew.

        A fact that does not change is as fresh as the connection: it is told again every ten pulses, so that its age
        does not grow while all is well.
        """
        for ticker in self._views:
            self.touch(ticker, *self._moving)
        self._pulses += 1
        for ticker in list(self._views)[self._pulses % REFRESH_PULSES :: REFRESH_PULSES]:
            self._told[ticker].clear()
            self.touch(ticker, *Group)
        return self.told(now_ns)

    def _of(self, ticker: str, act: Callable[[MarketView], None]) -> None:
        view = self._views.get(ticker)
        if view is not None:
            act(view)

    def _events(self, touched: dict[str, set[Group]], now_ns: int) -> list[MarketEvent]:
        events: list[MarketEvent] = []
        for ticker, groups in touched.items():
            view = self._views.get(ticker)
            if view is None:
                continue
            if groups & _BOOKS:
                view.book = self._book_of(ticker, now_ns) or Book(ticker)
            if Group.PRICES in groups:
                self._quote(ticker, view, now_ns, events)
            for group in Group:  # in this order: that of a set differs from process to process
                if group in groups and group in self._groups:
                    self._facts(ticker, view, group, now_ns, events)
        return events

    def _quote(self, ticker: str, view: MarketView, now_ns: int, events: list[MarketEvent]) -> None:
        quote, before = view.quote(now_ns), self._quotes.get(ticker)
        if before is None or quote[2:] != before[2:]:
            self._quotes[ticker] = quote
            events.append(quote)

    def _facts(self, ticker: str, view: MarketView, group: Group, now_ns: int, events: list[MarketEvent]) -> None:
        told = self._told[ticker]
        facts = view.facts_of(group, now_ns, self._exchange)
        if group is Group.MARKET and now_ns - self._read_ns > STALE_NS:
            facts |= {"market.tradable": Known(None, STALE), "market.why_not": Known(STALE)}
        for name, known in facts.items():
            settled = name == SETTLEMENT and known.value is not None  # whoever holds the market must hear of it
            if (name in self.wanted or settled) and told.get(name) != known:
                told[name] = known
                events.append(Observation(ticker, now_ns, name, known.value, known.reason))
                if name == TAKER_RATE_NAME and self._tells_rate:
                    events.append(Observation(ticker, now_ns, FEE_RATE, known.value, known.reason))


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
