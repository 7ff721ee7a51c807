"""What rules are told of a set of markets: the stream's events in, quotes and facts out. Pure; time comes in.

The live feed and the replay of a capture both go through it, so that the same events, heard and told at the same
times, make the same ticks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from connectors.kalshi.book import Book
from connectors.kalshi.events import BookChanged, BookLost, Connected, Disconnected, StreamEvent
from connectors.kalshi.facts import Group, Known, MarketView
from connectors.kalshi.fees import FeeChange, FeeSchedule, Liquidity
from connectors.kalshi.manifest import ACCOUNT, KALSHI, TRADES
from connectors.kalshi.models.exchange import ExchangeStatus
from connectors.kalshi.models.portfolio import Balance, MarketPosition
from connectors.kalshi.models.stream import EventFeeUpdate, MarketLifecycle, PublicTrade, Ticker
from connectors.kalshi.states import MarketState
from engine.market.events import NANOS, SETTLEMENT, MarketEvent, Observation, Quote

REFRESH_PULSES = 10
STALE_NS = 300 * NANOS
STALE = "whether the exchange is open has not been told for five minutes"
FEE_RATE = "venue.fee_rate"  # the engine's own fact, for fee()
TAKER_RATE_NAME = "market.taker_fee_rate"
RATES = frozenset({TAKER_RATE_NAME, "market.maker_fee_rate"})
_NAMES = frozenset(fact.name for fact in KALSHI)
_TRADE_NAMES = frozenset(fact.name for fact in TRADES)
_ACCOUNT_NAMES = frozenset(fact.name for fact in ACCOUNT)
_BOOKS = frozenset({Group.PRICES, Group.DEPTH})

BookReader = Callable[[str, int], Book | None]


class Reading(NamedTuple):
    """What was read, beginning at ``began_ns``, and is not streamed whole: how markets stand, what they charge.

    ``states`` leaves out markets of which the stream told something newer meanwhile; ``fees`` by ticker, None where
    they were not read.
    """

    began_ns: int
    exchange: ExchangeStatus
    states: Sequence[MarketState]
    fees: Mapping[str, FeeSchedule] | None


def taker_rates(fees: Mapping[str, FeeSchedule], time_ns: int) -> dict[str, Decimal]:
    """What takers pay then, as a multiple of count × price × (1 − price); markets without a formula are left out."""
    terms = {ticker: schedule.at(time_ns) for ticker, schedule in fees.items()}
    return {ticker: found.rate(Liquidity.TAKER) for ticker, found in terms.items() if found is not None}


class Teller:
    """``book_of`` gives the book of a ticker as it is at an instant, None while it is unknown.

    ``names``: the facts that the rules read; others are not computed, but what a market settled at is always told.
    """

    def __init__(self, states: Iterable[MarketState], names: Collection[str], book_of: BookReader) -> None:
        self._tells_rate = FEE_RATE in names
        self.wanted = frozenset(names) & _NAMES | ({TAKER_RATE_NAME} if self._tells_rate else frozenset())
        wanted = frozenset(group for group in Group if self.wanted & _names_of(group))
        self._groups = wanted | {Group.MARKET}
        self._moving = wanted & {Group.MARKET, Group.TRADES, Group.ACCOUNT}
        self._views = {state.ticker: MarketView(state, Book(state.ticker)) for state in states}
        self._told: dict[str, dict[str, Known]] = {ticker: {} for ticker in self._views}
        self._quotes: dict[str, Quote] = {}
        self._book_of = book_of
        self._touched: dict[str, set[Group]] = {}
        self._pulses, self._pulsed_ns = 0, 0
        self._exchange: ExchangeStatus | None = None
        self._read_ns = 0

    @property
    def reads_trades(self) -> bool:
        """Whether any fact that is wanted comes from public trades."""
        return bool(self.wanted & _TRADE_NAMES)

    def messages(self) -> dict[str, int]:
        """How many messages about its life each market has had."""
        return {ticker: view.messages for ticker, view in self._views.items()}

    def known(self) -> bool:
        """Whether every market has told its prices."""
        return len(self._quotes) == len(self._views)

    def learn(self, reading: Reading) -> None:
        """Take what was read; it is told when its facts are told next."""
        self._exchange, self._read_ns = reading.exchange, reading.began_ns
        for state in reading.states:
            if state.ticker in self._views:
                self._views[state.ticker].state = state
        for ticker, fees in (reading.fees or {}).items():
            self._of(ticker, lambda view, fees=fees: view.on_fees(fees))  # type: ignore[misc]

    def on_account(self, positions: Iterable[MarketPosition], balance: Balance) -> None:
        """Take what the account's lists say."""
        held = {position.ticker: position for position in positions}
        for ticker, view in self._views.items():
            view.on_account(held.get(ticker), balance)

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
        elif isinstance(body, EventFeeUpdate):
            self._on_event_fee(body, time_ns)
        elif isinstance(body, Disconnected):
            self.disconnected()
        elif isinstance(body, Connected):
            for view in self._views.values():
                view.listening(time_ns)

    def _on_event_fee(self, told: EventFeeUpdate, now_ns: int) -> None:
        change = FeeChange(now_ns, told.fee_type_override, told.fee_multiplier_override)
        for ticker, view in self._views.items():
            if view.state.event_ticker == told.event_ticker and view.fees is not None:
                view.on_fees(view.fees.overridden(change))
                self.touch(ticker, Group.MARKET)

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
        # After a gap (a machine that slept, a practice exchange whose time was moved) all of them are due at once.
        every = 1 if self._pulsed_ns and now_ns - self._pulsed_ns >= REFRESH_PULSES * NANOS else REFRESH_PULSES
        self._pulsed_ns = now_ns
        for ticker in list(self._views)[self._pulses % every :: every]:
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
