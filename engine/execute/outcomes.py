"""What became of a signal, in the words that counters, the event log and summaries share."""

from __future__ import annotations

from engine.decide.actions import Decision, Verdict
from engine.language.terms import walk
from engine.market.inputs import MANUAL
from engine.plan.plan import Plan, rule_terms

GENERATED, APPROVED, BLOCKED, OPTIONS_BLOCKED = "generated", "approved", "blocked", "options_blocked"
COOLING, UNKNOWN = "cooling", "unknown"
OUTCOMES = (GENERATED, APPROVED, BLOCKED, OPTIONS_BLOCKED, COOLING, UNKNOWN)
_BY_VERDICT = {Verdict.BLOCKED: BLOCKED, Verdict.COOLING: COOLING, Verdict.UNKNOWN: UNKNOWN}


def is_signal(decision: Decision) -> bool:
    """Whether a decision is about an entry; a person's dry run, cancel or flattening is none."""
    if decision.rule != decision.strategy:
        return False
    return decision.rule != MANUAL or bool(decision.orders) or decision.verdict is not Verdict.FIRED


def pack_of(strategy: str) -> str:
    """The pack of a strategy by its key: two packs may each have a strategy of one name."""
    return strategy.partition(".")[0]


def setup_of(strategy: str) -> str:
    """The name of a strategy in capitals, as charts have it, by its key: VWAP_RECLAIM."""
    return strategy.partition(".")[2].upper()


def outcome_of(decision: Decision, options_guards: frozenset[str]) -> str:
    """One of OUTCOMES but ``generated``, which every signal is."""
    if decision.verdict is Verdict.FIRED:
        return APPROVED
    if decision.guard in options_guards:
        return OPTIONS_BLOCKED
    return _BY_VERDICT[decision.verdict]


def options_guards(plan: Plan) -> frozenset[str]:
    """Guards that look at activity in options."""
    return frozenset(
        guard.key
        for guards in plan.guards.values()
        for guard in guards
        if any(t.name.startswith("options.") for term in rule_terms(guard) for t in walk(term))
    )
