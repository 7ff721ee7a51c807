"""The trading floor: what is listed, which orders exist, and the one way in which orders leave a book."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from copy import copy
from fractions import Fraction

from connectors.simulators.kalshi.core.accounts import Accounts
from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.fees import FREE, FeeTerms
from connectors.simulators.kalshi.core.groups import Group, Groups
from connectors.simulators.kalshi.core.ids import Ids
from connectors.simulators.kalshi.core.model import Event, Fill, Market, Series, Settlement, Trade
from connectors.simulators.kalshi.core.notices import BookChanged, Notice, OrderChanged, QuoteChanged
from connectors.simulators.kalshi.core.order import Order
from connectors.simulators.kalshi.core.timers import Timers

TRADES_KEPT = 200_000


class Shard:
    """Whether a part of the exchange works: without ``active`` nothing moves, without ``trading`` only cancels do."""

    __slots__ = ("active", "trading")

    def __init__(self) -> None:
        self.active = True
        self.trading = True


class Floor:
    """The shared state of the exchange's parts. ``clock`` counts actions; every change of a book bears one."""

    def __init__(self, ids: Ids, shards: int) -> None:
        self.ids = ids
        self.now = 0
        self.clock = 0
        self.notices: list[Notice] = []
        self.accounts = Accounts(self.notices)
        self.groups = Groups(self.notices)
        self.shards = [Shard() for _ in range(shards)]
        self.series: dict[str, Series] = {}
        self.events: dict[str, Event] = {}
        self.markets: dict[str, Market] = {}
        self.orders: dict[str, Order] = {}
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.fills: list[Fill] = []
        self.settlements: list[Settlement] = []
        self.timers = Timers()
        self.on_closed: list[Callable[[Market], None]] = []  # called when a market closes
        self.on_settled: list[Callable[[Market], None]] = []

    def market(self, ticker: str) -> Market:
        market = self.markets.get(ticker)
        if market is None:
            raise VenueError(404, "market_not_found")
        return market

    def terms(self, market: Market) -> FeeTerms:
        """What trading in the market costs now."""
        if market.fee_waiver_ns > self.now:
            return FREE
        event = self.events[market.event_ticker]
        series = self.series[event.series_ticker]
        fee_type = event.fee_type_override or series.fee_type
        override = event.fee_multiplier_override
        multiplier: Fraction = override if override is not None else series.fee_multiplier
        return FeeTerms(fee_type, multiplier)

    def tick(self, market: Market) -> int:
        """The clock of a new action on a market."""
        self.clock += 1
        market.clock = self.clock
        return self.clock

    def restart_clocks(self) -> None:
        """After maintenance the clock starts again; it is the one thing that makes it run backwards."""
        self.clock = 1
        for market in self.markets.values():
            market.clock = min(market.clock, self.clock)

    def enter(self, market: Market, order: Order) -> None:
        """Put the open rest of an order on the book."""
        market.book.side(order.side).add(order)
        self.accounts.rest(order)
        if order.group_id is not None:
            self.groups.groups[order.group_id].order_ids[order.order_id] = None
        self.change(market, order, order.remaining, order)

    def leave(self, market: Market, order: Order) -> None:
        """Take an order off the book with what it still had."""
        market.book.side(order.side).remove(order)
        self.change(market, order, -order.remaining, order)
        self.forget(order)

    def forget(self, order: Order) -> None:
        self.accounts.unrest(order)
        group = self.groups.groups.get(order.group_id or "")
        if group is not None:
            group.order_ids.pop(order.order_id, None)

    def change(self, market: Market, order: Order, delta: int, cause: Order) -> None:
        self.notices.append(
            BookChanged(market.ticker, market.clock, order.side, order.price, delta, cause, self.now)
        )  # fmt: skip

    def hold(self, market: Market, order: Order) -> None:
        accounts, user, number = self.accounts, order.user, order.subaccount
        accounts.hold(market, user, number, self.terms(market), self.now)
        for ticker in accounts.netting.together(user, number, market.event_ticker):
            if ticker != market.ticker:
                other = self.markets[ticker]
                accounts.hold(other, user, number, self.terms(other), self.now)

    def cancel(self, market: Market, order: Order, reason: str | None) -> int:
        """End a resting order; returns the contracts that it no longer wants."""
        self.leave(market, order)
        reduced = self.end(order, "canceled", reason)
        self.hold(market, order)
        return reduced

    def drop(self, order: Order, reason: str | None) -> int:
        """Take a resting order off the exchange as an action of its own; returns what it still wanted."""
        market = self.markets[order.ticker]
        self.tick(market)
        reduced = self.cancel(market, order, reason)
        self.quote(market)
        return reduced

    def blow(self, group: Group) -> None:
        """Blow a group's fuse: no order of it rests, none may come until it is reset."""
        group.triggered = True
        for order_id in list(group.order_ids):
            self.drop(self.orders[order_id], None)
        self.groups.tell(group, "triggered", self.now)

    def end(self, order: Order, status: str, reason: str | None) -> int:
        reduced = order.remaining
        order.remaining = 0
        order.status = status
        order.reason = reason
        order.updated_ns = self.now
        self.tell(order)
        self.shed(order)
        return reduced

    def shed(self, order: Order) -> None:
        """Forget an ended order of a simulated trader: nobody will ask, and there are very many."""
        if not order.resting and self.accounts.users[order.user].trusted:
            self.orders.pop(order.order_id, None)

    def tell(self, order: Order) -> None:
        if not self.accounts.users[order.user].trusted:
            self.notices.append(OrderChanged(copy(order), self.now))

    def quote(self, market: Market) -> None:
        self.notices.append(QuoteChanged(market.ticker, self.now))
