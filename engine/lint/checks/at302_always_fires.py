"""AT302 always-fires: a rule whose conditions say nothing."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.language.terms import CROSSINGS, Op, Term, walk
from engine.lint.analysis import Analysis, analysis
from engine.lint.check import Check, LintContext, Page
from engine.lint.solve import possible
from engine.lint.witness import told, witness
from engine.ruleset.rules import Exit, Guard, Rule, Strategy, TriggerKind

_LOOKS_OFTEN = (TriggerKind.BAR, TriggerKind.QUOTE)


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    for rule in context.ruleset.rules:
        parts = asked.parts(rule)
        if not parts or not rule.document.sound or not _decides(rule, parts):
            continue
        if all(_always(part, asked) for part in parts):
            yield _finding(rule, parts, asked)


def _decides(rule: Rule, parts: tuple[Term, ...]) -> bool:
    """Whether the conditions are all that keeps a rule from acting again and again."""
    plain = all(part.op is Op.CONSTANT for part in parts)
    match rule:
        case Strategy():
            return not plain or (rule.trigger.kind in _LOOKS_OFTEN and rule.cooldown is None)
        case Exit():
            closes = rule.action.close_all or rule.action.close is not None
            return closes and rule.action.limit is None and rule.action.trail_by is None
        case Guard():
            return not plain
    return False


def _always(part: Term, asked: Analysis) -> bool:
    """Whether a condition is true whenever its series have warmed up."""
    if part.op in CROSSINGS or part.type.nullable or possible(asked.ranged, [asked.ranged.truth(part, False)]):
        return False
    moves = asked.ranged.intervals.parameter
    return not any(below.op is Op.PARAMETER and moves(below.name) is None for below in walk(part))


def _finding(rule: Rule, parts: tuple[Term, ...], asked: Analysis) -> Finding:
    never_blocks = isinstance(rule, Guard)
    what = "passes every order" if never_blocks else "is true whenever its data is known"
    model = witness(asked.fixed, parts)
    return Finding(
        "AT302", "always-fires", f"`{rule.name}` {what}",
        tuple(dict.fromkeys(part.span("always true") for part in parts)),
        help="add a condition with a threshold", witness=told(asked.fixed, parts, model) if model else "",
    )  # fmt: skip


CHECK = Check(
    "AT302",
    "always-fires",
    "a strategy, closing exit or guard whose conditions are always true",
    Page(
        avoid="""\
kind: strategy
name: busy
when: rsi(close, 14) >= 0
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: busy
when: rsi(close, 14) >= 60
then:
  buy: {size: 10}
""",
        why="""\
An entry that is always true buys at every bar; an exit that is always true closes every position at once. Nearly always
a threshold is missing or has the wrong unit.
""",
        exceptions="""\
What can be unknown is not always true, so `x or not x` is left alone if x can be missing; warming up does not count.
A parameter could have another value. `when: true` is fine where something else decides: an exit that moves a stop or
rests a limit order, a strategy that looks only at each signal or at an interval.
""",
    ),
    run,
)
