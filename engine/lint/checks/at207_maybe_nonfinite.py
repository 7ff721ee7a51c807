"""AT207 maybe-nonfinite: a divisor that is zero on ordinary data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language.diagnostics import Finding
from engine.language.terms import COMPARISONS, Op, Term, walk
from engine.language.types import Kind, Varies
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import Same, constant, roots
from engine.market.facts import Scope
from engine.ruleset import models
from engine.ruleset.rules import Definitions, Rule, Ruleset

# Counts and differences that are zero on an ordinary day. Averages of volume and ATR are not among them.
_ZERO_FACTS = frozenset({
    "spread", "spread_ratio", "position.quantity", "position.bars", "position.gain", "position.gain_ratio",
    "position.profit", "pnl.today", "pnl.realized_today", "pnl.total", "pnl.drawdown", "session.minutes",
    "session.minutes_left",
})  # fmt: skip
_ZERO_FUNCTIONS = frozenset({
    "stdev", "change", "true_range", "bars_since", "bar_index", "macd", "macd_signal", "macd_histogram", "zscore",
    "slope", "correlation", "minutes_since_open", "minutes_to_close",
})  # fmt: skip
_KEEPS_ZERO = frozenset({"abs", "sqrt"})
_WHY = {Op.SUBTRACT: "the two sides can be equal", Op.FACT: "it can be zero", Op.FUNCTION: "it can be zero"}


def run(context: LintContext) -> Iterable[Finding]:
    files = [file for files in context.packs for file in files.files if "/" in file.text]
    shared = any(isinstance(document.model, models.Definitions) for file in files for document in file.documents)
    for rule in context.ruleset.rules:
        if isinstance(rule, Definitions):
            continue  # whether the divisor was asked for is up to the rules that use it
        if not shared and "/" not in rule.document.file.text:
            continue  # nothing is divided here
        terms = [term for root in roots(rule) for term in walk(root)]
        if any(term.op is Op.DIVIDE for term in terms):
            yield from _rule(rule, terms, context.ruleset)


def _rule(rule: Rule, terms: list[Term], ruleset: Ruleset) -> Iterator[Finding]:
    same = Same()
    covered = _covered(terms)
    asked = {same.number(term.args[0]) for term in terms if term.op is Op.KNOWN}
    compared = {n for term in terms if term.op in COMPARISONS for n in _compared(term, same)}
    for term in terms:
        if term.op is not Op.DIVIDE or id(term) in covered or same.number(term) in asked:
            continue
        zero = _zero(term.args[1], ruleset)
        if zero is None or _guarded(term.args[1], zero, compared, same):
            continue
        divisor = term.args[1]
        quotient = "this quotient" if term.source is divisor.source else "used here"
        yield Finding(
            "AT207", "maybe-nonfinite", f"`{divisor.text}` can be zero, and then this quotient is unknown",
            (divisor.span(_WHY.get(zero.op, "it can be zero")), term.span(quotient)),
            help="ask for it first (`... > 0` as a condition), or write or_else(quotient, value)",
        )  # fmt: skip


def _covered(terms: list[Term]) -> set[int]:
    """Everything below a known() or the first side of an or_else(): unknown is answered there."""
    return {id(below) for term in terms if term.op in (Op.KNOWN, Op.OR_ELSE) for below in walk(term.args[0])}


def _compared(term: Term, same: Same) -> Iterator[object]:
    """What a comparison asks about: each side against a constant, and the two sides of each other."""
    left, right = term.args
    yield same.number(left)
    yield same.number(right)
    yield frozenset((same.number(left), same.number(right)))


def _guarded(divisor: Term, zero: Term, compared: set[object], same: Same) -> bool:
    """Whether the rule looks at the divisor, or at the part of it that can be zero, somewhere."""
    asked = {same.number(divisor), same.number(zero)}
    if zero.op is Op.SUBTRACT:
        asked_sides = frozenset(same.number(side) for side in zero.args)
        return not compared.isdisjoint(asked) or asked_sides in compared
    return not compared.isdisjoint(asked)


def _zero(term: Term, ruleset: Ruleset) -> Term | None:
    """The part of ``term`` that makes it zero on ordinary data, or None."""
    match term.op:
        case Op.SUBTRACT:
            both = all(side.type.varies is Varies.SERIES for side in term.args)
            return term if both and not _apart(*term.args) else None
        case Op.FACT:
            return term if _zero_fact(term.name, ruleset) else None
        case Op.FUNCTION if term.name in _ZERO_FUNCTIONS:
            return term
        case Op.FUNCTION if term.name in _KEEPS_ZERO:
            return _zero(term.args[0], ruleset)
        case Op.MULTIPLY | Op.NEGATE | Op.DELAY | Op.AT_ENTRY | Op.POWER:
            factors = term.args if term.op is Op.MULTIPLY else term.args[:1]
            return next((zero for factor in factors if (zero := _zero(factor, ruleset)) is not None), None)
        case Op.DIVIDE:
            return _zero(term.args[0], ruleset)
        case _:
            return None


def _zero_fact(name: str, ruleset: Ruleset) -> bool:
    spec = ruleset.facts[name]
    counted = spec.scope is Scope.PORTFOLIO and spec.kind == Kind.NUMBER
    traded = spec.scope in (Scope.BAR, Scope.QUOTE) and spec.kind == Kind.QUANTITY
    return counted or traded or name in _ZERO_FACTS


def _apart(left: Term, right: Term) -> bool:
    """Whether one side is the other and a distance: ``close - (close - 1.5 * atr(14))`` is the distance."""
    same = Same()
    sides = (same.number(left), same.number(right))
    for outer, inner in ((left, sides[1]), (right, sides[0])):
        if outer.op in (Op.ADD, Op.SUBTRACT, Op.MULTIPLY) and any(same.number(a) == inner for a in outer.args):
            return True
    return constant(left) is not None or constant(right) is not None


CHECK = Check(
    "AT207",
    "maybe-nonfinite",
    "a divisor that is zero on ordinary data, so that the quotient is unknown",
    Page(
        avoid="""\
kind: strategy
name: strong_close
universe: [SPY]
when: (close - low) / (high - low) > 0.8
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: strong_close
universe: [SPY]
when:
  - high > low
  - (close - low) / (high - low) > 0.8
then:
  buy: {size: 10}
""",
        why="""\
A bar with one trade has `high == low`, a quiet minute has no volume, and a standard deviation over equal closes is
zero. Division by zero is unknown: an entry misses its moment, a guard blocks, an exit holds. Say what should happen:
ask first, or give a value with `or_else(x, y)`.
""",
        exceptions="""\
Prices, averages and ATR as divisors are fine. A rule that compares the divisor anywhere is taken to know.
""",
    ),
    run,
)
