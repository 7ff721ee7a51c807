"""AT302 always-fires: a strategy or closing exit whose conditions say nothing."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.language.terms import Op, Term
from engine.lint.bounds import atom, conjuncts, natural_range, shown
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import Same
from engine.ruleset.rules import Exit, Strategy


def run(context: LintContext) -> Iterable[Finding]:
    same = Same()
    for rule in context.ruleset.rules:
        if not isinstance(rule, Strategy | Exit) or (isinstance(rule, Exit) and rule.action.trail_by is not None):
            continue
        parts = list(conjuncts(rule.when))
        if not parts or not rule.document.sound:
            continue
        reasons = [_always(term, same) for term in parts]
        if all(reason is not None for reason in reasons):
            witness = "; ".join(r for r in reasons if r)
            yield Finding(
                "AT302", "always-fires", f"`{rule.name}` is true whenever its data is known",
                tuple(t.span("always true") for t in parts), help="add a condition with a threshold", witness=witness,
            )  # fmt: skip


def _always(term: Term, same: Same) -> str | None:
    """Why a condition is always true (a value that it allows, or nothing to add); None when it can be false."""
    if term.op is Op.CONSTANT:
        return "" if term.value is True else None
    found = atom(term, same)
    if found is None:
        return None
    limits = natural_range(found.side)
    return shown(found.side, limits.some_value()) if limits.inside(found.interval) else None


CHECK = Check(
    "AT302",
    "always-fires",
    "a strategy or exit whose conditions are always true",
    Page(
        avoid="""\
kind: strategy
name: busy
when: rsi(close, 14) >= 0
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: busy
when: rsi(close, 14) >= 60
then:
  buy: {size: 10}
""",
        why="""\
An entry that is always true buys at every bar; an exit that is always true closes every position at once. Nearly always
a threshold is missing or has the wrong unit.
""",
        exceptions="""\
`x or not x` is not flagged: while x is unknown it is not true. Exits that only trail a stop may say `when: true`.
""",
    ),
    run,
)
