"""AT305 conflicting-actions: a buy and a sell that one situation makes fire together."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from engine.language.diagnostics import Finding
from engine.lint.bounds import Box, shown
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import Same
from engine.ruleset.rules import Strategy


def run(context: LintContext) -> Iterable[Finding]:
    same = Same()
    for pack in context.ruleset.packs.values():
        boxes = [(s, Box.of(s.when, same)) for s in pack.strategies if s.enabled and s.universe]
        understood = [(s, box) for s, box in boxes if box.complete and box.bounds and not box.clash]
        for (one, first), (two, second) in combinations(understood, 2):
            if _opposed(one, two) and first.bounds.keys() == second.bounds.keys():
                together = first.meet(second)
                if not any(bound.empty for bound in together.values()):
                    witness = "; ".join(shown(first.sides[s], bound.some_value()) for s, bound in together.items())
                    yield _finding(one, two, witness)


def _opposed(one: Strategy, two: Strategy) -> bool:
    """Opposite sides of the same symbol, looked at in the same moment."""
    return (
        one.entry.side is not two.entry.side
        and one.trigger == two.trigger
        and bool(set(one.universe) & set(two.universe))
        and (one.entry.symbol, one.entry.execution) == (two.entry.symbol, two.entry.execution)
    )


def _finding(one: Strategy, two: Strategy, witness: str) -> Finding:
    labels = [(s, f"this {s.entry.side.value}s") for s in (two, one)]
    return Finding(
        "AT305", "conflicting-actions", f"`{one.name}` and `{two.name}` can fire together, one buying and one selling",
        tuple(s.document.heading(label) for s, label in labels),
        help="leave a gap between their thresholds", witness=witness,
    )  # fmt: skip


CHECK = Check(
    "AT305",
    "conflicting-actions",
    "a buy and a sell that can fire at the same moment",
    Page(
        avoid="""\
kind: strategy
name: strong
when: rsi(close, 14) > 40
then:
  buy: {size: 10}
---
kind: strategy
name: weak
when: rsi(close, 14) < 60
then:
  sell: {size: 10}
""",
        prefer="""\
kind: strategy
name: strong
when: rsi(close, 14) > 60
then:
  buy: {size: 10}
---
kind: strategy
name: weak
when: rsi(close, 14) < 40
then:
  sell: {size: 10}
""",
        why="""\
Buying and selling the same thing at the same moment pays spread and fees twice for nothing. The witness is a situation
in which both are true.
""",
        exceptions="""\
Only strategies whose conditions are all bounds on the same series are compared.
""",
    ),
    run,
)
