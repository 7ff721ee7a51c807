"""The plan of a run: for each symbol one program with everything that may be asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.language.terms import Op, Term, walk
from engine.market.inputs import MANUAL
from engine.plan.build import GUARD, ORDER_OWNER, Builder, Texts
from engine.plan.ops import BASE_SECONDS
from engine.plan.program import Program
from engine.ruleset.rules import Exit, Guard, Pack, Ruleset, Strategy


@dataclass(slots=True)
class SymbolPlan:
    """What one symbol takes part in. ``strategies`` are triggered by it; ``held_by`` may hold it."""

    symbol: str
    program: Program
    strategies: list[Strategy]
    held_by: list[Strategy]


@dataclass(slots=True)
class Plan:
    """All symbols' programs, and who judges whom."""

    ruleset: Ruleset
    symbols: dict[str, SymbolPlan]
    exits: dict[str, list[Exit]]  # strategy key -> exits, most urgent first
    guards: dict[str, list[Guard]]  # strategy key -> guards
    packs: dict[str, Pack]  # strategy key -> its pack
    texts: Texts = field(default_factory=Texts)

    def guards_of(self, strategy: str, symbol: str) -> list[Guard]:
        """Who judges a strategy's orders in a symbol: of what a person orders, every guard that rules have there."""
        if strategy != MANUAL:
            return self.guards[strategy]
        return list({g.key: g for s in self.symbols[symbol].held_by for g in self.guards[s.key]}.values())

    def strategy(self, key: str) -> Strategy:
        return next(s for s in self.ruleset.strategies if s.key == key)


def exit_segment(strategy: str) -> str:
    """Name of the segment that holds the exits of one strategy's position."""
    return f"exit:{strategy}"


def make_plan(
    ruleset: Ruleset,
    symbols: Sequence[str],
    parameters: Mapping[str, float] | None = None,
    texts: Texts | None = None,
) -> Plan:
    """Compile ``ruleset`` for ``symbols``. ``parameters``: values by key that replace the rules' defaults.

    ``texts``: shared by plans whose values are compared.
    """
    return make_plans(ruleset, symbols, [parameters or {}], texts or Texts())[0]


def make_plans(
    ruleset: Ruleset, symbols: Sequence[str], sets: Sequence[Mapping[str, float]], texts: Texts
) -> list[Plan]:
    """A plan for each set of parameters; what does not depend on parameters is worked out once."""
    defaults = default_parameters(ruleset)
    moving = moving_parameters(ruleset)
    frames = frames_of(ruleset)
    exits, guards, packs = _exits(ruleset), _guards(ruleset), _packs(ruleset)
    found = []
    for parameters in sets:
        plan = Plan(ruleset, {}, exits, guards, packs, texts)
        values = defaults | dict(parameters)
        for symbol in symbols:
            plan.symbols[symbol] = _symbol_plan(plan, symbol, values, moving, frames)
        found.append(plan)
    return found


def default_parameters(ruleset: Ruleset) -> dict[str, float]:
    """The value that every parameter has where nobody says another."""
    return {key: parameter.value for key, parameter in ruleset.parameters.items()}


def moving_parameters(ruleset: Ruleset) -> frozenset[str]:
    """Keys of the parameters that a session sets while a run goes on."""
    return frozenset(key for pack in ruleset.packs.values() for s in pack.sessions for key in s.settings)


def execution_symbol(pack: Pack, strategy: Strategy, symbol: str) -> str:
    """The symbol that an entry triggered by ``symbol`` orders."""
    if strategy.entry.symbol is not None:
        return strategy.entry.symbol
    return pack.execution.get(symbol, symbol) if strategy.entry.execution else symbol


def triggers(strategy: Strategy, symbol: str) -> bool:
    """Whether ``symbol`` can trigger the strategy; a universe by condition is judged tick by tick, over all symbols or
    over those that are listed for it."""
    by_condition = strategy.universe_when is not None and not strategy.universe
    return strategy.enabled and (by_condition or symbol in strategy.universe)


def _exits(ruleset: Ruleset) -> dict[str, list[Exit]]:
    # What a person ordered has its bracket and no exits of rules.
    exits: dict[str, list[Exit]] = {MANUAL: [], **{s.key: [] for s in ruleset.strategies}}
    for pack in ruleset.packs.values():
        for rule in pack.exits:
            for key in rule.strategies:
                exits[key].append(rule)
    for found in exits.values():
        found.sort(key=lambda rule: (rule.priority, rule.key))
    return exits


def _guards(ruleset: Ruleset) -> dict[str, list[Guard]]:
    guards: dict[str, list[Guard]] = {}
    for strategy in ruleset.strategies:
        guards[strategy.key] = [
            guard
            for pack in ruleset.packs.values()
            for guard in pack.guards
            if (strategy.key in guard.strategies if guard.strategies else pack.name in (strategy.pack, "common"))
        ]
    return guards


def _packs(ruleset: Ruleset) -> dict[str, Pack]:
    return {strategy.key: pack for pack in ruleset.packs.values() for strategy in pack.strategies}


def frames_of(ruleset: Ruleset, more: Iterable[Term] = ()) -> tuple[int, ...]:
    """Higher timeframes that any expression reads, ``more`` too, and those that trigger strategies."""
    found = {s.trigger.seconds for s in ruleset.strategies if s.trigger.kind == "bar"}
    for term in (*more, *(term for rule in ruleset.rules for term in rule_terms(rule))):
        found.update(t.seconds for t in walk(term) if t.seconds)
    return tuple(sorted(found - {BASE_SECONDS}))


def rule_terms(rule: object) -> list[Term]:
    """Every expression of a rule that the plan computes."""
    match rule:
        case Strategy():
            return [*_looking_terms(rule), *_entry_terms(rule)]
        case Exit():
            return [*rule.when, *rule.action.terms]
        case Guard():
            extra = (rule.action.cap, rule.action.halt_for)
            return [*rule.require, *(t for t in extra if t is not None)]
    return []


def _looking_terms(strategy: Strategy) -> list[Term]:
    cooldowns = [strategy.cooldown, *(o.cooldown for o in strategy.overrides.values())]
    return [*strategy.when, *(t for t in (*cooldowns, strategy.universe_when) if t is not None)]


def _entry_terms(strategy: Strategy) -> list[Term]:
    entries = [strategy.entry, *(o.entry for o in strategy.overrides.values() if o.entry is not None)]
    return [term for entry in entries for term in entry.terms]


def _symbol_plan(
    plan: Plan, symbol: str, values: Mapping[str, float], moving: frozenset[str], frames: tuple[int, ...]
) -> SymbolPlan:
    strategies = plan.ruleset.strategies
    triggered = [s for s in strategies if triggers(s, symbol)]
    held_by = [s for s in strategies if s.enabled and _may_hold(plan.packs[s.key], s, symbol)]
    own = parameters_of(plan, symbol, values, (*triggered, *held_by))
    builder = Builder(plan.ruleset.facts, own, moving, plan.texts, frames)
    for strategy in triggered:
        for term in _looking_terms(strategy):
            builder.add(term, strategy.key)
    for strategy in held_by:
        for term in _entry_terms(strategy):
            builder.add(term, strategy.key)
    for strategy in held_by:
        for rule in plan.exits[strategy.key]:
            for term in rule_terms(rule):
                builder.add(term, strategy.key, exit_segment(strategy.key))
    for guard in {g.key: g for s in held_by for g in plan.guards[s.key]}.values():
        for term in rule_terms(guard):
            builder.add(term, ORDER_OWNER, GUARD)
    return SymbolPlan(symbol, builder.build(), triggered, held_by)


def parameters_of(
    plan: Plan, symbol: str, values: Mapping[str, float], strategies: Iterable[Strategy]
) -> dict[str, float]:
    """``values`` as ``strategies`` and their exits override them for a symbol."""
    own = dict(values)
    for strategy in {s.key: s for s in strategies}.values():
        for by_symbol in (strategy.overrides, *(e.overrides for e in plan.exits[strategy.key])):
            if symbol in by_symbol:
                own.update(by_symbol[symbol].parameters)
    return own


def _may_hold(pack: Pack, strategy: Strategy, symbol: str) -> bool:
    if strategy.universe_when is not None and not strategy.universe:
        return True
    return any(execution_symbol(pack, strategy, s) == symbol for s in strategy.universe)


def uses_position(term: Term) -> bool:
    """Whether a term reads the strategy's position."""
    return any(t.op is Op.AT_ENTRY or t.name.startswith("position.") for t in walk(term))
