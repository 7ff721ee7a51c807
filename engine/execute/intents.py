"""Keeps the intents of a paper run as a venue's broker keeps those of a live one, so that the next run can go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.decide.actions import Decision, Replace
from engine.decide.portfolio import Pending
from engine.decide.tick import DataNote, Decider
from engine.market.events import Tick
from engine.market.orders import BrokerReport, Order, OrderState
from engine.market.wire import Intent, OrderStore


class IntentKeeper:
    """A recorder for ``engine.execute.loop``; ``open_intents`` are those of earlier runs that go on."""

    def __init__(self, store: OrderStore, open_intents: Iterable[Intent]) -> None:
        self._store = store
        self._intents = {intent.order.client_id: intent for intent in open_intents}
        self._pending: Mapping[str, Pending] = {}

    def decision(self, decision: Decision, decider: Decider) -> None:
        self._pending = decider.context.portfolio.pending
        changed = []
        for action in decision.actions:
            intent = self._intents.get(action.client_id) if isinstance(action, Replace) else None
            if isinstance(action, Replace) and intent is not None:
                quantity, stop = action.quantity or intent.order.quantity, action.stop or intent.order.stop
                intent.order = intent.order._replace(quantity=quantity, stop=stop)
                changed.append(intent)
        if changed:
            self._store.save(changed, (), decision.time_ns)

    def orders(self, orders: Sequence[Order]) -> None:
        new = []
        for order in orders:
            pending = self._pending.get(order.client_id)
            known = (pending.entry_values, pending.trigger_symbol) if pending is not None else ((), "")
            intent = Intent(order, entry_values=known[0], trigger_symbol=known[1])
            self._intents[order.client_id] = intent
            new.append(intent)
        self._store.save(new, (), orders[0].created_ns)

    def report(self, report: BrokerReport, decider: Decider) -> None:
        changed: dict[str, Intent] = {}
        for fill in report.fills:
            intent = self._intents.get(fill.client_id)
            if intent is not None:
                intent.filled += fill.quantity
                changed[fill.client_id] = intent
        for update in report.updates:
            intent = self._intents.get(update.client_id)
            if intent is not None:
                intent.state, intent.reason = update.state, update.reason
                changed[update.client_id] = intent
                if not update.state.open:
                    del self._intents[update.client_id]
        if changed:
            self._store.save(list(changed.values()), (), decider.context.now_ns)

    def note(self, note: DataNote) -> None:
        """Notes change no order."""

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        """Time changes no order; the broker reports what does."""


def lost(intents: Iterable[Intent], resting: Iterable[str]) -> list[Intent]:
    """Intents that should rest and do not, because the engine stopped between writing them down and placing them; they
    count as cancelled from here on."""
    there = frozenset(resting)
    gone = [i for i in intents if i.state.open and i.order.client_id not in there]
    for intent in gone:
        intent.state, intent.reason = OrderState.CANCELLED, "the engine stopped before it was placed"
    return gone
