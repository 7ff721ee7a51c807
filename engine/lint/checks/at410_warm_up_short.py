"""AT410 warm-up-short: a look back that is longer than the session it starts again with."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.catalogue import Flow
from engine.language.diagnostics import Finding
from engine.language.functions import CATALOGUE
from engine.language.terms import Op, Term
from engine.lint.analysis import analysis
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import roots
from engine.lint.hours import longest_session
from engine.lint.intervals import Intervals

# Unknown while any value in the window is, so that a window over what starts late must fit into the rest of the day.
_WINDOWS = {
    "sma": 1, "wma": 1, "stdev": 1, "highest": 1, "lowest": 1, "zscore": 1, "slope": 1, "percentile": 1,
    "correlation": 2, "rising": 1, "falling": 1,
}  # fmt: skip
# What is unknown when one of its parts is.
_EACH = frozenset({
    Op.ADD, Op.SUBTRACT, Op.MULTIPLY, Op.DIVIDE, Op.NEGATE, Op.LESS, Op.LESS_EQUAL, Op.GREATER, Op.GREATER_EQUAL,
})  # fmt: skip


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    for pack in context.ruleset.packs.values():
        seen: set[object] = set()
        for rule in (r for r in pack.rules if asked.mentions(r, "rvol", "opening_range")):
            for root in roots(rule):
                for term, minutes, session in _too_long(root, pack.calendar, asked.ranged.intervals):
                    if term.span() not in seen:
                        seen.add(term.span())
                        yield _finding(term, minutes, session)


def _too_long(term: Term, calendar: str, intervals: Intervals) -> list[tuple[Term, float, float]]:
    """The innermost functions that can never be known, except where something else is said for the unknown.

    Each with the minutes that it needs and those that a session has.
    """
    if term.op in (Op.KNOWN, Op.OR_ELSE):
        return []
    inside = [found for argument in term.args for found in _too_long(argument, calendar, intervals)]
    if inside or term.op is not Op.FUNCTION:
        return inside
    minutes = _minutes(term, intervals)
    session = longest_session(calendar, minutes)
    return [(term, minutes, session)] if session is not None and minutes > session else []


def _minutes(term: Term, intervals: Intervals) -> float:
    """Minutes since the open before a term can be known, at the least; 0 when it does not start with the session."""
    if term.op is not Op.FUNCTION:
        return max((_minutes(a, intervals) for a in term.args), default=0.0) if term.op in _EACH else 0.0
    bar = max(term.seconds, 60) / 60
    if term.name == "rvol":
        return (intervals.of(term.args[0]).low + 1) * bar
    if term.name in ("opening_range_high", "opening_range_low"):
        return intervals.of(term.args[0]).low / 60
    inner = max((_minutes(argument, intervals) for argument in term.args), default=0.0)
    if term.name in _WINDOWS and inner > bar:
        more = intervals.of(term.args[_WINDOWS[term.name]]).low - (0 if term.name in ("rising", "falling") else 1)
        return inner + max(more, 0.0) * bar
    return inner if CATALOGUE[term.name].flow is Flow.PURE else 0.0


def _finding(term: Term, minutes: float, session: float) -> Finding:
    return Finding(
        "AT410", "warm-up-short", f"`{term.text}` needs {minutes:g} minutes of one session, which lasts {session:g}",
        (term.span("never known"),), help="look back less far",
        witness=f"at the close {session:g} minutes have passed since the open",
    )  # fmt: skip


CHECK = Check(
    "AT410",
    "warm-up-short",
    "a look back longer than the session can give",
    Page(
        avoid="""\
kind: strategy
name: busy
when: rvol(500) > 2
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        prefer="""\
kind: strategy
name: busy
when: rvol(20) > 2
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        why="""\
What starts again with every session must be warm before the session ends, or it is unknown for ever and the rule never
fires.
""",
        exceptions="""\
Functions that go on over night warm up over days. Where something else is said for the unknown, with `known` or
`or_else`, nothing is missed. The longest regular day of the pack's calendar counts.
""",
    ),
    run,
)
