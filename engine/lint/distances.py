"""Which prices are a distance between two prices, as an ATR or a spread is, and so no price to trade at."""

from __future__ import annotations

from enum import Enum

from engine.language.terms import Op, Term
from engine.language.types import Kind


class _Sort(Enum):
    PLAIN = "plain"  # a constant or a bare number: it may be either
    DISTANCE = "distance"
    LEVEL = "level"  # what prices are: it moves with the market
    OPEN = "open"  # nobody knows


_DISTANCES = frozenset({"spread", "position.gain", "instrument.tick_size", "venue.fee_per_unit"})
_MEASURES = frozenset({"atr", "true_range", "stdev", "change", "slope", "macd", "macd_signal", "macd_histogram"})
_CHOICES = frozenset({"min", "max", "clamp"})
_KEEPING = frozenset({"sma", "wma", "ema", "rma", "highest", "lowest", "abs", "round_to_tick"})  # of the first argument


def is_distance(term: Term) -> bool:
    """Whether ``term`` is for certain a distance of prices. What is a constant may be meant as a price."""
    return _sort(term) is _Sort.DISTANCE


def _sort(term: Term) -> _Sort:
    match term.op:
        case Op.CONSTANT | Op.PARAMETER:
            return _Sort.PLAIN
        case Op.FACT:
            return _fact(term)
        case Op.ADD | Op.SUBTRACT:
            return _sum(_sort(term.args[0]), _sort(term.args[1]), term.op)
        case Op.MULTIPLY | Op.DIVIDE:
            return _product([_sort(arg) for arg in term.args])
        case Op.NEGATE | Op.DELAY | Op.AT_ENTRY:
            return _sort(term.args[0])
        case Op.IF:
            return _choice([_sort(arg) for arg in term.args[1:]])
        case Op.OR_ELSE:
            return _choice([_sort(arg) for arg in term.args])
        case Op.FUNCTION:
            return _function(term)
        case _:
            return _Sort.OPEN


def _fact(term: Term) -> _Sort:
    if term.name in _DISTANCES:
        return _Sort.DISTANCE
    return _Sort.LEVEL if term.type.kind in (Kind.PRICE, Kind.PROBABILITY) else _Sort.PLAIN


def _sum(left: _Sort, right: _Sort, op: Op) -> _Sort:
    sorts = {left, right}
    if _Sort.OPEN in sorts:
        return _Sort.OPEN
    if sorts == {_Sort.LEVEL}:
        return _Sort.DISTANCE if op is Op.SUBTRACT else _Sort.OPEN
    if _Sort.LEVEL in sorts:  # a plain number taken off a price may be another price
        return _Sort.LEVEL if _Sort.DISTANCE in sorts else _Sort.OPEN
    return _choice([left, right])


def _product(sorts: list[_Sort]) -> _Sort:
    """A distance times or by a number stays one; a share of a price may be a price (98%) or a distance (2%)."""
    kinds = set(sorts)
    if kinds == {_Sort.PLAIN}:
        return _Sort.PLAIN
    return _Sort.DISTANCE if kinds == {_Sort.PLAIN, _Sort.DISTANCE} else _Sort.OPEN


def _choice(sorts: list[_Sort]) -> _Sort:
    kinds = set(sorts)
    if kinds == {_Sort.PLAIN}:
        return _Sort.PLAIN
    return _Sort.DISTANCE if kinds <= {_Sort.PLAIN, _Sort.DISTANCE} else _Sort.OPEN


def _function(term: Term) -> _Sort:
    if term.name in _MEASURES:
        return _Sort.DISTANCE
    if term.name in _CHOICES:
        return _choice([_sort(arg) for arg in term.args])
    return _sort(term.args[0]) if term.name in _KEEPING else _Sort.OPEN
