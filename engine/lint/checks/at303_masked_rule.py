"""AT303 masked-rule: an exit that earlier ones always forestall."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.lint.analysis import Analysis, analysis
from engine.lint.check import Check, LintContext, Page
from engine.lint.witness import told, witness
from engine.ruleset.rules import Exit, Judged, UnknownPolicy


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    held_back = any(g.judged is not Judged.ENTRIES for pack in context.ruleset.packs.values() for g in pack.guards)
    for pack in context.ruleset.packs.values():
        for rule in [] if held_back else pack.exits:
            earlier = _forestalling(rule, asked)
            if earlier is not None:
                yield _finding(earlier, rule, asked)


def _forestalling(rule: Exit, asked: Analysis) -> Exit | None:
    """An earlier exit that has closed every position before this one is asked."""
    if not rule.strategies or rule.unknown is UnknownPolicy.CLOSE or rule.action.trail_by is not None:
        return None
    for earlier in asked.exits[rule.strategies[0]]:
        if earlier is rule:
            return None
        everywhere = set(rule.strategies) <= set(earlier.strategies)
        if everywhere and earlier.action.close_all and not earlier.once and asked.implies(rule, earlier, asked.ranged):
            return earlier
    return None


def _finding(earlier: Exit, later: Exit, asked: Analysis) -> Finding:
    parts = asked.parts(later)
    model = witness(asked.fixed, parts)
    return Finding(
        "AT303", "masked-rule", f"`{later.name}` never acts: whenever it is true, `{earlier.name}` has closed already",
        (later.document.heading("never gets its turn"), earlier.document.heading("closes everything first")),
        help="give it a lower priority number, or make the earlier exit narrower",
        witness=f"{told(asked.fixed, parts, model)}: both are true" if model else "",
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
Parameters with a range are taken to have every value in it, so only what is masked at all of them is flagged. An exit
that says `unknown: close` acts where the earlier one does not, and a guard on exits may hold the earlier one back.
""",
    ),
    run,
)
