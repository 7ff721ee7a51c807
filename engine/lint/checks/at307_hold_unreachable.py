"""AT307 hold-unreachable: `for 8h` on something that does not last so long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language.catalogue import Flow
from engine.language.diagnostics import Finding
from engine.language.functions import CATALOGUE
from engine.language.terms import Op, Term, walk
from engine.lint.analysis import Analysis, analysis
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import roots
from engine.lint.formula import Linear, conjuncts
from engine.lint.hours import longest_session

# Facts of the clock that move on at their own pace, and the seconds in one unit of them.
_CLOCKS = {"time_of_day": 1.0, "session.minutes": 60.0, "session.minutes_left": 60.0}
_SESSION_FACTS = frozenset({"session.minutes", "session.minutes_left", "session.ordinal"})


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    for pack in context.ruleset.packs.values():
        seen: set[object] = set()
        for rule in (r for r in pack.rules if asked.mentions(r, " for ")):
            for term in (t for root in roots(rule) for t in walk(root) if t.op is Op.HELD):
                place = term.args[1].span()
                if place not in seen:
                    seen.add(place)
                    yield from _hold(term, pack.calendar, asked)


def _hold(term: Term, calendar: str, asked: Analysis) -> Iterator[Finding]:
    condition, duration = term.args
    seconds = asked.ranged.intervals.of(duration).low
    anchored = _anchored(condition)
    minutes = longest_session(calendar, seconds / 60) if anchored is not None else None
    if anchored is not None and minutes is not None and seconds >= minutes * 60:
        yield Finding(
            "AT307", "hold-unreachable",
            f"a session lasts {minutes:g} minutes, and this has to hold for as long or longer",
            (duration.span("too long"), anchored.span("starts again with every session")),
            help="shorten the time after `for`", witness=f"after {minutes:g} minutes `{anchored.text}` is unknown",
        )  # fmt: skip
        return
    for name, unit in _CLOCKS.items():
        window = _window(condition, name, asked)
        if window is not None and window * unit < seconds:
            yield Finding(
                "AT307", "hold-unreachable",
                f"this is true for {max(window, 0) * unit / 60:g} minutes at most, and has to hold for longer",
                (duration.span("too long"), condition.span(f"bounds {name}")),
                help="shorten the time after `for`, or widen the window",
            )  # fmt: skip


def _anchored(condition: Term) -> Term | None:
    """What in a condition is unknown outside regular hours, so that no hold outlasts the session."""
    for term in conjuncts((condition,)):
        if any(below.op in (Op.OR, Op.OR_ELSE, Op.KNOWN, Op.IF) for below in walk(term)):
            continue  # it may be true without
        for below in walk(term):
            if below.op is Op.FUNCTION and CATALOGUE[below.name].flow is Flow.SESSION:
                return below
            if below.op is Op.FACT and below.name in _SESSION_FACTS:
                return below
    return None


def _window(condition: Term, name: str, asked: Analysis) -> float | None:
    """How far the bounds that a condition sets on a clock are apart; None without two of them."""
    low: list[float] = []
    high: list[float] = []
    for term in conjuncts((condition,)):
        formula = asked.ranged.truth(term)
        if not isinstance(formula, Linear) or len(formula.coefficients) != 1:
            continue
        ((leaf, coefficient),) = formula.coefficients
        if asked.ranged.term(leaf).name == name and asked.ranged.term(leaf).op is Op.FACT:
            (high if coefficient > 0 else low).append(float(-formula.constant / coefficient))
    return min(high) - max(low) if low and high else None


CHECK = Check(
    "AT307",
    "hold-unreachable",
    "a hold longer than the session, or the window of time, that its condition lives in",
    Page(
        avoid="""\
kind: strategy
name: strong_day
when: close > vwap() for 8h
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: strong_day
when: close > vwap() for 2h
then:
  buy: {size: 10}
""",
        why="""\
What is counted since the open is unknown outside regular hours, and unknown ends a hold. A hold as long as the session
can never be complete, nor one that is longer than the window of time inside its own condition.
""",
        exceptions="""\
Conditions that live on over night may be held for days, and one may begin to hold before a session window of the pack
opens. The longest regular day of the pack's calendar counts; a pack without a calendar never closes.
""",
    ),
    run,
)
