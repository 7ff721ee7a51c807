"""Prints the trace of a run while it goes on."""

from __future__ import annotations

from collections.abc import Sequence

from engine.decide.actions import Action, Decision, Place, Replace, Verdict
from engine.decide.tick import DataNote, Decider
from engine.decide.trace import Tracer
from engine.market.events import Tick
from engine.market.orders import BrokerReport, Leg, Order, OrderState
from engine.report.trace_text import clock, render_trace
from engine.ruleset.rules import Exit, Strategy


class TracePrinter:
    """A recorder that prints. ``fired``: rules that fired or were held back; ``full``: every rule at every tick."""

    def __init__(self, level: str, timezone: str) -> None:
        self._level, self._timezone = level, timezone
        self._tracers: dict[str, Tracer] = {}
        self._told: set[str] = set()

    def decision(self, decision: Decision, decider: Decider) -> None:
        self._told.add(decision.rule)
        symbol = decision.trigger_symbol or decision.symbol
        rule = next((r for r in decider.context.plan.ruleset.rules if r.key == decision.rule), None)
        if not isinstance(rule, Strategy | Exit):
            told = describe(decision) or decision.reason
            print(f"{clock(decision.time_ns, self._timezone)} {decision.rule}  {decision.symbol} {told}")
            return
        states, time_ns = decider.context.states, decision.time_ns
        trace = self._tracer(decider, symbol).rule(rule, decision.strategy, states[symbol].v, time_ns)
        guards = tuple(decision.guards.items()) if decision.verdict is not Verdict.FIRED else ()
        ordered = self._tracer(decider, decision.symbol) if guards else None
        held_back = ordered.held_back(guards, states[decision.symbol].v, time_ns) if ordered else ()
        trace = trace.decided(decision.verdict.value, describe(decision), guards, held_back)
        print(render_trace(trace, self._timezone, full=self._level == "full"))

    def orders(self, orders: Sequence[Order]) -> None:
        """Orders are part of the decision's line."""

    def report(self, report: BrokerReport, decider: Decider) -> None:
        for fill in report.fills:
            print(
                f"{clock(fill.time_ns, self._timezone)}   filled: {fill.side} {fill.quantity} {fill.symbol} at "
                f"{fill.price.normalize():f} ({fill.leg}, fee ${fill.fee})"
            )
        for update in report.updates:
            if update.state is OrderState.REFUSED:
                print(f"{clock(update.time_ns, self._timezone)}   refused: {update.client_id}: {update.reason}")
            elif update.state is OrderState.EXPIRED:  # else an order that nobody met would end without a word
                print(f"{clock(update.time_ns, self._timezone)}   expired: {update.client_id[:8]}: {update.reason}")

    def note(self, note: DataNote) -> None:
        print(f"{clock(note.time_ns, self._timezone)}   {note.symbol}: {note.text}")

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        for tick in ticks if self._level == "full" else ():
            for symbol in dict.fromkeys(event.symbol for event in tick.events):
                if symbol in decider.context.states:
                    self._print_all(symbol, decider, tick.time_ns)
        self._told.clear()

    def _print_all(self, symbol: str, decider: Decider, time_ns: int) -> None:
        """Every strategy of a symbol that has not been told of at this tick."""
        values = decider.context.states[symbol].v
        for strategy in decider.context.plan.symbols[symbol].strategies:
            if strategy.key not in self._told:
                trace = self._tracer(decider, symbol).rule(strategy, strategy.key, values, time_ns)
                print(render_trace(trace, self._timezone))

    def _tracer(self, decider: Decider, symbol: str) -> Tracer:
        if symbol not in self._tracers:
            state = decider.context.states[symbol]
            self._tracers[symbol] = Tracer(decider.context.plan, symbol, state)
        return self._tracers[symbol]


def describe(decision: Decision) -> str:
    """What a decision wants or why it was held back, in one line."""
    if decision.verdict is not Verdict.FIRED:
        return f"{decision.guard}: {decision.reason}" if decision.guard else decision.reason
    return "; ".join(text for action in decision.actions if (text := _describe_action(action)))


def _describe_action(action: Action) -> str:
    if isinstance(action, Replace):
        return f"stop to {action.stop}"
    if not isinstance(action, Place):
        return ""
    words = []
    for order in action.orders:
        if order.leg in (Leg.ENTRY, Leg.EXIT):
            price = f" limit {order.limit}" if order.limit is not None else ""
            words.append(f"{order.side} {order.quantity} {order.symbol}{price} [{order.client_id[:8]}]")
        elif order.leg is Leg.STOP:
            words.append(f"stop {order.stop}")
        else:
            words.append(f"target {order.limit}")
    return ", ".join(words)
