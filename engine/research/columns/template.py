"""The tables of a set from those of another set with the same structure: only numbers are filled in.

Sets differ in values of parameters. Mostly their programs do not differ but in constants and in how much memory a
window needs, and then records, lists and code are the same. ``fits`` compares the programs whole, so that nothing is
guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from engine.plan.columns import Node
from engine.plan.plan import Plan
from engine.plan.program import Program
from engine.research.columns.common import Common
from engine.research.columns.tables import Tables


class Template:
    """What can be filled in. ``common``: what ``tables`` were made of."""

    def __init__(self, common: Common, tables: Tables) -> None:
        self._common, self._tables = common, tables
        self._lists = tables.lists.copy()
        self._symbols = tables.symbols.copy()
        self._code = np.array(tables.origins.code, dtype=np.int64).reshape(-1, 2)
        self._programs = [plan.program for plan in common.plan.symbols.values()]
        moved = any(key.what == "parameter" for program in self._programs for key in program.inputs)
        self._fillable = not moved  # what sessions set has a table of its own for each set

    def fits(self, plan: Plan) -> bool:
        """Whether the programs of a plan of the same rules have the structure of these."""
        others = [other.program for other in plan.symbols.values()]
        return self._fillable and all(map(_alike, self._programs, others))

    def fill(self, plan: Plan) -> Tables:
        """The tables of a plan that fits; its columns are added to the graphs."""
        programs = [other.program for other in plan.symbols.values()]
        bases = np.cumsum([0, *(program.state_size for program in programs)])
        tables, lists = self._tables, self._lists.copy()
        columns = self._columns(programs)
        for row, symbol, slot in tables.origins.loads:
            lists[row, 1] = columns[symbol][slot]
        for row, symbol, segment, k in tables.origins.memory:
            offset, size = programs[symbol].memories[segment][k]
            lists[row] = bases[symbol] + offset, size
        code = tables.code.copy()
        for symbol, program in enumerate(programs):
            mine = self._code[:, 0] == symbol
            code[mine, 5] = bases[symbol] + program.code[self._code[mine, 1], 5]
        return replace(
            tables, lists=lists, symbols=self._symbols.copy(), v=self._values(programs), code=code,
            state_size=max(int(bases[-1]), 1), candidates=[
                replace(each, columns=np.array([columns[each.symbol][slot] for slot in each.slots], dtype=np.int64))
                for each in tables.candidates
            ],
        )  # fmt: skip

    def _values(self, programs: list[Program]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        v = np.concatenate([program.initial for program in programs])
        for place, value in self._tables.origins.constants:
            v[place] = value
        return v

    def _columns(self, programs: list[Program]) -> list[dict[int, int]]:
        """Of each symbol, the columns of the slots that are read from columns."""
        wanted: list[list[int]] = [[] for _ in programs]
        for _, symbol, slot in self._tables.origins.loads:
            wanted[symbol].append(slot)
        for candidate in self._tables.candidates:
            wanted[candidate.symbol] += candidate.slots
        found = []
        for slots, program, (name, placed) in zip(wanted, programs, self._common.placed.items(), strict=True):
            graph = self._common.graphs[name]
            found.append(graph.column_of(program, _nodes(placed.nodes, program), slots))
        return found


def _nodes(nodes: list[Node], program: Program) -> Iterator[Node]:
    """The nodes of a program like another, with its own memory."""
    state = dict(program.code[:, (0, 5)].tolist())
    for node in nodes:
        if node.state < 0:
            yield node
        else:
            instruction = program.instructions[node.slot]
            yield Node(node.slot, node.op, node.args, state[node.slot], node.depends, instruction, node.fixed)


def _alike(one: Program, other: Program) -> bool:
    return (
        np.array_equal(one.stretches, other.stretches)
        and np.array_equal(one.code[:, :5], other.code[:, :5])
        and np.array_equal(one.pool, other.pool)
        and len(one.initial) == len(other.initial)
        and one.inputs == other.inputs
        and one.slots == other.slots
        and one.segments == other.segments
        and one.captures == other.captures
        and {name: len(each) for name, each in one.memories.items()}
        == {name: len(each) for name, each in other.memories.items()}
    )
