"""AT406 repeat-order: a condition that stays true orders again at every bar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language.diagnostics import Finding
from engine.language.terms import CROSSINGS, Op, Term, walk
from engine.lint.check import Check, LintContext, Page
from engine.ruleset.rules import Judged, Ruleset, Strategy

_COUNTS = ("position.", "positions.", "orders.", "entries.")
_EVENTS = frozenset({"bars_since", "change", "rising", "falling"})  # what tells a change of state from a level
_LIMITS = ("positions", "positions_per_symbol", "orders", "entries", "entries_per_symbol")


def run(context: LintContext) -> Iterable[Finding]:
    ruleset = context.ruleset
    for pack in ruleset.packs.values():
        limited = any(name in session.limits for session in pack.sessions for name in _LIMITS)
        for strategy in pack.strategies:
            if limited or strategy.cooldown is not None or not strategy.document.sound:
                continue
            if not any(_holds_back(t) for t in _judged_by(strategy, ruleset)):
                yield Finding(
                    "AT406", "repeat-order",
                    f"`{strategy.name}` orders again at every bar while its conditions stay true",
                    tuple(t.span("stays true") for t in strategy.when),
                    help="add `cooldown: 15m`, `not position.open`, or a guard on positions",
                )  # fmt: skip


def _judged_by(strategy: Strategy, ruleset: Ruleset) -> Iterator[Term]:
    yield from strategy.when
    for pack in ruleset.packs.values():
        for guard in pack.guards:
            if guard.judged is not Judged.EXITS and (not guard.strategies or strategy.key in guard.strategies):
                yield from guard.require


def _holds_back(term: Term) -> bool:
    """Whether a condition cannot stay true from bar to bar, or counts what is open already."""
    return any(
        node.op in CROSSINGS
        or node.op is Op.DELAY
        or (node.op is Op.FUNCTION and node.name in _EVENTS)
        or (node.op is Op.FACT and node.name.startswith(_COUNTS))
        for node in walk(term)
    )


CHECK = Check(
    "AT406",
    "repeat-order",
    "a strategy that orders again and again while its condition stays true",
    Page(
        avoid="""\
kind: strategy
name: momentum
when: close > open
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        prefer="""\
kind: strategy
name: momentum
when: close > open
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        why="""\
A level stays true for many bars, and each of them is an order. A cross, a cooldown, a look at the own position or a
limit on positions makes it one.
""",
        exceptions="""\
Any cross, any comparison with an earlier bar, any count of positions, orders or entries in the rule or in a guard that
judges it, and any session limit is taken as an answer.
""",
    ),
    run,
)
