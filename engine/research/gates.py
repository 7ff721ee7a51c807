"""Gates judge closed trades. A gate that is not true does not pass; unknown is not true."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.language.terms import Term
from engine.plan.build import Builder, Texts
from engine.plan.ops import Group
from engine.plan.program import Memory
from engine.research.statistics import trade_statistics
from engine.research.trades import ClosedTrade
from engine.ruleset.rules import Gate, Ruleset

NAN = math.nan


@dataclass(frozen=True, slots=True)
class ConditionVerdict:
    """One condition of a gate: its text, whether it holds (None: unknown), and the two sides where it compares."""

    text: str
    holds: bool | None
    have: float | None
    need: float | None


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """A gate's judgement at one time. ``passed`` says nothing yet of ``consecutive`` judgements."""

    gate: str
    passed: bool
    consecutive: int
    conditions: tuple[ConditionVerdict, ...]


def judge_gates(
    ruleset: Ruleset, trades: Sequence[ClosedTrade], drawdown: float | None, cost_coverage: float | None
) -> list[GateVerdict]:
    """Judge every gate over the trades of the strategies it is for.

    ``drawdown`` is the deepest fall of equity as a share of its peak, ``cost_coverage`` the share of fills whose
    costs are all recorded; None is unknown.
    """
    return [
        _judge(ruleset, gate, [t for t in trades if t.strategy in gate.judged], drawdown, cost_coverage)
        for pack in ruleset.packs.values()
        for gate in pack.gates
    ]


def _judge(
    ruleset: Ruleset, gate: Gate, trades: Sequence[ClosedTrade], drawdown: float | None, cost_coverage: float | None
) -> GateVerdict:
    values = {key: p.value for key, p in ruleset.parameters.items()}
    builder = Builder(ruleset.facts, values, frozenset(), Texts(), ())
    for term in gate.require:
        builder.add(term)
    memory = Memory(builder.build())
    facts = _facts(trades, drawdown, cost_coverage)
    for key, slot in memory.program.inputs.items():
        if key.what == "statistic":
            memory.v[slot] = _holdout_expectancy(trades, key.seconds)
        elif key.what == "fact":
            memory.v[slot] = facts.get(key.name, NAN)
    memory.compute("main", Group.STATS | Group.START | Group.PORTFOLIO | Group.CLOCK)
    conditions = tuple(_condition(memory, term) for term in gate.require)
    return GateVerdict(gate.key, all(c.holds is True for c in conditions), gate.consecutive, conditions)


def _facts(
    trades: Sequence[ClosedTrade], drawdown: float | None, cost_coverage: float | None
) -> Mapping[str, float]:
    """The facts ``stats.*``; a figure that cannot be computed is unknown."""
    figures = trade_statistics(trades)
    found = {
        "stats.trades": float(len(trades)),
        "stats.expectancy": figures.expectancy,
        "stats.profit_factor": figures.profit_factor,
        "stats.win_rate": figures.win_rate,
        "stats.largest_ticker_share": figures.largest_ticker_share,
        "stats.max_drawdown": drawdown,
        "stats.cost_coverage": cost_coverage,
    }
    return {name: NAN if value is None else float(value) for name, value in found.items()}


def _holdout_expectancy(trades: Sequence[ClosedTrade], count: int) -> float:
    """Mean net result of the last ``count`` trades; unknown with fewer."""
    if len(trades) < count or count <= 0:
        return NAN
    return float(sum(t.net for t in trades[-count:])) / count


def _condition(memory: Memory, term: Term) -> ConditionVerdict:
    value = float(memory.v[memory.program.slot(term)])
    sides = [_known(memory, side) for side in term.args] if len(term.args) == 2 else [None, None]
    return ConditionVerdict(term.text, None if value != value else value == 1.0, sides[0], sides[1])


def _known(memory: Memory, term: Term) -> float | None:
    value = float(memory.v[memory.program.slot(term)])
    return None if value != value else value

