"""Down the columns: every node of many programs over many rows, by the steps of the kernel.

A row is one instant at which something happened to a symbol. As in ``kernel``, this is plain Python that Numba
compiles; a step is never written twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.plan.dispatch import call
from engine.plan.kernel import conjunction, crossed, disjunction, elementary, special

if TYPE_CHECKING:
    from engine.plan.arrays import Codes, Floats, Ints

MOST_ARGUMENTS = 64


def run_columns(nodes: Codes, pool: Ints, events: Ints, columns: Floats, state: Floats, v: Floats, rows: int) -> None:
    """Compute the columns of all ``nodes`` for rows 1 to ``rows``; row 0 holds the values before the first of them.

    ``nodes``, shape (nodes, 6): column, operation, where its arguments start in ``pool``, their count, where its memory
    is (-1 for none), groups that it steps on. ``pool``: columns of arguments. ``events``: groups that moved, by row.
    ``columns``: shape (columns, rows + 1 at least). ``v``: scratch, MOST_ARGUMENTS long.
    """
    slots = np.arange(v.shape[0])
    for i in range(nodes.shape[0]):
        column, op, first, count = nodes[i, 0], nodes[i, 1], nodes[i, 2], nodes[i, 3]
        o, groups = nodes[i, 4], nodes[i, 5]
        if o < 0:
            stateless(op, columns, column, pool, first, count, slots, v, rows)
            continue
        if op == 15 or op == 16:
            a, b = (pool[first], pool[first + 1]) if op == 15 else (pool[first + 1], pool[first])
            for row in range(1, rows + 1):
                if events[row] & groups != 0:
                    columns[column, row] = crossed(columns[a, row], columns[b, row], o, state)
                else:
                    columns[column, row] = columns[column, row - 1]
            continue
        for row in range(1, rows + 1):
            if events[row] & groups == 0:
                columns[column, row] = columns[column, row - 1]
                continue
            for k in range(count):
                v[k] = columns[pool[first + k], row]
            if op < 32:
                columns[column, row] = special(op, 0, o, slots, v, state)
            else:
                columns[column, row] = call(op, state, o, v, slots, 0)


def stateless(
    op: int, columns: Floats, column: int, pool: Ints, first: int, count: int, slots: Ints, v: Floats, rows: int
) -> None:
    """A node without memory: a function of its arguments in the same row."""
    for row in range(1, rows + 1):
        for k in range(count):
            v[k] = columns[pool[first + k], row]
        if op == 7:
            columns[column, row] = conjunction(0, count, slots, v)
        elif op == 8:
            columns[column, row] = disjunction(0, count, slots, v)
        elif op < 15:
            columns[column, row] = elementary(op, 0, slots, v)
        elif op < 32:
            columns[column, row] = special(op, 0, 0, slots, v, v)
        else:
            columns[column, row] = call(op, v, 0, v, slots, 0)


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
