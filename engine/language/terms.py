"""Typed expressions: what the checker makes of a syntax tree, and what the plan computes.

A term tree holds no sugar: chained comparisons, ``between``, ``in`` and ``price + 2bps`` are spelt out, names are
resolved to facts, parameters and the terms of their lets. Each term remembers the node it came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from engine.language.diagnostics import Span, TextSource
from engine.language.nodes import Node
from engine.language.types import Type


class Op(StrEnum):
    """What a term computes."""

    CONSTANT = "constant"  # value
    FACT = "fact"  # name, seconds
    PARAMETER = "parameter"  # name = "rule.parameter"
    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    POWER = "^"
    NEGATE = "negate"
    NOT = "not"
    AND = "and"
    OR = "or"
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="
    EQUAL = "=="
    UNEQUAL = "!="
    CROSSES_ABOVE = "crosses above"
    CROSSES_BELOW = "crosses below"
    HELD = "for"  # condition, duration
    DELAY = "delay"  # series, constant offset in bars
    IF = "if"
    KNOWN = "known"  # whether the argument is known; never unknown itself
    OR_ELSE = "or_else"  # the first argument, or the second where the first is unknown
    FUNCTION = "function"  # name; args are the arguments in parameter order, then the implicit facts
    AGE = "age"  # name, seconds: time since the fact last moved
    AT_ENTRY = "at_entry"  # the argument's value when the position's entry was decided
    STATISTIC = "statistic"  # name of a statistic with a constant argument (holdout expectancy)


COMPARISONS = frozenset({Op.LESS, Op.LESS_EQUAL, Op.GREATER, Op.GREATER_EQUAL, Op.EQUAL, Op.UNEQUAL})
CROSSINGS = frozenset({Op.CROSSES_ABOVE, Op.CROSSES_BELOW})
LOGIC = frozenset({Op.AND, Op.OR, Op.NOT})


@dataclass(eq=False, slots=True)
class Term:
    """One typed node. ``seconds`` is the timeframe in which a fact or a series function moves (0: no bar series)."""

    op: Op
    type: Type
    node: Node
    source: TextSource
    args: tuple[Term, ...] = ()
    value: float | str | bool | None = None
    name: str = ""
    seconds: int = 0

    @property
    def text(self) -> str:
        """What the author wrote."""
        return self.source.text[self.node.start : self.node.end]

    def span(self, label: str = "") -> Span:
        return self.source.span(self.node.start, self.node.end, label)


def walk(term: Term) -> Iterator[Term]:
    """``term`` and everything below it, each once, parents first."""
    seen: set[int] = set()
    stack = [term]
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        stack.extend(reversed(current.args))
