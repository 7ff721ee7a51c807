"""AT401 entry-without-exit: a position that nothing would ever close at a loss."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.lint.check import Check, LintContext, Page


def run(context: LintContext) -> Iterable[Finding]:
    for pack in context.ruleset.packs.values():
        files = [f for found in context.packs if found.name == pack.name for f in found.files]
        sound = all(document.sound for file in files for document in file.documents)
        served = {key for rule in pack.exits for key in rule.strategies}
        for strategy in pack.strategies:
            if sound and strategy.entry.bracket_stop is None and strategy.key not in served:
                side = strategy.entry.side.value
                yield Finding(
                    "AT401", "entry-without-exit", f"nothing closes a position of `{strategy.name}` that loses",
                    (strategy.document.key(("then", side), "opens a position"), strategy.document.heading()),
                    help="add `bracket: {stop: …}`, or an exit for this strategy",
                )  # fmt: skip


CHECK = Check(
    "AT401",
    "entry-without-exit",
    "a strategy whose losing position nothing closes",
    Page(
        avoid="""\
kind: strategy
name: momentum
when: close crosses above open
then:
  buy: {size: 10, bracket: {target: close + $5}}
""",
        prefer="""\
kind: strategy
name: momentum
when: close crosses above open
then:
  buy: {size: 10, bracket: {stop: close - $2, target: close + $5}}
""",
        why="""\
A target alone closes only what wins. A position without a stop or an exit is held until somebody notices.
""",
        exceptions="""\
Any exit for the strategy counts, whatever its condition.
""",
    ),
    run,
)
