"""The trace of a rule at a tick: its conditions with their values, read from the node values and nothing else."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.decide.symbol import SymbolState
from engine.language.nodes import Between, Compare, Member
from engine.language.terms import COMPARISONS, CROSSINGS, LOGIC, Op, Term
from engine.language.types import Kind
from engine.plan.build import ORDER_OWNER, Texts
from engine.plan.plan import Plan
from engine.plan.program import Program
from engine.plan.reasons import Reasons
from engine.ruleset.rules import Exit, Guard, Strategy

Side = float | str | None


@dataclass(frozen=True, slots=True)
class ConditionTrace:
    """One condition. ``value`` None is unknown; ``detail`` shows both sides, ``distance`` how far it was, and
    ``causes`` why it is unknown. ``left`` and ``right`` are the sides of a comparison (None is unknown).
    ``children`` are the parts of an and, or, not, if, for.
    """

    text: str
    value: bool | None
    detail: str = ""
    distance: str = ""
    causes: tuple[str, ...] = ()
    children: tuple[ConditionTrace, ...] = ()
    sides: tuple[Side, Side] | None = None

    def to_json(self) -> dict[str, object]:
        found: dict[str, object] = {"text": self.text, "value": self.value}
        if self.sides is not None:
            found["left"], found["right"] = self.sides
        for name in ("detail", "distance"):
            if getattr(self, name):
                found[name] = getattr(self, name)
        if self.causes:
            found["causes"] = list(self.causes)
        if self.children:
            found["children"] = [child.to_json() for child in self.children]
        return found


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """What a rule saw at one tick. ``verdict`` is that of the conditions alone, or of the decision that was taken.

    ``guards``: each guard's verdict on the wanted order; ``held_back``: what those that were not true saw.
    """

    time_ns: int
    rule: str
    symbol: str
    verdict: str
    why: tuple[ConditionTrace, ...]
    reason: str = ""
    guards: tuple[tuple[str, str], ...] = ()
    held_back: tuple[RuleTrace, ...] = ()

    def decided(
        self, verdict: str, reason: str, guards: Sequence[tuple[str, str]] = (), held_back: Sequence[RuleTrace] = ()
    ) -> RuleTrace:
        """The same conditions with what the decision made of them."""
        return replace(self, verdict=verdict, reason=reason, guards=tuple(guards), held_back=tuple(held_back))

    def to_json(self) -> dict[str, object]:
        found: dict[str, object] = {
            "tick": self.time_ns, "rule": self.rule, "symbol": self.symbol, "verdict": self.verdict,
            "why": [condition.to_json() for condition in self.why],
        }  # fmt: skip
        if self.reason:
            found["reason"] = self.reason
        if self.guards:
            found["guards"] = dict(self.guards)
        if self.held_back:
            found["held_back"] = [guard.to_json() for guard in self.held_back]
        return found


class Tracer:
    """Makes traces from the values of one symbol's program.

    ``state``: the symbol of a run that goes on; without it (values from a store) causes are told from values alone.
    """

    def __init__(self, plan: Plan, symbol: str, state: SymbolState | None = None) -> None:
        self.program: Program = plan.symbols[symbol].program
        self.symbol, self._texts, self._rules = symbol, plan.texts, plan.ruleset
        said, bars = (None, None) if state is None else (state.reasons, state.bars_seen)
        self._reasons = Reasons(self.program, plan.ruleset.facts, said, bars)

    def rule(self, rule: Strategy | Exit | Guard, owner: str, values: Any, time_ns: int) -> RuleTrace:
        """The trace of a rule's conditions. ``owner``: the strategy whose position an exit judges.

        Raises KeyError when the rule takes no part in this symbol.
        """
        if isinstance(rule, Guard):
            owner = ORDER_OWNER
        terms = rule.require if isinstance(rule, Guard) else rule.when
        why = tuple(self.condition(t, owner, values) for t in terms)
        return RuleTrace(time_ns, rule.key, self.symbol, verdict(why), why)

    def held_back(self, guards: Sequence[tuple[str, str]], values: Any, time_ns: int) -> tuple[RuleTrace, ...]:
        """What the guards saw that were not true. A guard whose values are no longer those of its judgement
        (another order was judged since) is left out.
        """
        found = []
        words = {"silent": "false", "unknown": "unknown"}
        for rule in self._rules.rules:
            judged = dict(guards).get(rule.key, "true")
            if isinstance(rule, Guard) and judged != "true":
                seen = self.rule(rule, ORDER_OWNER, values, time_ns)
                if words.get(seen.verdict) == judged:
                    found.append(seen.decided(judged, rule.action.reason))
        return tuple(found)

    def condition(self, term: Term, owner: str, values: Any) -> ConditionTrace:
        """One condition and its parts."""
        slot = self.program.slot(term, owner)
        value = _truth(values[slot])
        causes = tuple(self._reasons.why(slot, values)) if value is None else ()
        if term.op is Op.KNOWN and value is False:
            causes = tuple(self._reasons.why(self.program.slot(term.args[0], owner), values))
        children = tuple(self.condition(a, owner, values) for a in self._parts(term, owner, values))
        text = condition_text(term)
        if term.op is Op.HELD:
            early = value is False and children[0].value is True
            return ConditionTrace(text, value, "", "not for that long yet" if early else "", causes, children)
        if term.op not in COMPARISONS and term.op not in CROSSINGS:
            return ConditionTrace(text, value, "", "", causes, children)
        left, right = (float(values[self.program.slot(a, owner)]) for a in term.args)
        kinds = [_side_kind(*pair) for pair in (term.args, term.args[::-1])]
        shown = [self.shown(kind, x) for kind, x in zip(kinds, (left, right), strict=True)]
        word = {Op.CROSSES_ABOVE: "over", Op.CROSSES_BELOW: "under"}.get(term.op, term.op.value)
        distance = self._distance(term, left, right) if value is False else ""
        sides = (self._side(kinds[0], left), self._side(kinds[1], right))
        return ConditionTrace(text, value, f"{shown[0]} {word} {shown[1]}", distance, causes, children, sides)

    def _parts(self, term: Term, owner: str, values: Any) -> Sequence[Term]:
        """The conditions that a condition is made of; of an `if` the branch that is taken."""
        if term.op in LOGIC:
            return term.args
        if term.op is Op.HELD:
            return term.args[:1]
        if term.op is Op.IF:
            condition, yes, no = term.args
            taken = {True: (yes,), False: (no,), None: (yes, no)}[_truth(values[self.program.slot(condition, owner)])]
            return (condition, *taken)
        return ()

    def _distance(self, term: Term, left: float, right: float) -> str:
        """How far a false comparison was from true; empty where there is no distance."""
        kind = _side_kind(term.args[0], term.args[1])
        if term.op in (Op.EQUAL, Op.UNEQUAL) or kind in (Kind.BOOL, Kind.TEXT):
            return ""
        if term.op in CROSSINGS and (left > right if term.op is Op.CROSSES_ABOVE else left < right):
            return "already there before this bar"
        return "equal" if left == right else f"short by {self.shown(kind, abs(left - right))}"

    def _side(self, kind: Kind, value: float) -> Side:
        if math.isnan(value):
            return None
        return self._texts.text(value) if kind is Kind.TEXT else value

    def shown(self, kind: Kind, value: float) -> str:
        """A value as its kind is written in rules."""
        return format_value(kind, value, self._texts)


def condition_text(term: Term) -> str:
    """What the author wrote, or for one comparison out of ``1 < x < 3`` or ``x in [1, 2]`` what it stands for."""
    node = term.node
    several = isinstance(node, Between | Member) or (isinstance(node, Compare) and len(node.operators) > 1)
    if several and term.op in COMPARISONS:
        return f"{term.args[0].text} {term.op.value} {term.args[1].text}"
    return term.text


def _truth(number: float) -> bool | None:
    return None if number != number else bool(number == 1.0)


def _side_kind(side: Term, other: Term) -> Kind:
    """A bare literal is shown in the unit of what it is compared with."""
    return other.type.kind if other.type.kind in side.type.literals else side.type.kind


def verdict(why: Sequence[ConditionTrace]) -> str:
    """fired, silent or unknown: false wins over unknown."""
    if any(c.value is False for c in why):
        return "silent"
    return "unknown" if any(c.value is None for c in why) else "fired"


def format_value(kind: Kind, value: float, texts: Texts) -> str:
    """``501.05``, ``$50.00``, ``2.00%``, ``12m``, ``09:31``; ``unknown`` for NaN."""
    if value != value:
        return "unknown"
    if kind is Kind.BOOL:
        return "true" if value == 1.0 else "false"
    if kind is Kind.TEXT:
        return texts.text(value)
    if kind is Kind.MONEY:
        return f"{'-' if value < 0 else ''}${abs(value):,.2f}"
    if kind is Kind.RATIO:
        return f"{value * 100:.2f}%" if abs(value) >= 0.001 or value == 0 else f"{value * 10_000:.2f}bps"
    if kind is Kind.DURATION:
        return _duration(value)
    if kind is Kind.CLOCK:
        seconds = round(value)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
        return clock if seconds % 60 == 0 else f"{clock}:{seconds % 60:02d}"
    if kind is Kind.TIME:
        return datetime.datetime.fromtimestamp(value, datetime.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if kind is Kind.DATE:
        return datetime.date.fromordinal(int(value)).isoformat()
    if kind in (Kind.PRICE, Kind.PROBABILITY):
        return f"{value:.2f}" if abs(value) >= 1 else f"{value:.4f}".rstrip("0").rstrip(".")
    return f"{value:,.0f}" if value == round(value) else f"{value:,.4g}"


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if abs(seconds) >= size:
            return f"{seconds / size:.4g}{unit}"
    return f"{seconds:.4g}s"
