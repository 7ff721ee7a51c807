"""The orders that rest with the paper broker, and what a fill of one does to the others."""

from __future__ import annotations

from decimal import Decimal

from connectors.paper.account import PaperAccount
from connectors.paper.working import ZERO, Working
from engine.market.orders import BrokerReport, Leg, OrderState, OrderUpdate

_LEGS = (Leg.STOP, Leg.TARGET)


class Book:
    """``orders`` by client id and ``by_symbol`` hold the same orders, in the order in which they were placed."""

    def __init__(self, account: PaperAccount) -> None:
        self.account = account
        self.orders: dict[str, Working] = {}
        self.by_symbol: dict[str, list[Working]] = {}

    def add(self, working: Working) -> None:
        self.orders[working.order.client_id] = working
        self.by_symbol.setdefault(working.order.symbol, []).append(working)

    def rests(self, working: Working) -> bool:
        """Whether the order is still there and has something that may fill."""
        return working.remaining > 0 and self.orders.get(working.order.client_id) is working

    def fill(
        self, working: Working, room: Decimal | None, price: float, filled_ns: int, time_ns: int, report: BrokerReport
    ) -> tuple[Decimal, list[Working]]:
        """Fill what may fill, at most ``room``; returns how much did, and the bracket legs that this brought to life.

        ``filled_ns``: when that was; ``time_ns``: when it is told.
        An order with nothing left to reduce is cancelled. One that gives way to exits rests on.
        """
        quantity = self.account.reducible(working)
        if quantity <= 0:
            self.drop(working, OrderState.CANCELLED, time_ns, report, "nothing is left to close")
            return ZERO, []
        quantity = self._beside_exits(working, quantity)
        quantity = quantity if room is None else min(quantity, room)
        if quantity <= 0:
            return ZERO, []
        report.fills.append(self.account.book(working, quantity, price, filled_ns))
        report.updates.append(OrderUpdate(working.order.client_id, working.state, time_ns))
        self._shrink_group(working, quantity, time_ns, report)
        children = self._children(working)
        for child in children:
            child.release(quantity, time_ns)
        if working.state is OrderState.FILLED:
            self._end(working, time_ns, report)
        return quantity, children

    def drop(self, working: Working, state: OrderState, time_ns: int, report: BrokerReport, reason: str) -> None:
        """Take an order off the market, and what was to come of its bracket with it."""
        report.updates.append(OrderUpdate(working.order.client_id, state, time_ns, reason))
        self._end(working, time_ns, report)

    def protecting(self, working: Working) -> list[Working]:
        """The stops and targets of the position that an order reduces."""
        order = working.order
        resting = self.by_symbol.get(order.symbol, ())
        return [w for w in resting if w.order.strategy == order.strategy and w.order.leg in _LEGS]

    def _beside_exits(self, working: Working, quantity: Decimal) -> Decimal:
        """Of ``quantity`` what a stop or target may fill now: it is for what is held, less what exits under way are
        for, so that both together never sell more than is held. A stop that was reached waits for no exit that waits
        for a better price."""
        order = working.order
        if order.leg not in _LEGS:
            return quantity
        reached = order.leg is Leg.STOP and working.at_market
        exits = (
            w.remaining for w in self.by_symbol.get(order.symbol, ())
            if w.order.leg is Leg.EXIT and w.order.strategy == order.strategy and (w.at_market or not reached)
        )  # fmt: skip
        held = abs(self.account.positions.get((order.strategy, order.symbol), ZERO))
        return min(quantity, max(held - sum(exits, ZERO), ZERO))

    def _shrink_group(self, working: Working, quantity: Decimal, time_ns: int, report: BrokerReport) -> None:
        """One cancels the other: what one leg fills, the others lose."""
        group = working.order.group
        if group is None:
            return
        for other in list(self.by_symbol.get(working.order.symbol, ())):
            if other is working or other.order.group != group:
                continue
            other.lose(quantity)
            if other.filled >= other.order.quantity:
                self.drop(other, OrderState.CANCELLED, time_ns, report, "the other leg filled")

    def _children(self, working: Working) -> list[Working]:
        if working.order.leg is not Leg.ENTRY:
            return []
        parent = working.order.client_id
        return [w for w in self.by_symbol.get(working.order.symbol, ()) if w.order.parent == parent]

    def _end(self, working: Working, time_ns: int, report: BrokerReport) -> None:
        """Forget an order that is done; its legs keep what they have and expect no more."""
        children = self._children(working)
        self.orders.pop(working.order.client_id, None)
        symbol = working.order.symbol
        left = [w for w in self.by_symbol.get(symbol, ()) if w is not working]
        if left:
            self.by_symbol[symbol] = left
        else:
            self.by_symbol.pop(symbol, None)
        for child in children:
            child.expect_no_more()
            if child.remaining <= 0:
                reason = "its entry will fill no more" if working.filled else "its entry never filled"
                self.drop(child, OrderState.CANCELLED, time_ns, report, reason)
