"""Tells what happens in a run as one JSON object an event: signals with their reasons, orders, fills, halts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.decide.actions import Decision
from engine.decide.tick import DataNote, Decider
from engine.execute.outcomes import GENERATED, is_signal, options_guards, outcome_of, pack_of, setup_of
from engine.market.events import NANOS, Tick
from engine.market.inputs import MANUAL
from engine.market.orders import BrokerReport, Order, Side
from engine.ruleset.rules import Strategy

Sink = Callable[[Mapping[str, Any]], None]


class EventRecorder:
    """A recorder for ``engine.execute.loop``. ``tell`` takes an event (JSON values); ``run`` and ``mode`` say whose."""

    def __init__(self, tell: Sink, run: str, mode: str, decider: Decider) -> None:
        self._tell, self._whose = tell, {"run": run, "mode": mode}
        plan = decider.context.plan
        self._options = options_guards(plan)
        self._sides = {rule.key: rule.entry.side for rule in plan.ruleset.rules if isinstance(rule, Strategy)}
        self._halts: set[tuple[str, str]] = set()
        self._now_ns = 0

    def decision(self, decision: Decision, decider: Decider) -> None:
        self._now_ns = decision.time_ns
        if is_signal(decision):
            self._signal(decision, decider)
        elif decision.rule != decision.strategy or decision.rule == MANUAL:
            self._say(
                "exit" if decision.rule != MANUAL else "request", decision.time_ns, rule=decision.rule,
                strategy=decision.strategy, symbol=decision.symbol, verdict=decision.verdict.value,
                guard=decision.guard, reason=decision.reason,
            )  # fmt: skip

    def _signal(self, decision: Decision, decider: Decider) -> None:
        """Two lines: that there was a signal, and what became of it."""
        orders = decision.orders
        side = orders[0].side if orders else self._sides.get(decision.strategy, Side.BUY)
        state = decider.context.states.get(decision.symbol)
        last = math.nan if state is None else state.last
        told = {
            "pack": pack_of(decision.strategy), "setup": setup_of(decision.strategy), "strategy": decision.strategy,
            "symbol": decision.symbol, "trigger": decision.trigger_symbol, "side": side.value,
            "price": last if math.isfinite(last) else None,
        }  # fmt: skip
        self._say("signal", decision.time_ns, outcome=GENERATED, **told)
        outcome = outcome_of(decision, self._options)
        ids = [order.client_id for order in orders]
        self._say(
            "signal", decision.time_ns, outcome=outcome, **told, guard=decision.guard, reason=decision.reason,
            guards=decision.guards, orders=ids,
        )  # fmt: skip

    def orders(self, orders: Sequence[Order]) -> None:
        for order in orders:
            self._say(
                "order", order.created_ns, order=order.client_id, symbol=order.symbol, side=order.side.value,
                quantity=str(order.quantity), type=order.type.value, leg=order.leg.value, strategy=order.strategy,
                limit=_text(order.limit), stop=_text(order.stop), parent=order.parent,
            )  # fmt: skip

    def report(self, report: BrokerReport, decider: Decider) -> None:
        for fill in report.fills:
            self._say(
                "fill", fill.time_ns, order=fill.client_id, fill=fill.fill_id, symbol=fill.symbol, side=fill.side.value,
                quantity=str(fill.quantity), price=str(fill.price), fee=str(fill.fee), leg=fill.leg.value,
                strategy=fill.strategy,
            )  # fmt: skip
        for update in report.updates:
            self._say("order_update", update.time_ns, order=update.client_id, state=update.state.value,
                      reason=update.reason)  # fmt: skip

    def note(self, note: DataNote) -> None:
        self._say("market_data", note.time_ns, symbol=note.symbol, reason=note.text)

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        self._now_ns = ticks[-1].time_ns
        halts = {(halt.guard, halt.reason) for halt in decider.context.all_halts()}
        for what, found in (("halt", halts - self._halts), ("resume", self._halts - halts)):
            for by, reason in sorted(found):
                self._say(what, self._now_ns, by=by, reason=reason)
        self._halts = halts

    def _say(self, event: str, time_ns: int, **fields: Any) -> None:
        instant = datetime.fromtimestamp(time_ns // NANOS, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        time = f"{instant}.{time_ns % NANOS // 1_000:06d}Z"
        self._tell({"time": time, "time_ns": time_ns, **self._whose, "event": event, **fields})


def _text(value: object) -> str | None:
    return None if value is None else str(value)
