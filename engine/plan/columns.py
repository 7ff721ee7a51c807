"""Programs over history: which nodes can be computed down a column, and their columns, shared by all programs.

A node is *fixed* when nothing of it depends on positions, orders or the account: its values are the same whatever the
rules do, and therefore computed for all rows before anything is decided. The others are *live*. Nodes of any number
of programs of one symbol (one for each parameter set) go into one graph, where equal ones are one column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.market.facts import FactSpec, Scope
from engine.plan.arrays import Codes, Ints
from engine.plan.column_kernel import MOST_ARGUMENTS
from engine.plan.ops import Group
from engine.plan.program import InputKey, Instruction, Program

LIVE_SCOPES = (Scope.POSITION, Scope.PORTFOLIO, Scope.ORDER)
LIVE_GROUPS = Group.POSITION | Group.PORTFOLIO | Group.ORDER


class CannotCompile(Exception):
    """Something that the column engine does not do. The text names the rule's file and line, and what it is."""


@dataclass(slots=True)
class Node:
    """One instruction of a program as the column engine sees it. ``state``: where its memory is, -1 for none;
    ``depends``: the groups that it runs on, transitively those of its arguments."""

    slot: int
    op: int
    args: tuple[int, ...]
    state: int
    depends: int
    instruction: Instruction
    fixed: bool


def is_live(key: InputKey, facts: Mapping[str, FactSpec]) -> bool:
    """Whether an input moves with what the rules do."""
    if key.what == "entry":
        return True
    return key.what == "fact" and key.name in facts and facts[key.name].scope in LIVE_SCOPES


def nodes_of(program: Program, facts: Mapping[str, FactSpec], segment: str = "main") -> list[Node]:
    """The nodes of a segment in the order in which they run. Raises CannotCompile."""
    found = program.segments.get(segment)
    if found is None:
        return []
    live = {slot for key, slot in program.inputs.items() if is_live(key, facts)}
    nodes: list[Node] = []
    for op, first, last, depends in program.stretches[found.begin : found.end].tolist():
        for slot, _, _, begin, count, state in program.code[first:last].tolist():
            args = tuple(program.pool[begin : begin + count].tolist())
            instruction = program.instructions[slot]
            stepped = depends & Group.START == 0  # what has no memory also runs at the start
            fixed = not any(arg in live for arg in args)
            if not fixed:
                live.add(slot)
            node = Node(slot, op, args, state if stepped else -1, depends & ~Group.START, instruction, fixed)
            if segment == "main":
                _check(node)
            nodes.append(node)
    return nodes


def _check(node: Node) -> None:
    """Memory whose steps the course of a run decides cannot be laid out before it."""
    if node.state < 0:
        return
    if not node.fixed and node.depends & LIVE_GROUPS:
        raise CannotCompile(f"{where(node)} remembers what a position or the account was")
    if not node.fixed:
        raise CannotCompile(f"{where(node)} reads a position or the account bar by bar")
    if node.depends & Group.PARAMETER:
        raise CannotCompile(f"{where(node)} remembers a value over a parameter that a session sets")


def where(node: Node) -> str:
    """File, line and text of what a node was made from."""
    span, term = node.instruction.term.span(), node.instruction.term
    return f"{span.file}:{span.line}: `{term.text}`"


@dataclass(slots=True)
class ColumnGraph:
    """All fixed nodes of one symbol's programs. ``inputs``: column of each input and constant."""

    facts: Mapping[str, FactSpec]
    inputs: dict[tuple[object, ...], int] = field(default_factory=dict)
    nodes: list[tuple[int, int, tuple[int, ...], int, int]] = field(default_factory=list)
    state_size: int = 0
    width: int = 0
    _known: dict[tuple[object, ...], int] = field(default_factory=dict)

    def column_of(self, program: Program, nodes: Iterable[Node], wanted: Iterable[int]) -> dict[int, int]:
        """The columns of the ``wanted`` slots of one program and of what they need; adds those that are new."""
        by_slot = {node.slot: node for node in nodes}
        keys = {slot: key for key, slot in program.inputs.items()}
        columns: dict[int, int] = {}
        for slot in wanted:
            self._column(slot, program, by_slot, keys, columns)
        return columns

    def _column(
        self, slot: int, program: Program, nodes: Mapping[int, Node], keys: Mapping[int, InputKey],
        columns: dict[int, int],
    ) -> int:  # fmt: skip
        found = columns.get(slot)
        if found is not None:
            return found
        node = nodes.get(slot)
        if node is None:
            found = self._leaf(slot, program, keys.get(slot))
        else:
            args = tuple(self._column(arg, program, nodes, keys, columns) for arg in node.args)
            found = self._node(node, args, program)
        columns[slot] = found
        return found

    def input(self, *name: object) -> int:
        """The column of something that comes from outside."""
        if name not in self.inputs:
            self.inputs[name] = self._new()
        return self.inputs[name]

    def _leaf(self, slot: int, program: Program, key: InputKey | None) -> int:
        value = float(program.initial[slot])
        name: tuple[object, ...] = ("constant", repr(value)) if key is None else (*key, repr(value))
        return self.input(*name)

    def _node(self, node: Node, args: tuple[int, ...], program: Program) -> int:
        name = (node.op, args, node.depends)
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._new()
            state = -1
            if node.state >= 0:
                state, self.state_size = self.state_size, self.state_size + state_size(program, node)
            if len(args) > MOST_ARGUMENTS:
                raise CannotCompile(f"{where(node)} has more than {MOST_ARGUMENTS} parts")
            self.nodes.append((found, node.op, args, state, node.depends))
        return found

    def _new(self) -> int:
        self.width += 1
        return self.width - 1

    def tables(self) -> tuple[Codes, Ints]:
        """Nodes and the pool of their arguments, as ``column_kernel.run_columns`` wants them."""
        table: list[tuple[int, ...]] = []
        pool: list[int] = []
        for column, op, args, state, depends in self.nodes:
            table.append((column, op, len(pool), len(args), state, depends))
            pool.extend(args)
        codes = np.array(table, dtype=np.int64).reshape(len(table), 6)
        return codes, np.array(pool or [0], dtype=np.int64)


def state_size(program: Program, node: Node) -> int:
    """How much memory a node has: up to the next one's."""
    later = [s for s in program.code[:, 5].tolist() if s > node.state]
    return (min(later) if later else program.state_size) - node.state


def without_memory(nodes: Iterable[Node], wanted: Iterable[int]) -> tuple[list[Node], set[int]]:
    """What must be computed again to read ``wanted`` at an instant: the nodes without memory, in their order, and the
    slots that they start from (inputs, and nodes with memory)."""
    listed = list(nodes)
    by_slot = {node.slot: node for node in listed}
    needed: set[int] = set()
    leaves: set[int] = set()
    queue = list(wanted)
    while queue:
        slot = queue.pop()
        if slot in needed or slot in leaves:
            continue
        node = by_slot.get(slot)
        if node is None or node.state >= 0:
            leaves.add(slot)
            continue
        needed.add(slot)
        queue.extend(node.args)
    return [node for node in listed if node.slot in needed], leaves
