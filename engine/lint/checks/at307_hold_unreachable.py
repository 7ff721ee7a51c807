"""AT307 hold-unreachable: `for 8h` on something that starts again with every session."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.catalogue import Flow
from engine.language.diagnostics import Finding
from engine.language.functions import CATALOGUE
from engine.language.terms import Op, Term, walk
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import constant, mentions, roots

SESSION_MINUTES = {"XNYS": 390.0, "XNAS": 390.0}  # regular hours of the calendars whose length is known here


def run(context: LintContext) -> Iterable[Finding]:
    for pack in context.ruleset.packs.values():
        minutes = SESSION_MINUTES.get(pack.calendar)
        if minutes is None:
            continue
        for rule in (r for r in pack.rules if mentions(r, " for ")):
            seen: set[int] = set()
            for term in (t for root in roots(rule) for t in walk(root) if t.op is Op.HELD):
                seconds = constant(term.args[1])
                if seconds is None or seconds < minutes * 60 or id(term) in seen:
                    continue
                seen.add(id(term))
                anchored = _anchored(term.args[0])
                if anchored is not None:
                    yield _finding(term, anchored, minutes)


def _anchored(condition: Term) -> Term | None:
    """What in a condition is unknown outside regular hours, so that no hold outlasts the session."""
    for term in walk(condition):
        if term.op is Op.FUNCTION and CATALOGUE[term.name].flow is Flow.SESSION:
            return term
        if term.op is Op.FACT and term.name in ("session.minutes", "session.minutes_left", "session.ordinal"):
            return term
    return None


def _finding(term: Term, anchored: Term, minutes: float) -> Finding:
    return Finding(
        "AT307", "hold-unreachable", f"a session lasts {minutes:g} minutes, and this has to hold for as long or longer",
        (term.args[1].span("too long"), anchored.span("starts again with every session")),
        help="shorten the time after `for`", witness=f"after {minutes:g} minutes `{anchored.text}` is unknown",
    )  # fmt: skip


CHECK = Check(
    "AT307",
    "hold-unreachable",
    "a hold longer than the session that its condition lives in",
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
can never be complete.
""",
        exceptions="""\
Conditions that live on over night may be held for days. Only calendars whose session length is known are looked at.
""",
    ),
    run,
)
