"""AT205 unhandled-missing: a protective exit that does not say what missing data means, and `== na`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language.diagnostics import Finding
from engine.language.terms import Op, Term
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import constant
from engine.market.facts import FactSpec, Scope
from engine.ruleset.rules import Exit, Ruleset

# Facts that go missing while a position is open. `position.*` are known as long as there is one.
_MARKET = frozenset({Scope.BAR, Scope.QUOTE, Scope.SIGNAL})
_ASKS = frozenset({Op.KNOWN, Op.OR_ELSE})


def run(context: LintContext) -> Iterable[Finding]:
    yield from context.found.get("AT205", ())
    for pack in context.ruleset.packs.values():
        for rule in pack.exits:
            if rule.unknown is None and _leaves(rule):
                yield from _exit(rule, context.ruleset)


def _leaves(rule: Exit) -> bool:
    """Whether the exit ends the position. Scaling out and moving a stop may wait for data; ending it may not."""
    close = constant(rule.action.close) if rule.action.close is not None else None
    return rule.action.close_all or (close is not None and close == 1)


def _exit(rule: Exit, ruleset: Ruleset) -> Iterator[Finding]:
    for condition in rule.when:
        for term, spec in _missing(condition, ruleset):
            yield Finding(
                "AT205", "unhandled-missing",
                f"`{spec.name}` can be unknown, and this exit does not say what it does then",
                (term.span("can be unknown"), rule.document.heading("this exit")),
                help="add `unknown: hold` or `unknown: close`, or ask with known(x) or or_else(x, y)",
            )  # fmt: skip
            return  # one answer settles all of them


def _missing(term: Term, ruleset: Ruleset) -> Iterator[tuple[Term, FactSpec]]:
    """Facts that can make ``term`` unknown, each with the term that reads it."""
    if not term.type.nullable or term.op in _ASKS:
        return
    if term.op in (Op.FACT, Op.AGE):
        spec = ruleset.facts[term.name]
        if spec.scope in _MARKET and (spec.nullable or term.op is Op.AGE):
            yield term, spec
    if term.op is Op.AT_ENTRY:
        return  # decided with the entry, and kept
    for argument in term.args:
        yield from _missing(argument, ruleset)


CHECK = Check(
    "AT205",
    "unhandled-missing",
    "an exit that ends a position on data that can be missing, without saying what missing means; or `== na`",
    Page(
        avoid="""\
kind: exit
name: spread_blew_out
when: spread_ratio > 50bps
then: {close: all}
""",
        prefer="""\
kind: exit
name: spread_blew_out
unknown: close
when: spread_ratio > 50bps
then: {close: all}
""",
        why="""\
An entry waits until its conditions are true, so missing data keeps it out. An exit that waits keeps the position, and
data goes missing when markets are wild. Only the author can say which is worse, so the file has to: `unknown: hold` or
`unknown: close`. Comparing with `na` is no way to ask: nothing equals unknown. Use `known(x)` and `or_else(x, y)`.
""",
        exceptions="""\
Exits that scale out or move a stop, and conditions on `position.*`, which is known while there is a position.
""",
    ),
    run,
)
