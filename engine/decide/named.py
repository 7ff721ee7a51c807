"""The values that rules name, as far as minute bars and the time of day alone make them. Pure.

A name is ``pack.rule.let``, with the definitions of a pack as a rule like any other, and what a rule computes of bars
without giving it a name goes by its own words with the parameters filled in: ``vwap()``, ``ema(close, 20)``,
``on(5m, ema(close, 20))``. That is no rule's: wherever it is written, it is one value.

What reads quotes, positions, the account or a signal is left out, with the reason: bars do not say it, so it could not
be found again from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from engine.language.catalogue import Flow
from engine.language.functions import CATALOGUE
from engine.language.terms import CROSSINGS, Op, Term, walk
from engine.language.types import Kind, Varies
from engine.market.facts import FactSpec, Scope
from engine.plan.build import Builder
from engine.plan.ops import BASE_SECONDS
from engine.plan.plan import (
    Plan,
    SymbolPlan,
    default_parameters,
    frames_of,
    make_plan,
    moving_parameters,
    parameters_of,
    rule_terms,
)
from engine.ruleset.linker import SHARED
from engine.ruleset.rules import Rule, Ruleset

_MADE_BY_BARS: Final = (Scope.BAR, Scope.CLOCK, Scope.INSTRUMENT)
_VENUE: Final = "venue."  # facts of an instrument that a venue may change while a run goes on
_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "m"))


class NamedPlan(NamedTuple):
    """A plan of one symbol that computes nothing but its named values.

    ``slots``: where each value stands, by name; ``left_out``: why a name has none.
    """

    plan: Plan
    slots: Mapping[str, int]
    left_out: Mapping[str, str]


def named_plan(ruleset: Ruleset, symbol: str, parameters: Mapping[str, float] | None = None) -> NamedPlan:
    """What the rules that look at ``symbol``, or may hold it, name. ``parameters``: as ``make_plan``.

    Raises PlanError for a constant that has no meaning where it stands.
    """
    plan = make_plan(ruleset, [symbol], parameters)
    part = plan.symbols[symbol]
    rules = list(_rules_of(plan, part))
    values = default_parameters(ruleset) | dict(parameters or {})
    own = parameters_of(plan, symbol, values, (*part.strategies, *part.held_by))
    frames = frames_of(ruleset, _terms_of(rules))
    builder = Builder(ruleset.facts, own, moving_parameters(ruleset), plan.texts, frames)
    terms, left_out = _named_terms(rules, builder)
    slots = {name: builder.add(term) for name, term in terms.items()}
    plan.symbols[symbol] = SymbolPlan(symbol, builder.build(), [], [])
    return NamedPlan(plan, slots, left_out)


def _named_terms(rules: list[Rule], builder: Builder) -> tuple[dict[str, Term], dict[str, str]]:
    """What has a name, lets first, and why some lets are left out."""
    found: dict[str, Term] = {}
    left_out: dict[str, str] = {}
    for rule in rules:
        for let, term in rule.lets.items():
            name, why = f"{rule.key}.{let}", _why_left_out(term, builder.facts, builder.moving)
            if why:
                left_out[name] = why
            else:
                found[name] = term
    for term in (below for whole in _terms_of(rules) for below in walk(whole)):
        written = _written(term, builder)
        if written and not _why_left_out(term, builder.facts, builder.moving):
            found.setdefault(written, term)
    return found, left_out


def _rules_of(plan: Plan, part: SymbolPlan) -> Iterator[Rule]:
    """Definitions first, then strategies with what looks after their positions, each rule once."""
    strategies = {s.key: s for s in (*part.strategies, *part.held_by)}.values()
    packs = [plan.ruleset.packs[name] for name in (SHARED, *(s.pack for s in strategies)) if name in plan.ruleset.packs]
    found: dict[str, Rule] = {rule.key: rule for pack in packs for rule in pack.definitions} if strategies else {}
    for strategy in strategies:
        found[strategy.key] = strategy
    for strategy in part.held_by:
        found |= {rule.key: rule for rule in (*plan.exits[strategy.key], *plan.guards[strategy.key])}
    return iter(found.values())


def _terms_of(rules: list[Rule]) -> list[Term]:
    """Everything that the rules compute, whether it has a name or not."""
    return [term for rule in rules for term in (*rule.lets.values(), *rule_terms(rule))]


# -- what bars alone make ----------------------------------------------------------------------------------------------


def _why_left_out(term: Term, facts: Mapping[str, FactSpec], moving: frozenset[str]) -> str:
    """Why bars and the clock do not make a value; empty where they do."""
    if term.type.kind is Kind.TEXT:
        return "is a text"
    if term.type.varies is not Varies.SERIES:
        return "stays the same"
    for below in walk(term):
        if below.op is Op.AT_ENTRY:
            return "reads the entry of a position"
        if below.op is Op.STATISTIC:
            return f"reads {below.name}"
        if below.op in (Op.FACT, Op.AGE) and not _made_by_bars(facts[below.name]):
            return f"reads {below.name}"
        why = _why_not_at_bars(below, facts, moving)
        if why:
            return why
    return ""


def _made_by_bars(fact: FactSpec) -> bool:
    return fact.scope in _MADE_BY_BARS and not fact.name.startswith(_VENUE)


def _why_not_at_bars(term: Term, facts: Mapping[str, FactSpec], moving: frozenset[str]) -> str:
    """Why what a value remembers depends on more than the bars: it would also be asked between two of them."""
    waits = term.op in CROSSINGS or term.op is Op.HELD
    remembers = waits or term.op is Op.DELAY or (term.op is Op.FUNCTION and CATALOGUE[term.name].flow is not Flow.PURE)
    if not remembers:
        return ""
    for below in (each for argument in term.args for each in walk(argument)):
        if below.op is Op.PARAMETER and below.name in moving:
            return f"remembers what it made of {below.name}, which a session sets"
        clock = below.op is Op.AGE or (below.op is Op.FACT and facts[below.name].scope is Scope.CLOCK)
        if waits and clock:
            return f"waits for {below.name} between bars"
    return ""


# -- what has no name but its own words --------------------------------------------------------------------------------


def _written(term: Term, builder: Builder) -> str:
    """A function of bars in its own words with the parameters filled in; empty for anything else."""
    if term.op is not Op.FUNCTION or CATALOGUE[term.name].flow is Flow.PURE:
        return ""
    arguments = term.args[: len(CATALOGUE[term.name].parameters)]
    words = [_plain(argument, builder) for argument in arguments]
    if not all(words):
        return ""
    said = f"{term.name}({', '.join(words)})"
    return said if term.seconds in (0, BASE_SECONDS) else f"on({_duration(term.seconds)}, {said})"


def _plain(term: Term, builder: Builder) -> str:
    """A fact of the bar or a number; empty for anything else, and for what a session sets."""
    if term.op is Op.FACT:
        return term.name if builder.facts[term.name].scope is Scope.BAR else ""
    if any(below.op is Op.PARAMETER and below.name in builder.moving for below in walk(term)):
        return ""
    value = builder.constant_value(term)
    if value != value or term.type.kind is Kind.TEXT:
        return ""
    return _duration(value) if term.type.kind is Kind.DURATION else _number(value)


def _duration(seconds: float) -> str:
    size, unit = next((pair for pair in _UNITS if seconds % pair[0] == 0), (1, "s"))
    return f"{_number(seconds / size)}{unit}"


def _number(value: float) -> str:
    """With all its digits: what differs has another name."""
    return repr(float(value)).removesuffix(".0")
