"""Gates judge closed trades. A gate that is not true does not pass; unknown is not true."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.language.terms import Term
from engine.plan.build import Builder, Texts
from engine.plan.ops import Group
from engine.plan.program import Memory
from engine.research.gatefacts import FIGURES, Figure, Shown
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


def judge_gate(ruleset: Ruleset, gate: Gate, shown: Shown) -> GateVerdict:
    """Judge ``gate`` over what has been shown by the strategies that it is for."""
    conditions = _judged(ruleset, gate.require, shown)
    return GateVerdict(gate.key, all(c.holds is True for c in conditions), gate.consecutive, conditions)


def passes(ruleset: Ruleset, gate: Gate, shown: Shown) -> bool:
    """Whether `judge_gate` would pass; it stops at the first condition that is not true."""
    return all(_judged(ruleset, (term,), shown)[0].holds is True for term in gate.require)


def _judged(ruleset: Ruleset, terms: Sequence[Term], shown: Shown) -> tuple[ConditionVerdict, ...]:
    values = {key: p.value for key, p in ruleset.parameters.items()}
    builder = Builder(ruleset.facts, values, frozenset(), Texts(), ())
    for term in terms:
        builder.add(term)
    memory = Memory(builder.build())
    for key, slot in memory.program.inputs.items():
        if key.what == "statistic":
            memory.v[slot] = _number(shown.holdout_expectancy(key.seconds))
        elif key.what == "fact" and key.name in FIGURES:
            memory.v[slot] = _number(shown.figure(key.name))
    memory.compute("main", Group.STATS | Group.START | Group.PORTFOLIO | Group.CLOCK)
    return tuple(_condition(memory, term) for term in terms)


def _number(figure: Figure) -> float:
    return NAN if figure.value is None else figure.value


def _condition(memory: Memory, term: Term) -> ConditionVerdict:
    value = float(memory.v[memory.program.slot(term)])
    sides = [_known(memory, side) for side in term.args] if len(term.args) == 2 else [None, None]
    return ConditionVerdict(term.text, None if value != value else value == 1.0, sides[0], sides[1])


def _known(memory: Memory, term: Term) -> float | None:
    value = float(memory.v[memory.program.slot(term)])
    return None if value != value else value

