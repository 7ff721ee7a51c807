"""Keeps a run in a store, so that it can be explained and decided again. Orders are down before they go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from engine.decide.actions import Decision, Replace
from engine.decide.context import Halt
from engine.decide.tick import DataNote, Decider
from engine.market.events import Tick
from engine.market.orders import BrokerReport, Fill, Order, OrderState, OrderUpdate, Seen


class Writer(Protocol):
    """What the journal needs of a store's run."""

    def orders(self, orders: Sequence[Order], seen: Mapping[str, Seen]) -> None: ...

    def halted(self, time_ns: int, by: str, reason: str, until_ns: int) -> None: ...

    def amended(self, client_id: str, time_ns: int, stop: Decimal) -> None: ...

    def mark(self, symbol: str, price: float, time_ns: int) -> None: ...

    def decision(
        self, time_ns: int, rule: str, strategy: str, symbol: str, trigger_symbol: str, verdict: str, guard: str,
        reason: str, guards: Mapping[str, str], actions: Sequence[str], values: bytes | None,
    ) -> int: ...  # fmt: skip

    def trace(self, time_ns: int, symbol: str, values: bytes) -> None: ...

    def fill(self, fill: Fill) -> None: ...

    def update(self, update: OrderUpdate) -> None: ...

    def event(self, time_ns: int, level: str, kind: str, symbol: str, text: str) -> None: ...

    def equity(self, time_ns: int, equity: float) -> None: ...

    def positions(self, rows: Sequence[Mapping[str, Any]]) -> None: ...

    def flush(self) -> None: ...


class JournalRecorder:
    """A recorder for ``engine.execute.loop`` that writes to a store.

    ``keep``: ``all`` keeps the node values of every tick (for ``engine why-not``), ``fired`` those of decisions,
    ``none`` neither.
    """

    def __init__(self, writer: Writer, keep: str) -> None:
        self._writer = writer
        self._keep = keep
        self._changed = False
        self._seen: dict[str, Seen] = {}
        self._halts: list[Halt] = []

    def decision(self, decision: Decision, decider: Decider) -> None:
        values = decision.values if self._keep != "none" else None
        self._writer.decision(
            decision.time_ns, decision.rule, decision.strategy, decision.symbol,
            decision.trigger_symbol or decision.symbol, decision.verdict.value, decision.guard, decision.reason,
            decision.guards, [action.canonical() for action in decision.actions],
            None if values is None else values.tobytes(),
        )  # fmt: skip
        self._changed |= bool(decision.actions)
        self._look(decision, decider)
        for action in decision.actions:
            if isinstance(action, Replace):
                self._writer.amended(action.client_id, decision.time_ns, action.stop)
        for halt in decider.context.halts.values():
            if not any(halt is known for known in self._halts):
                self._halts.append(halt)
                self._writer.halted(decision.time_ns, halt.guard, halt.reason, halt.until_ns)

    def _look(self, decision: Decision, decider: Decider) -> None:
        """The market that the decision was taken on, for what its orders will cost."""
        self._seen = {}
        for order in decision.orders:
            state = decider.context.states[order.symbol]
            self._seen[order.symbol] = Seen(_decimal(state.mid), _decimal(state.ask - state.bid))

    def orders(self, orders: Sequence[Order]) -> None:
        self._writer.orders(orders, self._seen)

    def report(self, report: BrokerReport, decider: Decider) -> None:
        for fill in report.fills:
            self._writer.fill(fill)
        for update in report.updates:
            self._writer.update(update)
            if update.state is OrderState.REFUSED:
                text = f"{update.client_id}: {update.reason}"
                self._writer.event(update.time_ns, "warning", "order_refused", "", text)
        self._changed = True

    def note(self, note: DataNote) -> None:
        self._writer.event(note.time_ns, "warning", "market_data", note.symbol, note.text)

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        for tick, worth in zip(ticks, equity, strict=True):
            if self._keep == "all":
                self._keep_values(tick, decider)
            self._writer.equity(tick.time_ns, worth)
        for (_, symbol), held in decider.context.portfolio.held.items():
            self._writer.mark(symbol, held.last, ticks[-1].time_ns)
        if self._changed:
            self._changed = False
            self._writer.positions(snapshot(decider))

    def _keep_values(self, tick: Tick, decider: Decider) -> None:
        for symbol in dict.fromkeys(event.symbol for event in tick.events):
            state = decider.context.states.get(symbol)
            if state is not None:
                self._writer.trace(tick.time_ns, symbol, state.v.tobytes())


def snapshot(decider: Decider) -> list[dict[str, Any]]:
    """Open positions with what protects them."""
    return [
        {
            "strategy": held.position.strategy, "symbol": held.position.symbol, "quantity": held.position.quantity,
            "entry": held.position.entry, "opened_ns": held.position.opened_ns, "high": held.high, "low": held.low,
            "stop": held.stop_price(),
        }
        for held in decider.context.portfolio.held.values()
    ]  # fmt: skip


def _decimal(value: float) -> Decimal | None:
    """A price as shown; None for unknown."""
    return Decimal(repr(round(value, 10))) if value == value else None
