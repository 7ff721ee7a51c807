"""A broker for dry runs: it takes every order and sends none.

What it takes rests, as where nobody trades, until it is cancelled or its time is over. So nothing is ever held, and a
rule that waits for its order does not ask for another at the next tick.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

from engine.market.events import Bar, MarketEvent
from engine.market.orders import BrokerReport, Order, OrderState, OrderUpdate

NOT_SENT = "dry run: not sent"


class DryBroker:
    """Implements ``engine.market.orders.Broker``. ``rests`` False: every order is over as soon as it is placed, for one
    look at the market."""

    def __init__(self, *, rests: bool = True) -> None:
        self._rests = rests
        self._resting: dict[str, Order] = {}

    def on_events(self, time_ns: int, events: Sequence[MarketEvent]) -> BrokerReport | None:
        """Orders whose time is over."""
        over = [o.client_id for o in self._resting.values() if o.expires_ns is not None and o.expires_ns <= time_ns]
        return self._end(over, OrderState.EXPIRED, time_ns) if over else None

    def place(self, orders: Sequence[Order], time_ns: int) -> BrokerReport:
        """They rest, or are over at once."""
        self._resting |= {order.client_id: order for order in orders}
        if self._rests:
            return BrokerReport()
        return self._end([order.client_id for order in orders], OrderState.CANCELLED, time_ns)

    def cancel(self, client_ids: Sequence[str], time_ns: int) -> BrokerReport:
        """They are gone, and with an entry its stop and target."""
        return self._end(client_ids, OrderState.CANCELLED, time_ns)

    def replace(self, client_id: str, time_ns: int, stop: Decimal) -> BrokerReport:
        """Nothing changes: no order protects anything."""
        return BrokerReport()

    def untouched(self, bars: Sequence[Bar]) -> int:
        """Bars touch no order, but time ends some."""
        return 0 if self._resting else len(bars)

    def _end(self, client_ids: Collection[str], state: OrderState, time_ns: int) -> BrokerReport:
        gone = {id: order for id, order in self._resting.items() if id in client_ids or order.parent in client_ids}
        for client_id in gone:
            del self._resting[client_id]
        updates = [
            OrderUpdate(id, state if id in client_ids else OrderState.CANCELLED, time_ns, NOT_SENT) for id in gone
        ]
        return BrokerReport(updates=updates)
