"""The syntax tree of an expression. Each node knows the stretch of its expression's text that it came from.

Offsets count characters of the expression text; ``TextSource.span`` turns them into a place in the file.
Positions take no part in equality, so equal nodes mean equal expressions. Nothing changes a node once it is made;
they are hashable but not frozen, because making a frozen one takes three times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.language.types import Kind


@dataclass(unsafe_hash=True, slots=True)
class Node:
    """Base of all nodes."""

    start: int = field(compare=False)
    end: int = field(compare=False)

    @property
    def children(self) -> tuple[Node, ...]:
        return ()


@dataclass(unsafe_hash=True, slots=True)
class Literal(Node):
    """A constant. ``kinds``: what it may stand for, the most natural first (``62c``: probability, price, money)."""

    value: float | str | bool
    kinds: tuple[Kind, ...]


@dataclass(unsafe_hash=True, slots=True)
class Name(Node):
    """A fact, let, parameter or definition, by its dotted path."""

    path: str


@dataclass(unsafe_hash=True, slots=True)
class Call(Node):
    """A function or special form. ``named`` keeps the author's order."""

    function: str
    arguments: tuple[Node, ...]
    named: tuple[tuple[str, Node], ...] = ()

    @property
    def children(self) -> tuple[Node, ...]:
        return self.arguments + tuple(value for _, value in self.named)


@dataclass(unsafe_hash=True, slots=True)
class Index(Node):
    """``series[offset]``: the value ``offset`` bars ago."""

    series: Node
    offset: Node

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.series, self.offset)


@dataclass(unsafe_hash=True, slots=True)
class Negative(Node):
    operand: Node

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.operand,)


@dataclass(unsafe_hash=True, slots=True)
class Arithmetic(Node):
    """``operator`` is one of ``+ - * / ^``."""

    operator: str
    left: Node
    right: Node

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(unsafe_hash=True, slots=True)
class Not(Node):
    operand: Node

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.operand,)


@dataclass(unsafe_hash=True, slots=True)
class Logic(Node):
    """``operator`` is ``and`` or ``or``; nested chains of one operator are flattened into ``operands``."""

    operator: str
    operands: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        return self.operands


@dataclass(unsafe_hash=True, slots=True)
class Compare(Node):
    """A chain such as ``1 < x <= 3``: one operand more than operators."""

    operators: tuple[str, ...]
    operands: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        return self.operands


@dataclass(unsafe_hash=True, slots=True)
class Between(Node):
    """``low <= operand <= high``."""

    operand: Node
    low: Node
    high: Node

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.operand, self.low, self.high)


@dataclass(unsafe_hash=True, slots=True)
class Member(Node):
    """``operand in [..]``."""

    operand: Node
    options: tuple[Node, ...]

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.operand, *self.options)


@dataclass(unsafe_hash=True, slots=True)
class Crosses(Node):
    """True on the bar where ``left`` goes beyond ``right``, having been at or on the other side of it before."""

    direction: str
    left: Node
    right: Node

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@dataclass(unsafe_hash=True, slots=True)
class Held(Node):
    """``condition for 5m``: has been true without a break for that long."""

    condition: Node
    duration: Node

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.condition, self.duration)


@dataclass(unsafe_hash=True, slots=True)
class Conditional(Node):
    """``if condition then yes else no``."""

    condition: Node
    yes: Node
    no: Node

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.condition, self.yes, self.no)


def walk(node: Node) -> Iterator[Node]:
    """``node`` and everything below it, parents first, left to right."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(current.children))
