"""AT406 repeat-order: a condition that stays true orders again at every bar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language.diagnostics import Finding
from engine.language.terms import CROSSINGS, Op, Term, walk
from engine.lint.analysis import Analysis, analysis
from engine.lint.check import Check, LintContext, Page
from engine.ruleset.rules import Strategy, TriggerKind

_COUNTS = ("position.", "positions.", "orders.", "entries.")
_EVENTS = frozenset({"bars_since", "change", "rising", "falling"})  # what tells a change of state from a level
_MOMENTS = frozenset({
    "time_of_day", "now", "session.minutes", "session.minutes_left", "minutes_since_open", "minutes_to_close",
    "bar_index",
})  # fmt: skip
_LIMITS = ("positions", "positions_per_symbol", "orders", "entries", "entries_per_symbol")
_SELDOM = 3600


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    for pack in context.ruleset.packs.values():
        limited = any(name in session.limits for session in pack.sessions for name in _LIMITS)
        for strategy in pack.strategies:
            if limited or strategy.cooldown is not None or not strategy.document.sound or _seldom(strategy):
                continue
            if asked.complete and not any(_holds_back(t) for t in _judged_by(strategy, asked)):
                yield Finding(
                    "AT406", "repeat-order",
                    f"`{strategy.name}` orders again {_often(strategy)} while its conditions stay true",
                    tuple(t.span("stays true") for t in strategy.when),
                    help="add `cooldown: 15m`, `not position.open`, or a guard on positions",
                )  # fmt: skip


def _seldom(strategy: Strategy) -> bool:
    """Whether the trigger itself keeps a strategy from looking again and again."""
    trigger = strategy.trigger
    hourly = trigger.kind is TriggerKind.EVERY and trigger.seconds >= _SELDOM
    return not strategy.enabled or trigger.kind is TriggerKind.SIGNAL or hourly


def _often(strategy: Strategy) -> str:
    trigger = strategy.trigger
    return f"every {trigger.seconds}s" if trigger.kind is TriggerKind.EVERY else f"at every {trigger.kind.value}"


def _judged_by(strategy: Strategy, asked: Analysis) -> Iterator[Term]:
    yield from strategy.when
    if strategy.universe_when is not None:
        yield strategy.universe_when
    for guard in asked.entry_guards(strategy):
        yield from guard.require


def _holds_back(term: Term) -> bool:
    """Whether a condition cannot stay true from bar to bar, or counts what is open already."""
    return any(
        node.op in CROSSINGS
        or node.op is Op.DELAY
        or (node.op is Op.FUNCTION and node.name in _EVENTS)
        or (node.op is Op.FACT and node.name.startswith(_COUNTS))
        or (node.op is Op.EQUAL and any(side.name in _MOMENTS for side in node.args))
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
Any cross, any comparison with an earlier bar or with one moment of the day, any count of positions, orders or entries
in the rule or in a guard that judges it, and any session limit is taken as an answer. So is a trigger that seldom
comes: a signal, or an interval of an hour or more.
""",
    ),
    run,
)
