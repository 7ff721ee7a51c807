"""AT409 stop-wrong-side: a protective stop or target that lies on the wrong side of the price."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.language.terms import Op, Term
from engine.language.types import Kind
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import constant
from engine.ruleset.rules import Entry

_REFERENCES = frozenset({"close", "last", "mid", "bid", "ask"})
_NOT_NEGATIVE = frozenset({"atr", "true_range", "stdev", "abs", "slippage"})


def run(context: LintContext) -> Iterable[Finding]:
    for strategy in context.ruleset.strategies:
        entries = [strategy.entry, *(o.entry for o in strategy.overrides.values() if o.entry is not None)]
        for entry in entries:
            yield from _entry(entry)


def _entry(entry: Entry) -> Iterable[Finding]:
    for term, wanted, what in ((entry.bracket_stop, -1, "stop"), (entry.bracket_target, 1, "target")):
        side = _side(term) if term is not None else None
        if term is not None and side is not None and side == -wanted * entry.side.sign:
            where = "above" if side > 0 else "below"
            right = "below" if side > 0 else "above"
            yield Finding(
                "AT409", "stop-wrong-side", f"the {what} of this {entry.side.value} lies {where} the price",
                (term.span(f"always {where}"),), help=f"a {what} of a {entry.side.value} lies {right} the price",
            )  # fmt: skip


def _side(term: Term) -> int | None:
    """1 when a price always lies above the market, -1 when always below, None when it depends."""
    if term.op in (Op.ADD, Op.SUBTRACT) and _is_reference(term.args[0]) and _is_distance(term.args[1]):
        return 1 if term.op is Op.ADD else -1
    if term.op is Op.MULTIPLY and _is_reference(term.args[0]):
        factor = term.args[1]  # price + 2% is price * (1 + 2%)
        if factor.op in (Op.ADD, Op.SUBTRACT) and constant(factor.args[0]) == 1.0 and _is_distance(factor.args[1]):
            return 1 if factor.op is Op.ADD else -1
    return None


def _is_reference(term: Term) -> bool:
    return term.op is Op.FACT and term.name in _REFERENCES


def _is_distance(term: Term) -> bool:
    """Whether a term is above zero, or at least never below it."""
    value = constant(term)
    if value is not None:
        return value > 0
    if term.op is Op.FUNCTION:
        return term.name in _NOT_NEGATIVE
    if term.op in (Op.MULTIPLY, Op.ADD) and term.type.kind in (Kind.PRICE, Kind.NUMBER, Kind.RATIO):
        return all(_is_distance(a) for a in term.args)
    return False


CHECK = Check(
    "AT409",
    "stop-wrong-side",
    "a stop or target on the wrong side of the price",
    Page(
        avoid="""\
kind: strategy
name: momentum
when: close crosses above open
then:
  buy: {size: 10, bracket: {stop: close + 1.5 * atr(14)}}
""",
        prefer="""\
kind: strategy
name: momentum
when: close crosses above open
then:
  buy: {size: 10, bracket: {stop: close - 1.5 * atr(14)}}
""",
        why="""\
A stop above the price of something bought sells it at once. The engine refuses such an order; here it is seen before.
""",
        exceptions="""\
Only a price plus or minus something that cannot be negative is judged; distances made from parameters are not.
""",
    ),
    run,
)
