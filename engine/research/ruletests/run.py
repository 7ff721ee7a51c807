"""Runs rule tests and compares what rules did with what was expected of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from engine.decide.actions import Decision, Replace
from engine.decide.tick import Decider
from engine.decide.trace import RuleTrace, Tracer
from engine.language.diagnostics import Span
from engine.market.events import NANOS, Tick
from engine.market.orders import BrokerReport, Fill, Leg, Order, OrderState, OrderUpdate
from engine.research.ruletests.coverage import Coverage
from engine.research.ruletests.world import Calendars, World, WorldError, build
from engine.ruleset.load import Document
from engine.ruleset.models_of_tests import Expectation, ExpectedOrder, Test
from engine.ruleset.rules import Exit, Guard, Pack, Ruleset, Strategy

AnyRule = Strategy | Exit | Guard


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that did not hold: what was expected and what happened, where it is written, and the trace."""

    message: str
    span: Span
    trace: RuleTrace | None = None


@dataclass(slots=True)
class TestResult:
    """One test. No failures means that it passed."""

    __test__ = False  # for pytest: no test class

    name: str
    pack: str
    span: Span
    failures: list[Failure] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.failures


def run_tests(ruleset: Ruleset, calendars: Calendars, coverage: Coverage | None = None) -> list[TestResult]:
    """Run every test of every pack, in the order of files."""
    return [
        run_test(ruleset, pack, document, calendars, coverage)
        for pack in ruleset.packs.values()
        for document in pack.tests
    ]


def run_test(
    ruleset: Ruleset, pack: Pack, document: Document, calendars: Calendars, coverage: Coverage | None = None
) -> TestResult:
    """Run one test document."""
    result = TestResult(document.name, pack.name, document.heading())
    model = document.model
    assert isinstance(model, Test)
    try:
        world = build(ruleset, pack, document, model, calendars)
        _Runner(world, document, model, result, coverage).run()
    except WorldError as error:
        result.failures.append(Failure(error.message, error.span))
    return result


class _Runner:
    """One test on its way through its ticks."""

    def __init__(
        self, world: World, document: Document, model: Test, result: TestResult, coverage: Coverage | None
    ) -> None:
        self.world, self.document, self.model = world, document, model
        self.result, self.coverage = result, coverage
        self.decider: Decider = world.decider
        self.tested: list[AnyRule] = [*world.pack.strategies, *world.pack.exits, *world.pack.guards]
        self.due: dict[int, list[int]] = {}
        for number, expected in enumerate(model.expect):
            self.due.setdefault(self._time_of(expected), []).append(number)

    def run(self) -> None:
        last_ns = self.world.ticks[-1].time_ns if self.world.ticks else self.world.start_ns
        for number, tick in enumerate(self.world.ticks):
            self._pin(number)
            decisions = self._decide(tick)
            for expected in self.due.pop(tick.time_ns, ()):
                self._judge(expected, tick, decisions)
            self._settle(tick, decisions)
        for time_ns, numbers in sorted(self.due.items()):
            for number in numbers:
                where = self.document.where(("expect", number, "at"))
                late = "after the test's data ends" if time_ns > last_ns else "at a minute without data"
                self.result.failures.append(Failure(f"`at: {self.model.expect[number].at}` is {late}", where))

    def _time_of(self, expected: Expectation) -> int:
        after = expected.at.after_start
        if after is not None:
            return self.world.start_ns + int(after * NANOS)
        zone = ZoneInfo(self.world.pack.timezone or "America/New_York")
        day = datetime.fromtimestamp(self.world.start_ns / NANOS, zone).replace(hour=0, minute=0, second=0)
        return int(day.timestamp()) * NANOS + int((expected.at.clock or 0) * NANOS)

    def _pin(self, number: int) -> None:
        self.decider.context.pinned = {
            symbol: [(slot, values[min(number, len(values) - 1)]) for slot, values in pins]
            for symbol, pins in self.world.pinned.items()
        }

    def _decide(self, tick: Tick) -> list[Decision]:
        decisions = self.decider.tick(tick)
        self._capture_entry_values()
        if self.coverage is not None:
            self.coverage.after_tick(self.decider, self.tested, self.world.symbol)
        return decisions

    def _capture_entry_values(self) -> None:
        """A given position takes the first known values as those of its entry."""
        context = self.decider.context
        for (strategy, symbol), held in context.portfolio.held.items():
            captures = context.plan.symbols[symbol].program.captures.get(strategy, ())
            if held.entry_values or not captures:
                continue
            values = tuple(float(context.states[symbol].v[read]) for read, _ in captures)
            if not any(math.isnan(v) for v in values):
                held.entry_values = values

    def _settle(self, tick: Tick, decisions: Sequence[Decision]) -> None:
        """Entries never fill in a test; reductions fill at once, at the last price."""
        portfolio = self.decider.context.portfolio
        portfolio.pending.clear()
        report = BrokerReport()
        for decision in decisions:
            for order in decision.orders:
                if order.leg is Leg.EXIT:
                    last = self.decider.context.states[order.symbol].last
                    report.fills.append(_fill(order, last, tick.time_ns))
                    report.updates.append(OrderUpdate(order.client_id, OrderState.FILLED, tick.time_ns))
        if report.fills:
            self.decider.book(report)

    # -- judging ---------------------------------------------------------------------------------------------------

    def _judge(self, number: int, tick: Tick, decisions: Sequence[Decision]) -> None:
        expected = self.model.expect[number]
        rules = [r for r in self.tested if fnmatchcase(r.name, str(expected.rule).rpartition(".")[2])]
        if not rules:
            where = self.document.where(("expect", number, "rule"))
            self.result.failures.append(Failure(f"`{expected.rule}` is not among the rules of this test", where))
            return
        for rule in rules:
            self._judge_rule(number, expected, rule, tick, decisions)

    def _judge_rule(
        self, number: int, expected: Expectation, rule: AnyRule, tick: Tick, decisions: Sequence[Decision]
    ) -> None:
        symbol = str(expected.symbol) if expected.symbol else self.world.symbol
        decision = _decision_of(rule, symbol, decisions)
        trace = self._trace(rule, symbol, tick.time_ns)
        got, words = _outcome(rule, decision, trace)
        problems: list[str] = []
        if got != expected.verdict:
            problems.append(f"{rule.name} was {got}, not {expected.verdict}")
        elif expected.because is not None and not any(str(expected.because) in word for word in words):
            problems.append(f"{rule.name} was {got}, but not because of `{expected.because}`: {'; '.join(words)}")
        else:
            problems += _order_problems(expected, rule, decision)
        where = self.document.where(("expect", number))
        self.result.failures += [Failure(f"at {expected.at}: {problem}", where, trace) for problem in problems]

    def _trace(self, rule: AnyRule, symbol: str, time_ns: int) -> RuleTrace | None:
        context = self.decider.context
        owner = rule.key
        if isinstance(rule, Exit):
            owners = [(s, held_symbol) for s, held_symbol in context.portfolio.held if s in rule.strategies]
            if not owners:
                return None
            owner, symbol = owners[0]
        if isinstance(rule, Guard):
            symbol = next((d.symbol for d in context.decisions if d.guards), symbol)
        if symbol not in context.states:
            return None
        state = context.states[symbol]
        try:
            return Tracer(context.plan, symbol, state).rule(rule, owner, state.v, time_ns)
        except KeyError:
            return None  # the rule takes no part in this symbol


def _decision_of(rule: AnyRule, symbol: str, decisions: Sequence[Decision]) -> Decision | None:
    """The decision that tells what a rule did: its own, or for a guard the one that it judged."""
    for decision in decisions:
        if isinstance(rule, Guard):
            if rule.key in decision.guards:
                return decision
        elif decision.rule == rule.key and symbol in (decision.symbol, decision.trigger_symbol):
            return decision
    return None


def _outcome(rule: AnyRule, decision: Decision | None, trace: RuleTrace | None) -> tuple[str, list[str]]:
    """What a rule did, and the words that say why."""
    if isinstance(rule, Guard):
        return _guard_outcome(rule, decision, trace)
    if decision is not None:
        return decision.verdict.value, [w for w in (decision.guard, decision.reason) if w]
    if trace is None:
        return "silent", ["there is no position" if isinstance(rule, Exit) else "it does not look at this symbol"]
    if trace.verdict == "fired":
        return "silent", ["its conditions hold, but its trigger did not come, or it has acted already"]
    wanted = None if trace.verdict == "unknown" else False
    words = [c.text for c in trace.why if c.value is wanted]
    return trace.verdict, words + [cause for c in trace.why if c.value is None for cause in c.causes]


def _guard_outcome(rule: Guard, decision: Decision | None, trace: RuleTrace | None) -> tuple[str, list[str]]:
    """A guard fires when it blocks, caps, halts or flattens; it is silent when it lets an order pass."""
    if decision is None:
        return "silent", ["no order came before it"]
    words = [rule.action.reason] + [c.text for c in (trace.why if trace else ()) if c.value is not True]
    if decision.guards[rule.key] == "true":
        return "silent", words
    return ("blocked" if decision.guard == rule.key else "fired"), words


def _order_problems(expected: Expectation, rule: AnyRule, decision: Decision | None) -> list[str]:
    problems: list[str] = []
    for name in ("buy", "sell", "close"):
        wanted: ExpectedOrder | None = getattr(expected, name)
        if wanted is None:
            continue
        order = _find_order(name, decision)
        if order is None and (name != "close" or decision is None):
            problems.append(f"{rule.name} wanted no order to {name}")
            continue
        problems += [f"{rule.name}: {p}" for p in _differences(wanted, order, decision)]
    return problems


def _find_order(name: str, decision: Decision | None) -> Order | None:
    for order in decision.orders if decision is not None else ():
        if name == "close" and order.leg is Leg.EXIT:
            return order
        if order.leg is Leg.ENTRY and order.side.value == name:
            return order
    return None


def _differences(wanted: ExpectedOrder, order: Order | None, decision: Decision | None) -> list[str]:
    """What of an order is not as expected; ``stop`` of an exit is the stop that it moved."""
    assert decision is not None
    legs = {o.leg: o for o in decision.orders}
    moved = [a.stop for a in decision.actions if isinstance(a, Replace)]
    stop = legs[Leg.STOP].stop if Leg.STOP in legs else (moved[0] if moved else None)
    if order is not None and order.leg is Leg.ENTRY and order.stop is not None and stop is None:
        stop = order.stop
    target = legs[Leg.TARGET].limit if Leg.TARGET in legs else None
    have: dict[str, Decimal | None] = {
        "quantity": order.quantity if order is not None else None,
        "limit": order.limit if order is not None else None,
        "stop": stop,
        "target": target,
    }
    problems = []
    if wanted.symbol is not None and (order is None or order.symbol != str(wanted.symbol)):
        problems.append(f"symbol is {order.symbol if order else 'none'}, not {wanted.symbol}")
    for name, value in have.items():
        comparison = getattr(wanted, name)
        if comparison is None:
            continue
        if value is None:
            problems.append(f"it has no {name}, wanted {comparison}")
        elif not comparison.holds(value):
            problems.append(f"{name} is {value.normalize():f}, not {comparison}")
    return problems


def _fill(order: Order, price: float, time_ns: int) -> Fill:
    return Fill(
        f"{order.client_id}/1", order.client_id, order.symbol, order.strategy, order.side, order.quantity,
        Decimal(repr(price)), Decimal(0), time_ns, order.leg, order.reason,
    )  # fmt: skip
