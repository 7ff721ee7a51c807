"""A quick yes to whether conditions can all be true: each has a series to itself that only has to be high enough.

Most rules pass here, and what this takes is a small part of what solving takes. "No" means nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

from engine.language.terms import Op, Term
from engine.lint.expressions import constant
from engine.lint.intervals import Intervals

# The side that has to be the higher one.
_HIGHER = {
    Op.GREATER: 0, Op.GREATER_EQUAL: 0, Op.CROSSES_ABOVE: 0, Op.LESS: 1, Op.LESS_EQUAL: 1, Op.CROSSES_BELOW: 1,
}  # fmt: skip
_SUMS = frozenset({Op.ADD, Op.SUBTRACT, Op.MULTIPLY, Op.DIVIDE, Op.NEGATE})
_CONSTANT = frozenset({Op.CONSTANT, Op.PARAMETER})
_BAR_PRICES = frozenset({"open", "high", "low", "close"})
# Functions and facts about which more is known than their bounds.
_LINKED = frozenset({"highest", "lowest", "max", "min", "abs", "session_high", "session_low"})


def surely_possible(parts: Sequence[Term], intervals: Intervals) -> bool:
    """Whether all ``parts`` can be true together; False when that takes a closer look."""
    shared: Counter[Hashable] = Counter()
    prices: set[str] = set()
    for part in parts:
        if part.op not in _HIGHER:
            return False
        for leaf in _leaves(part):
            if leaf.name in _LINKED or leaf.name.startswith("position."):
                return False
            if leaf.name in _BAR_PRICES or leaf.op is Op.DELAY:
                prices.add(leaf.name)
            shared[_signature(leaf)] += 1
    return len(prices) < 2 and all(_holds_alone(part, shared, intervals) for part in parts)


def _leaves(term: Term) -> Iterator[Term]:
    for argument in term.args:
        if argument.op in _SUMS:
            yield from _leaves(argument)
        elif argument.op not in _CONSTANT:
            yield argument


def _signature(leaf: Term) -> Hashable:
    """Equal for leaves that compute the same, and sometimes for others."""
    return (leaf.op, leaf.name, *((a.op, a.name, a.value) for a in leaf.args))


def _holds_alone(part: Term, shared: Counter[Hashable], intervals: Intervals) -> bool:
    higher = part.args[_HIGHER[part.op]]
    lower = part.args[1 - _HIGHER[part.op]]
    if higher.op not in _SUMS and higher.op not in _CONSTANT and shared[_signature(higher)] == 1:
        if intervals.of(higher).high == math.inf:
            return True
        limit = constant(lower)
        return limit is not None and limit < intervals.of(higher).high
    limit = constant(higher)
    alone = lower.op not in _SUMS and lower.op not in _CONSTANT and shared[_signature(lower)] == 1
    return alone and limit is not None and limit > intervals.of(lower).low
