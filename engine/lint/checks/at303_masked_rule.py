"""AT303 masked-rule: an exit that an earlier one always forestalls."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.lint.bounds import Box, shown
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import Same
from engine.ruleset.rules import Exit


def run(context: LintContext) -> Iterable[Finding]:
    same = Same()
    for pack in context.ruleset.packs.values():
        boxes = [(rule, Box.of(rule.when, same)) for rule in pack.exits if rule.when]
        for later, narrow in boxes:
            for earlier, wide in boxes:
                if _forestalls(earlier, later) and not narrow.clash and narrow.implies(wide):
                    yield _finding(earlier, later, narrow)
                    break


def _forestalls(earlier: Exit, later: Exit) -> bool:
    """Whether the earlier exit closes every position that the later one serves, before it is asked."""
    return (
        earlier is not later
        and earlier.action.close_all
        and not earlier.once
        and earlier.priority < later.priority
        and bool(later.strategies)
        and set(later.strategies) <= set(earlier.strategies)
        and not earlier.overrides
        and not later.overrides
    )


def _finding(earlier: Exit, later: Exit, narrow: Box) -> Finding:
    witness = "; ".join(shown(narrow.sides[s], bound.some_value()) for s, bound in narrow.bounds.items())
    return Finding(
        "AT303", "masked-rule", f"`{later.name}` never acts: whenever it is true, `{earlier.name}` has closed already",
        (later.document.heading("never gets its turn"), earlier.document.heading("closes everything first")),
        help="give it a lower priority number, or make the earlier exit narrower", witness=witness,
    )  # fmt: skip


CHECK = Check(
    "AT303",
    "masked-rule",
    "an exit that an earlier exit always forestalls",
    Page(
        avoid="""\
kind: strategy
name: dip
when: close crosses above open
then:
  buy: {size: 10}
---
kind: exit
name: small_loss
priority: 10
when: position.gain_ratio <= -1%
then: {close: all}
---
kind: exit
name: large_loss
priority: 20
when: position.gain_ratio <= -5%
then: {close: all}
""",
        prefer="""\
kind: strategy
name: dip
when: close crosses above open
then:
  buy: {size: 10}
---
kind: exit
name: small_loss
priority: 10
when: position.gain_ratio <= -1%
then: {close: 50%}
---
kind: exit
name: large_loss
priority: 20
when: position.gain_ratio <= -5%
then: {close: all}
""",
        why="""\
Exits run by priority, and the first that closes the whole position ends the round. An exit whose condition is part of
an earlier one's never gets its turn, whatever its author expects of it.
""",
        exceptions="""\
Exits with overrides by symbol, and conditions with parameters, are left alone: their thresholds can move.
""",
    ),
    run,
)
