"""Witnesses: concrete values of series, checked by evaluating the condition itself, and how to say them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from engine.language.catalogue import Flow
from engine.language.functions import CATALOGUE
from engine.language.terms import COMPARISONS, Op, Term, walk
from engine.language.types import Kind
from engine.lint.formula import Number, Reading, leaves
from engine.lint.solve import Model, TooLarge, satisfy
from engine.lint.wording import shown, words
from engine.plan.kernel import elementary
from engine.plan.ops import Code

NAN = math.nan
_USUAL: dict[Kind, Number] = {Kind.PRICE: 100, Kind.QUANTITY: 100, Kind.MONEY: 1000, Kind.TIME: 0}
_DISTANCES = frozenset({"atr", "true_range", "stdev", "spread", "change", "position.gain"})
_ELEMENTARY = COMPARISONS | {Op.ADD, Op.SUBTRACT, Op.MULTIPLY, Op.DIVIDE, Op.POWER, Op.NEGATE, Op.NOT}
# What only its own past can tell; a model has to say it.
_TOLD = frozenset({Op.FACT, Op.AGE, Op.AT_ENTRY, Op.STATISTIC, Op.CROSSES_ABOVE, Op.CROSSES_BELOW, Op.HELD})


def witness(reading: Reading, conditions: Sequence[Term]) -> Model | None:
    """Values of series under which all conditions are true, by their own evaluation; None when none was found."""
    formulas = [reading.truth(condition) for condition in conditions]
    try:
        model = satisfy(reading, formulas, prefer=lambda leaf: usual(reading, leaf))
    except TooLarge:
        return None
    if model is None or not all(value(reading, condition, model) == 1.0 for condition in conditions):
        return None
    return model


def usual(reading: Reading, leaf: int) -> Number:
    """An ordinary value of a series, where nothing decides it."""
    term = reading.term(leaf)
    return 1 if term.name in _DISTANCES else _USUAL.get(term.type.kind, 1)


def value(reading: Reading, term: Term, model: Model) -> float | str:
    """What the plan's kernel makes of ``term`` when the leaves have the values of the model; NaN is unknown."""
    op, args = term.op, term.args
    if op is Op.CONSTANT:
        return term.value if isinstance(term.value, str) else float(term.value or 0.0)
    told = _told(model, reading.number(term))
    if op is Op.PARAMETER:
        return told if told is not None else reading.intervals.default(term.name)
    remembers = op is Op.DELAY or (op is Op.FUNCTION and CATALOGUE[term.name].flow is not Flow.PURE)
    if op in _TOLD or remembers:
        return told if told is not None else NAN
    values = [value(reading, argument, model) for argument in args]
    found = _computed(term, values)
    below = {reading.number(inner) for argument in args for inner in walk(argument)}
    return told if told is not None and found != found and not below & model.keys() else found


def _told(model: Model, number: int) -> float | str | None:
    found = model.get(number)
    return found if isinstance(found, str) or found is None else float(found)


def _computed(term: Term, values: list[float | str]) -> float:
    op = term.op
    if any(isinstance(v, str) for v in values):
        if any(v != v for v in values):
            return NAN
        return float((values[0] == values[1]) is (op is Op.EQUAL))
    numbers = [float(v) for v in values]
    unknown = any(v != v for v in numbers)
    match op:
        case Op.AND:
            return 0.0 if 0.0 in numbers else NAN if unknown else 1.0
        case Op.OR:
            return 1.0 if 1.0 in numbers else NAN if unknown else 0.0
        case Op.KNOWN:
            return 0.0 if unknown else 1.0
        case Op.OR_ELSE:
            return numbers[0] if numbers[0] == numbers[0] else numbers[1]
        case Op.IF:
            return NAN if numbers[0] != numbers[0] else numbers[1] if numbers[0] == 1.0 else numbers[2]
        case Op.FUNCTION:
            return NAN if unknown else float(CATALOGUE[term.name].step(*numbers))
    if op not in _ELEMENTARY:
        return NAN
    slots: Any = range(len(numbers))
    operands: Any = numbers
    return float(elementary(Code[op.name], 0, slots, operands))


# -- in words --------------------------------------------------------------------------------------------------------


def told(reading: Reading, conditions: Iterable[Term], model: Model) -> str:
    """The values of the series in ``conditions``: ``rsi(close, 14) = 50, close = $100``."""
    found: dict[int, str] = {}
    for condition in conditions:
        texts = {reading.number(term): words(term) for term in reversed(list(walk(condition)))}
        for leaf in dict.fromkeys(leaves(reading.truth(condition))):
            term = reading.term(leaf)
            given = model.get(leaf)
            if given is None or leaf in found or (isinstance(given, bool) and leaf not in texts):
                continue
            name = texts.get(leaf) or words(term)
            if isinstance(given, bool):
                found[leaf] = f"`{name}` is {str(given).lower()}"
            else:
                found[leaf] = f"{name} = {shown(given, term.type.kind)}"
    return ", ".join(found.values())
