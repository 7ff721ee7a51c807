"""Condition coverage: each boolean node of each rule, and whether tests saw it true, false and unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.decide.tick import Decider
from engine.language.terms import COMPARISONS, CROSSINGS, Op, Term
from engine.language.types import Kind
from engine.plan.build import ORDER_OWNER
from engine.ruleset.rules import Exit, Guard, Ruleset, Strategy

TRUE, FALSE, UNKNOWN = 1, 2, 4
NAMES = {TRUE: "true", FALSE: "false", UNKNOWN: "unknown"}


def conditions(term: Term) -> Iterator[Term]:
    """The boolean nodes of a condition that can be judged on their own, the whole one first."""
    yield term
    if term.op in (Op.AND, Op.OR, Op.NOT):
        for argument in term.args:
            if argument.type.kind is Kind.BOOL:
                yield from conditions(argument)
    elif term.op is Op.HELD:
        yield from conditions(term.args[0])


def can_be_unknown(term: Term) -> bool:
    """Whether a node can be unknown at all: comparisons and crosses of series can, while they warm up."""
    return term.op not in (Op.CONSTANT, Op.KNOWN) and (
        term.type.nullable or term.op in COMPARISONS or term.op in CROSSINGS or bool(term.args)
    )


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A boolean node and the outcomes that no test produced."""

    rule: str
    term: Term
    missing: tuple[str, ...]


@dataclass(slots=True)
class Coverage:
    """Outcomes seen, by rule and term."""

    seen: dict[tuple[str, int], int] = field(default_factory=dict)

    def record(self, decider: Decider, rule: Strategy | Exit | Guard, owner: str, symbol: str) -> None:
        """Note what every boolean node of a rule was at this tick."""
        state = decider.context.states[symbol]
        program = state.memory.program
        for term in rule.require if isinstance(rule, Guard) else rule.when:
            for node in conditions(term):
                slot = program.slots.get((id(node), owner))
                if slot is None:
                    continue
                value = state.v[slot]
                outcome = UNKNOWN if value != value else TRUE if value == 1.0 else FALSE
                key = (rule.key, id(node))
                self.seen[key] = self.seen.get(key, 0) | outcome

    def after_tick(self, decider: Decider, tested: list[Strategy | Exit | Guard], symbol: str) -> None:
        """Note every tested rule that was evaluated at this tick."""
        context = decider.context
        for rule in tested:
            if isinstance(rule, Strategy):
                self.record(decider, rule, rule.key, symbol)
            elif isinstance(rule, Guard):
                for decision in context.decisions:
                    if rule.key in decision.guards and decision.symbol in context.states:
                        self.record(decider, rule, ORDER_OWNER, decision.symbol)
            else:
                for strategy, held_symbol in context.portfolio.held:
                    if strategy in rule.strategies:
                        self.record(decider, rule, strategy, held_symbol)

    def report(self, ruleset: Ruleset) -> tuple[dict[str, tuple[int, int]], list[Uncovered]]:
        """For each rule the outcomes seen and the outcomes there are; and every node that lacks some."""
        totals: dict[str, tuple[int, int]] = {}
        uncovered: list[Uncovered] = []
        for pack in ruleset.packs.values():
            rules: list[Strategy | Exit | Guard] = [*pack.strategies, *pack.exits, *pack.guards]
            for rule in rules:
                have = want = 0
                for term in rule.require if isinstance(rule, Guard) else rule.when:
                    for node in conditions(term):
                        wanted = TRUE | FALSE | (UNKNOWN if can_be_unknown(node) else 0)
                        seen = self.seen.get((rule.key, id(node)), 0) & wanted
                        want += wanted.bit_count()
                        have += seen.bit_count()
                        missing = tuple(NAMES[bit] for bit in (TRUE, FALSE, UNKNOWN) if wanted & bit and not seen & bit)
                        if missing:
                            uncovered.append(Uncovered(rule.key, node, missing))
                totals[rule.key] = (have, want)
        return totals, uncovered
