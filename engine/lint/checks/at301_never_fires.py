"""AT301 never-fires: conditions that contradict one another, or ask for what a series can never be."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.language.terms import Op, Term
from engine.lint.bounds import Box, natural_range, shown
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import Same
from engine.ruleset.rules import Exit, Gate, Guard, Rule, Strategy


def run(context: LintContext) -> Iterable[Finding]:
    same = Same()
    for rule in context.ruleset.rules:
        terms = _conditions(rule)
        if not terms:
            continue
        finding = _contradiction(rule, Box.of(terms, same))
        if finding is not None:
            yield finding


def _conditions(rule: Rule) -> tuple[Term, ...]:
    match rule:
        case Strategy() | Exit():
            return rule.when
        case Guard() | Gate():
            return rule.require
    return ()


def _contradiction(rule: Rule, box: Box) -> Finding | None:
    false = next((t for t in box.others if t.op is Op.CONSTANT and t.value is False), None)
    if false is not None and not isinstance(rule, Guard):  # `require: false` says plainly that nothing passes
        return _finding(rule, (false,), "it is always false")
    if not box.clash:
        return None
    if len(box.clash) > 1:
        return _finding(rule, box.clash, "these can never be true together")
    term = box.clash[0]
    side = next(s for n, s in box.sides.items() if term in box.said[n])
    limits = natural_range(side)
    values = f"from {limits.low:g} to {limits.high:g}" if limits.high != float("inf") else f"at least {limits.low:g}"
    return _finding(rule, (term,), f"{side.text} is {values}", shown(side, limits.some_value()))


def _finding(rule: Rule, terms: tuple[Term, ...], why: str, witness: str = "") -> Finding:
    labels = ("this", "and this") if len(terms) > 1 else ("never true",)
    spans = tuple(t.span(label) for t, label in zip(terms, labels, strict=False))
    clauses = " and ".join(f"`{t.text}`" for t in terms)
    return Finding(
        "AT301", "never-fires", f"`{rule.name}` can never be true: {why}", spans,
        help="change or remove one of the conditions", witness=witness or clauses,
    )  # fmt: skip


CHECK = Check(
    "AT301",
    "never-fires",
    "conditions that no values can make true together",
    Page(
        avoid="""\
kind: strategy
name: dip
when:
  - rsi(close, 14) < 30
  - rsi(close, 14) > 70
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: dip
when:
  - rsi(close, 14) < 30
  - rsi(close, 5) > 70
then:
  buy: {size: 10}
""",
        why="""\
A rule that can never be true looks like protection or like a strategy and is neither. The finding shows the clauses
that exclude one another, or the values that the series can have at all.
""",
        exceptions="""\
Only comparisons of the same series with constants, and a condition beside its own negation, are understood. A guard
that says `require: false` is left alone: it blocks on purpose.
""",
    ),
    run,
)
