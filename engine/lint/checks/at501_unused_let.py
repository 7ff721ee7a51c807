"""AT501 unused-let: a let that no expression refers to."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding, Severity
from engine.lint.check import Check, LintContext, Page
from engine.lint.dead import unused


def run(context: LintContext) -> Iterable[Finding]:
    for document, name in unused(context, "let"):
        span = document.key(("let", name))
        yield Finding("AT501", "unused-let", f"nothing uses the let `{name}`", (span,), help="use it, or remove it")


CHECK = Check(
    "AT501",
    "unused-let",
    "a let that nothing refers to",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
let:
  slow_ema: ema(close, 50)
when: close > ema(close, 20)
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: momentum
universe: [SPY]
let:
  slow_ema: ema(close, 50)
when: close > slow_ema
then:
  buy: {size: 10}
""",
        why="""\
Often the condition that should have used it was lost, or uses another name. If not, it is one thing less to read.
""",
        exceptions="""\
Lets of a `definitions` document count as used when any rule that can see them uses them.
""",
    ),
    run,
    Severity.WARNING,
)
