"""AT402 lookahead: values that are not known yet. Most are found while expressions are checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite

from engine.language.diagnostics import Finding
from engine.language.terms import Op, Term, walk
from engine.lint.analysis import analysis
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import roots


def run(context: LintContext) -> Iterable[Finding]:
    yield from context.found.get("AT402", ())
    intervals = analysis(context).ranged.intervals
    for offset in _offsets(context):
        least = intervals.of(offset).low
        if least < 0 and isfinite(least):
            yield Finding(
                "AT402", "lookahead", "a negative offset would read the future",
                (offset.span(f"this can be {least:g}"),),
                help="`x[1]` is the previous bar, `x[0]` the one that has just closed",
            )  # fmt: skip


def _offsets(context: LintContext) -> Iterator[Term]:
    """Offsets that are computed; a plain negative number was found when the expression was checked."""
    roots_with_offset = (root for rule in context.ruleset.rules for root in roots(rule) if "[" in root.source.text)
    for term in (below for root in roots_with_offset for below in walk(root)):
        if term.op is Op.DELAY and term.args[1].op is not Op.CONSTANT:
            yield term.args[1]


CHECK = Check(
    "AT402",
    "lookahead",
    "a value from the future: a negative offset, or what is published only at settlement",
    Page(
        avoid="""\
kind: strategy
name: clairvoyant
when: close[-1] > close
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        prefer="""\
kind: strategy
name: momentum
when: close > close[1]
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        why="""\
A back-test can read the future, a market cannot. `x[1]` is the previous bar, `x[0]` the one that has just closed; the
next one has no name. Facts that a venue publishes only when a market has settled are for gates.
""",
        exceptions="""\
None.
""",
    ),
    run,
)
