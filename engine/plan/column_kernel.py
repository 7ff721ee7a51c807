"""Down the columns: every node of many programs over many rows, by the steps of the kernel.

A row is one instant at which something happened to a symbol. As in ``kernel``, the loops are plain Python that Numba
compiles; a step is never written twice. Functions of the catalogue have a loop each (``loops``), with the step inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.plan.kernel import conjunction, crossed, disjunction, elementary, special
from engine.plan.ops import FUNCTION_BASE, Code

if TYPE_CHECKING:
    from engine.plan.arrays import Codes, Floats, Ints

MOST_ARGUMENTS = 64


class Loops(NamedTuple):
    """The loops of this module, interpreted or compiled; ``function`` gives those of ``loops`` by operation."""

    operator: Callable[..., None]
    crossing: Callable[..., None]
    function: Mapping[int, Callable[..., None]]


def run_columns(
    loops: Loops, nodes: Codes, pool: Ints, events: Ints, columns: Floats, state: Floats, rows: int
) -> None:
    """Compute the columns of all ``nodes`` for rows 1 to ``rows``; row 0 holds the values before the first of them.

    ``nodes``, shape (nodes, 6): column, operation, where its arguments start in ``pool``, their count, where its memory
    is (-1 for none), groups that it steps on. ``pool``: columns of arguments. ``events``: groups that moved, by row.
    ``columns``: shape (columns, rows + 1 at least).
    """
    slots, v = np.arange(MOST_ARGUMENTS), np.zeros(MOST_ARGUMENTS)
    for column, op, first, count, o, groups in nodes.tolist():
        out, at = columns[column], pool[first : first + count]
        if op >= FUNCTION_BASE:
            loops.function[op](columns, at, out, state, o, events, groups, rows)
        elif op == Code.CROSSES_ABOVE:
            loops.crossing(columns[at[0]], columns[at[1]], out, state, o, events, groups, rows)
        elif op == Code.CROSSES_BELOW:
            loops.crossing(columns[at[1]], columns[at[0]], out, state, o, events, groups, rows)
        else:
            loops.operator(op, columns, at, out, state, o, events, groups, rows, slots, v)


def down_operator(
    op: int, columns: Floats, at: Ints, out: Floats, state: Floats, o: int, events: Ints, groups: int, rows: int,
    slots: Ints, v: Floats,
) -> None:  # fmt: skip
    """Any operator. One without memory (``o`` below 0) is a function of its arguments in the same row; one that has
    some steps where its groups moved. ``slots``, ``v``: scratch, MOST_ARGUMENTS long.
    """
    count = at.shape[0]
    for row in range(1, rows + 1):
        if o >= 0 and events[row] & groups == 0:
            out[row] = out[row - 1]
            continue
        for k in range(count):
            v[k] = columns[at[k], row]
        if op == 7:
            out[row] = conjunction(0, count, slots, v)
        elif op == 8:
            out[row] = disjunction(0, count, slots, v)
        elif op < 15:
            out[row] = elementary(op, 0, slots, v)
        else:
            out[row] = special(op, 0, max(o, 0), slots, v, state)


def down_crossing(
    x: Floats, y: Floats, out: Floats, state: Floats, o: int, events: Ints, groups: int, rows: int
) -> None:
    """Where x crosses above y."""
    for row in range(1, rows + 1):
        if events[row] & groups != 0:
            out[row] = crossed(x[row], y[row], o, state)
        else:
            out[row] = out[row - 1]


def mark_true(
    conditions: Ints, columns: Floats, moved: Ints, wanted: int, ticks: Ints, mark: int, marks: Ints, stops: Ints,
    rows: int,
) -> None:  # fmt: skip
    """Set the bits of ``mark`` in ``marks`` where all columns of ``conditions`` are true and one of the ``wanted`` bits
    of ``moved`` is set (0: whichever), by row, and ``stops`` by the number of its tick. Rows with no tick (below 0) are
    left out.
    """
    for row in range(1, rows + 1):
        if ticks[row] < 0 or (wanted != 0 and moved[row] & wanted == 0):
            continue
        true = True
        for k in range(conditions.shape[0]):
            if columns[conditions[k], row] != 1.0:
                true = False
                break
        if true:
            marks[row] |= mark
            stops[ticks[row]] = 1
