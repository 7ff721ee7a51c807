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
        start, end = self._extent()
        return self.source.text[start:end]

    def span(self, label: str = "") -> Span:
        start, end = self._extent()
        return self.source.span(start, end, label)

    def _extent(self) -> tuple[int, int]:
        """Where the author wrote it. A node ends where its last operand does, so what that operand's parentheses
        add is taken in: `not (a or b)`, not `not (a or b`.
        """
        text, start, end = self.source.text, self.node.start, self.node.end
        opened = closed = 0
        for character in text[start:end]:
            if character == "(":
                opened += 1
            elif character == ")" and opened:
                opened -= 1
            elif character == ")":
                closed += 1
        while opened and (at := text.find(")", end)) >= 0 and not text[end:at].strip():
            end, opened = at + 1, opened - 1
        while closed and (at := text.rfind("(", 0, start)) >= 0 and not text[at + 1 : start].strip():
            start, closed = at, closed - 1
        return start, end


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
