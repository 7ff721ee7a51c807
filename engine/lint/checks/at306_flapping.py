"""AT306 flapping: an exit whose threshold touches the entry's, so that a position closes as soon as it opens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from engine.language.diagnostics import Finding
from engine.language.terms import CROSSINGS, Op, Term, walk
from engine.language.types import Varies
from engine.lint.analysis import Analysis, analysis
from engine.lint.check import Check, LintContext, Page
from engine.lint.formula import Linear, Number, Reading
from engine.lint.witness import told, witness
from engine.lint.wording import shown
from engine.ruleset.rules import Exit, Strategy

_NO_MARKET = ("position.", "positions.", "orders.", "session.", "time_of_day", "now", "minutes_")


class _Threshold(NamedTuple):
    """``part`` is true while a sum of series, ``direction``, is below ``at`` (``upper``) or above it."""

    part: Term
    direction: tuple[tuple[int, Number], ...]
    at: Number
    upper: bool


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    if not asked.exits:
        return
    for strategy in context.ruleset.strategies:
        for rule in asked.exits.get(strategy.key, []):
            if rule.action.close_all and strategy.enabled:
                yield from _pair(strategy, rule, asked)


def _pair(strategy: Strategy, rule: Exit, asked: Analysis) -> Iterator[Finding]:
    reading = asked.fixed
    leaving = [_threshold(part, reading) for part in asked.parts(rule)]
    if not all(leaving):
        return  # it waits for something else as well
    entering = [t for part in asked.parts(strategy) if (t := _threshold(part, reading)) is not None]
    opposite = [(into, out) for out in leaving if out for into in entering if _opposed(into, out)]
    if len(opposite) < len(leaving):
        return  # something that the entry does not look at decides when it closes
    parts = (*asked.parts(strategy), *asked.parts(rule))
    model = witness(reading, parts)
    if model is not None and all(_overlap(into, out) for into, out in opposite):
        example = f"{told(reading, parts, model)}: both are true"
        yield _finding(strategy, rule, opposite, "both can be true at once", example)
    elif all(into.at == out.at for into, out in opposite) and not _damped(strategy):
        into = opposite[0][0]
        example = f"{_level(into)}: it opens on one side and closes on the other"
        yield _finding(strategy, rule, opposite, "their thresholds touch", example)


def _threshold(part: Term, reading: Reading) -> _Threshold | None:
    """A comparison of market series as a bound on their sum; None for anything else."""
    formula = reading.truth(part)
    if not isinstance(formula, Linear) or not formula.coefficients or part.op is Op.NOT:
        return None
    series = [reading.term(leaf) for leaf, _ in formula.coefficients]
    if any(t.op is Op.AT_ENTRY for t in walk(part)) or any(s.name.startswith(_NO_MARKET) for s in series):
        return None
    first = formula.coefficients[0][1]
    direction = tuple((leaf, Fraction(coefficient) / first) for leaf, coefficient in formula.coefficients)
    return _Threshold(part, direction, -Fraction(formula.constant) / first, first > 0)


def _opposed(into: _Threshold, out: _Threshold) -> bool:
    """Whether one opens below and the other closes above, at or beyond the same place; or the other way round."""
    if into.direction != out.direction or into.upper is out.upper:
        return False
    return out.at <= into.at if into.upper else out.at >= into.at


def _overlap(into: _Threshold, out: _Threshold) -> bool:
    return into.at != out.at


def _damped(strategy: Strategy) -> bool:
    """Whether an entry does not come back at once when its threshold is crossed again."""
    events = CROSSINGS | {Op.HELD, Op.DELAY}
    return strategy.cooldown is not None or any(t.op in events for term in strategy.when for t in walk(term))


def _level(threshold: _Threshold) -> str:
    left, right = threshold.part.args
    if len(threshold.direction) > 1:
        return f"{left.text} around {right.text}"
    side = left if left.type.varies is Varies.SERIES else right
    return f"{side.text} around {shown(threshold.at, side.type.kind)}"


def _finding(
    strategy: Strategy, rule: Exit, opposite: Sequence[tuple[_Threshold, _Threshold]], why: str, example: str
) -> Finding:
    into, out = opposite[0]
    return Finding(
        "AT306", "flapping", f"`{rule.name}` can close what `{strategy.name}` has just opened: {why}",
        (out.part.span("closes here"), into.part.span("opens here")),
        help="leave a gap between the threshold that opens and the one that closes", witness=example,
    )  # fmt: skip


CHECK = Check(
    "AT306",
    "flapping",
    "an exit whose threshold touches that of the entry",
    Page(
        avoid="""\
kind: strategy
name: dip
when: rsi(close, 14) < 30
then:
  buy: {size: 10}
---
kind: exit
name: recovered
when: rsi(close, 14) >= 30
then: {close: all}
""",
        prefer="""\
kind: strategy
name: dip
when: rsi(close, 14) < 30
then:
  buy: {size: 10}
---
kind: exit
name: recovered
when: rsi(close, 14) >= 45
then: {close: all}
""",
        why="""\
A series that hovers at a threshold crosses it again and again. Where the entry ends and the exit begins at the same
value, every crossing opens or closes a position and pays for it.
""",
        exceptions="""\
Only opposite thresholds on one series are compared: a strategy that buys above 50 and takes its profit above 70 does
not flap. Where the thresholds just touch, a cooldown, a cross or a hold in the entry is enough of a gap. Exits that
look at the position (its age, its gain) or hold on for a time are left alone.
""",
    ),
    run,
)
