"""AT411 naked-after-exit: a closing limit that may run out of time, with the stop taken off for it."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.lint.analysis import analysis
from engine.lint.check import Check, LintContext, Page
from engine.ruleset.rules import Exit


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    for strategy in context.ruleset.strategies:
        if strategy.entry.bracket_stop is None or not strategy.document.sound:
            continue
        for rule in asked.exits.get(strategy.key, []):
            if _may_miss(rule):
                yield Finding(
                    "AT411", "naked-after-exit",
                    f"where `{rule.name}` does not fill in time, `{strategy.name}` is left without its stop",
                    (rule.document.key(("then", "limit"), "may not be reached"),
                     strategy.document.heading("its stop is taken off for the exit")),
                    help="add `fallback: market`, or close without a limit",
                )  # fmt: skip


def _may_miss(rule: Exit) -> bool:
    action = rule.action
    closes = action.close_all or action.close is not None
    return closes and action.limit is not None and action.within is not None and not action.fallback_market


CHECK = Check(
    "AT411",
    "naked-after-exit",
    "an exit whose limit may run out of time, and with it the stop",
    Page(
        avoid="""\
kind: strategy
name: momentum
when: close crosses above open
then:
  buy: {size: 10, bracket: {stop: close - $2}}
---
kind: exit
name: patient
for: momentum
when: close crosses below open
then: {close: all, limit: mid, within: 30s}
""",
        prefer="""\
kind: strategy
name: momentum
when: close crosses above open
then:
  buy: {size: 10, bracket: {stop: close - $2}}
---
kind: exit
name: patient
for: momentum
when: close crosses below open
then: {close: all, limit: mid, within: 30s, fallback: market}
""",
        why="""\
Both together could sell more than is held, so an exit takes the stop off before it closes. When its limit is not
reached in time, the stop does not come back in a back-test and on paper, while live it does: the position is on its
own, and the back-test is of something else.
""",
        exceptions="""\
None. An exit that fires again as long as its condition holds closes at the next tick all the same, unless it is `once`.
""",
    ),
    run,
)
