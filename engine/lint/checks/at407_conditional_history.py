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
    for rule in (r for r in context.ruleset.rules if mentions(r, "else")):
        for term in (t for root in roots(rule) for t in walk(root) if t.op is Op.IF):
            for what, node in _in_branches(term):
                span = term.source.span(node.start, node.end, "sees every bar, whichever branch is taken")
                if (span.file, span.line, span.column) in seen:
                    continue
                seen.add((span.file, span.line, span.column))
                yield Finding(
                    "AT407", "conditional-history", f"{what} stands inside a branch",
                    (span, term.span("of this choice")),
                    help="give it a name with `let`, and use the name in the branch",
                )  # fmt: skip


def _in_branches(term: Term) -> Iterator[tuple[str, n.Node]]:
    """What remembers earlier bars, in words, and where; as written in the branches themselves, outermost only."""
    pending = [term.node.no, term.node.yes] if isinstance(term.node, n.Conditional) else []
    while pending:
        node = pending.pop()
        what = _memory(node)
        if what:
            yield what, node
        elif isinstance(node, n.Conditional):
            pending.append(node.condition)  # its branches have their own turn
        else:
            pending.extend(reversed(node.children))


def _memory(node: n.Node) -> str:
    """What makes a value depend on earlier bars; empty where nothing does."""
    match node:
        case n.Index():
            return "an earlier bar"
        case n.Crosses():
            return "a cross"
        case n.Held():
            return "what has to hold for a time"
        case n.Call(function=name) if name in CATALOGUE and CATALOGUE[name].flow is not Flow.PURE:
            return "a function with memory"
    return ""


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
and a reader cannot know which is meant. A name above says it. The same goes for `x[1]`, crosses and `for 5m`.
""",
        exceptions="""\
Names of lets, and functions without memory such as `min` and `abs`.
""",
    ),
    run,
)
