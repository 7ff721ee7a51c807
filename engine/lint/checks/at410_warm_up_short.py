"""AT410 warm-up-short: a look back that is longer than the session it starts again with."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.language.terms import Op, Term, walk
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import constant, mentions, roots

SESSION_MINUTES = {"XNYS": 390.0, "XNAS": 390.0}  # regular hours of the calendars whose length is known here


def run(context: LintContext) -> Iterable[Finding]:
    for pack in context.ruleset.packs.values():
        minutes = SESSION_MINUTES.get(pack.calendar)
        if minutes is None:
            continue
        seen: set[int] = set()
        for rule in (r for r in pack.rules if mentions(r, "rvol", "opening_range")):
            for term in (t for root in roots(rule) for t in walk(root)):
                needed = _minutes(term)
                if needed is not None and needed >= minutes and id(term.node) not in seen:
                    seen.add(id(term.node))
                    yield Finding(
                        "AT410", "warm-up-short",
                        f"`{term.text}` needs {needed:g} minutes of one session, which lasts {minutes:g}",
                        (term.span("never known"),), help="look back less far",
                        witness=f"at the close {minutes:g} minutes have passed since the open",
                    )  # fmt: skip


def _minutes(term: Term) -> float | None:
    """Minutes since the open before a session function is known; None for everything else."""
    if term.op is not Op.FUNCTION:
        return None
    if term.name == "rvol":
        bars = constant(term.args[0])
        return None if bars is None else (bars + 1) * max(term.seconds, 60) / 60
    if term.name in ("opening_range_high", "opening_range_low"):
        seconds = constant(term.args[0])
        return None if seconds is None else seconds / 60
    return None


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
Functions that go on over night warm up over days. Only calendars whose session length is known are looked at.
""",
    ),
    run,
)
