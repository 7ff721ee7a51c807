"""AT501 unused-param: a parameter that no expression refers to."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding, Severity
from engine.lint.check import Check, LintContext, Page
from engine.lint.dead import unused


def run(context: LintContext) -> Iterable[Finding]:
    for document, name in unused(context, "param"):
        span = document.key(("params", name))
        message = f"nothing uses the parameter `{name}`"
        yield Finding("AT501", "unused-param", message, (span,), help="use it, or remove it")


CHECK = Check(
    "AT501",
    "unused-param",
    "a parameter that nothing refers to",
    Page(
        avoid="""\
kind: strategy
name: momentum
universe: [SPY]
params:
  length: {default: 20, search: [10, 20, 30]}
when: close > ema(close, 20)
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: momentum
universe: [SPY]
params:
  length: {default: 20, search: [10, 20, 30]}
when: close > ema(close, length)
then:
  buy: {size: 10}
""",
        why="""\
A sweep over it would try values that change nothing, and whoever sets it for a symbol or a session would believe that
something happened.
""",
        exceptions="""\
Parameters of a `definitions` document count as used when any rule that can see them uses them.
""",
    ),
    run,
    Severity.WARNING,
)
