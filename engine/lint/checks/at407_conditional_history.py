"""AT407 conditional-history: a function with memory inside a branch of if/then/else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language import nodes as n
from engine.language.catalogue import Flow
from engine.language.diagnostics import Finding
from engine.language.functions import CATALOGUE
from engine.language.terms import Op, Term, walk
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import mentions, roots


def run(context: LintContext) -> Iterable[Finding]:
    seen: set[tuple[str, int, int]] = set()
    for rule in (r for r in context.ruleset.rules if mentions(r, " then ")):
        for term in (t for root in roots(rule) for t in walk(root) if t.op is Op.IF):
            for node in _in_branches(term):
                span = term.source.span(node.start, node.end, "runs at every bar, whichever branch is taken")
                if (span.file, span.line, span.column) in seen:
                    continue
                seen.add((span.file, span.line, span.column))
                yield Finding(
                    "AT407", "conditional-history", "a function with memory stands inside a branch",
                    (span, term.source.span(term.node.start, term.node.end, "of this choice")),
                    help="give it a name with `let`, and use the name in the branch",
                )  # fmt: skip


def _in_branches(term: Term) -> Iterator[n.Node]:
    """Calls with memory and looks at earlier bars that are written in the branches themselves."""
    if not isinstance(term.node, n.Conditional):
        return
    for branch in (term.node.yes, term.node.no):
        for node in n.walk(branch):
            if isinstance(node, n.Index) or (isinstance(node, n.Call) and _has_memory(node.function)):
                yield node


def _has_memory(name: str) -> bool:
    function = CATALOGUE.get(name)
    return function is not None and function.flow is not Flow.PURE


CHECK = Check(
    "AT407",
    "conditional-history",
    "a function with memory inside a branch of if/then/else",
    Page(
        avoid="""\
kind: strategy
name: momentum
when: close crosses above (if volume > 1000 then ema(close, 20) else ema(close, 50))
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        prefer="""\
kind: strategy
name: momentum
let:
  quick: ema(close, 20)
  slow: ema(close, 50)
when: close crosses above (if volume > 1000 then quick else slow)
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        why="""\
In many languages a function inside a branch sees only the bars on which the branch was taken. Here it sees every bar,
and a reader cannot know which is meant. A name above says it.
""",
        exceptions="""\
Names of lets, and functions without memory such as `min` and `abs`.
""",
    ),
    run,
)
