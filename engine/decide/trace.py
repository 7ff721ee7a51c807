"""The trace of a rule at a tick: its conditions with their values, read from the node values and nothing else."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.language.terms import COMPARISONS, CROSSINGS, Op, Term
from engine.language.types import Kind
from engine.plan.build import ORDER_OWNER, Texts
from engine.plan.plan import Plan
from engine.plan.program import Program
from engine.plan.reasons import Reasons
from engine.ruleset.rules import Exit, Guard, Strategy


@dataclass(frozen=True, slots=True)
class ConditionTrace:
    """One condition. ``value`` None is unknown; ``detail`` shows both sides, ``distance`` how far it was, and
    ``causes`` why it is unknown. ``children`` are the parts of an and, or, not.
    """

    text: str
    value: bool | None
    detail: str = ""
    distance: str = ""
    causes: tuple[str, ...] = ()
    children: tuple[ConditionTrace, ...] = ()

    def to_json(self) -> dict[str, object]:
        found: dict[str, object] = {"text": self.text, "value": self.value}
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
    """What a rule saw at one tick. ``verdict`` is that of the conditions alone, or of the decision that was taken."""

    time_ns: int
    rule: str
    symbol: str
    verdict: str
    why: tuple[ConditionTrace, ...]
    reason: str = ""
    guards: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, object]:
        found: dict[str, object] = {
            "tick": self.time_ns, "rule": self.rule, "symbol": self.symbol, "verdict": self.verdict,
            "why": [condition.to_json() for condition in self.why],
        }  # fmt: skip
        if self.reason:
            found["reason"] = self.reason
        if self.guards:
            found["guards"] = dict(self.guards)
        return found


class Tracer:
    """Makes traces from the values of one symbol's program."""

    def __init__(self, plan: Plan, symbol: str, reasons: dict[str, str] | None = None) -> None:
        self.program: Program = plan.symbols[symbol].program
        self.symbol, self._texts = symbol, plan.texts
        self._reasons = Reasons(self.program, plan.ruleset.facts, reasons)

    def rule(self, rule: Strategy | Exit | Guard, owner: str, values: Any, time_ns: int) -> RuleTrace:
        """The trace of a rule's conditions. ``owner``: the strategy whose position an exit judges."""
        if isinstance(rule, Guard):
            owner = ORDER_OWNER
        terms = rule.require if isinstance(rule, Guard) else rule.when
        why = tuple(self.condition(t, owner, values) for t in terms)
        return RuleTrace(time_ns, rule.key, self.symbol, verdict(why), why)

    def condition(self, term: Term, owner: str, values: Any) -> ConditionTrace:
        """One condition and its parts."""
        slot = self.program.slot(term, owner)
        number = float(values[slot])
        value = None if number != number else number == 1.0
        causes = tuple(self._reasons.why(slot, values)) if value is None else ()
        children: tuple[ConditionTrace, ...] = ()
        if term.op in (Op.AND, Op.OR, Op.NOT):
            children = tuple(self.condition(a, owner, values) for a in term.args)
        detail, distance = self._sides(term, owner, values, value)
        return ConditionTrace(term.text, value, detail, distance, causes, children)

    def _sides(self, term: Term, owner: str, values: Any, value: bool | None) -> tuple[str, str]:
        """Both sides of a comparison, and how far a false one was from true."""
        if term.op not in COMPARISONS and term.op not in CROSSINGS:
            return "", ""
        left, right = (float(values[self.program.slot(a, owner)]) for a in term.args)
        kinds = [_side_kind(*pair) for pair in (term.args, term.args[::-1])]
        shown = [self.shown(kind, x) for kind, x in zip(kinds, (left, right), strict=True)]
        word = {"crosses above": "over", "crosses below": "under"}.get(term.op.value, term.op.value)
        detail = f"{shown[0]} {word} {shown[1]}"
        if value is not False or left != left or right != right or term.op in (Op.EQUAL, Op.UNEQUAL):
            return detail, ""
        gap = abs(left - right)
        kind = term.args[0].type.kind
        if gap == 0 or kind in (Kind.BOOL, Kind.TEXT):
            return detail, ""
        if term.op in CROSSINGS:
            beyond = left > right if term.op is Op.CROSSES_ABOVE else left < right
            return detail, "already there before this bar" if beyond else f"short by {self.shown(kind, gap)}"
        return detail, f"short by {self.shown(kind, gap)}"

    def shown(self, kind: Kind, value: float) -> str:
        """A value as its kind is written in rules."""
        return format_value(kind, value, self._texts)


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
