"""The interpreter of a plan: one loop over instructions, in the subset of Python that Numba compiles.

Values are float64, one slot a node; unknown is NaN, true is 1.0 and false 0.0. The same source runs interpreted
(rule tests, lint) and compiled (runs, back-tests), and therefore cannot give two answers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.plan.dispatch import call

if TYPE_CHECKING:  # lint runs single steps of this and can do without NumPy's start-up
    from engine.plan.arrays import Codes, Floats, Ints

NAN = math.nan


def run(begin: int, end: int, event: int, stretches: Codes, code: Codes, pool: Ints, v: Floats, state: Floats) -> None:
    """Compute the stretches ``begin`` to ``end`` whose inputs moved.

    ``event``: bits of the groups that moved. ``stretches`` and ``code``: see ``ops``. ``pool``: argument slots.
    ``v``: values by slot, written in place. ``state``: memory of the instructions that have some.
    """
    for s in range(begin, end):
        if stretches[s, 3] & event == 0:
            continue
        op = stretches[s, 0]
        first = stretches[s, 1]
        last = stretches[s, 2]
        if op == 9 or op == 11:
            compare(op, first, last, code, v)
        elif op < 15:
            for i in range(first, last):
                v[code[i, 0]] = simple(op, i, code, pool, v)
        elif op < 32:
            for i in range(first, last):
                v[code[i, 0]] = special(op, code[i, 3], code[i, 5], pool, v, state)
        else:
            for i in range(first, last):
                v[code[i, 0]] = call(op, state, code[i, 5], v, pool, code[i, 3])


def run_rows(
    begin: int, end: int, event: int, stretches: Codes, code: Codes, pool: Ints, v: Floats, state: Floats,
    rows: Floats, slots: Ints, watched: Ints, watches: Ints, first: int, last: int,
) -> int:  # fmt: skip
    """`run` once for each row from ``first``, up to the first after which a watch is true: its number, or ``last``.

    ``rows``: shape (instants, inputs), what goes into ``slots`` before each run. ``watches``: shape (watches, 3), from
    where to where in ``watched`` the slots stand that must all be true, and whether unknown counts as true.
    """
    for row in range(first, last):
        for k in range(slots.shape[0]):
            v[slots[k]] = rows[row, k]
        run(begin, end, event, stretches, code, pool, v, state)
        for w in range(watches.shape[0]):
            true = True
            for k in range(watches[w, 0], watches[w, 1]):
                x = v[watched[k]]
                if x == 0.0 or (x != x and watches[w, 2] == 0):
                    true = False
                    break
            if true:
                return row
    return last


def compare(op: int, first: int, last: int, code: Codes, v: Floats) -> None:
    """A stretch of ``<`` or ``>``: the most common operations, in a loop of their own."""
    for i in range(first, last):
        x = v[code[i, 1]]
        y = v[code[i, 2]]
        if op == 11:
            x, y = y, x
        if x < y:
            v[code[i, 0]] = 1.0
        elif x >= y:
            v[code[i, 0]] = 0.0
        else:
            v[code[i, 0]] = NAN


def simple(op: int, i: int, code: Codes, pool: Ints, v: Floats) -> float:
    """One instruction without memory."""
    if op == 7:
        return conjunction(code[i, 3], code[i, 4], pool, v)
    if op == 8:
        return disjunction(code[i, 3], code[i, 4], pool, v)
    return elementary(op, code[i, 3], pool, v)


def elementary(op: int, f: int, pool: Ints, v: Floats) -> float:
    """Arithmetic, comparison and negation; unknown if an operand is."""
    x = float(v[pool[f]])
    if op == 5:
        return -x
    if op == 6:
        return NAN if x != x else 1.0 - x
    y = float(v[pool[f + 1]])
    if x != x or y != y:
        return NAN
    if op == 0:
        return x + y
    if op == 1:
        return x - y
    if op == 2:
        return x * y
    if op == 3:
        return NAN if y == 0.0 else x / y
    if op == 4:
        return power(x, y)
    if op == 9:
        return 1.0 if x < y else 0.0
    if op == 10:
        return 1.0 if x <= y else 0.0
    if op == 11:
        return 1.0 if x > y else 0.0
    if op == 12:
        return 1.0 if x >= y else 0.0
    if op == 13:
        return 1.0 if x == y else 0.0
    return 1.0 if x != y else 0.0


def power(x: float, y: float) -> float:
    """x to the y; unknown where the result is not a finite real number."""
    if x == 0.0 and y < 0.0:
        return NAN
    if x < 0.0 and y != math.floor(y):
        return NAN
    if x != 0.0 and y * math.log(abs(x)) > 709.0:
        return NAN
    return math.pow(x, y)


def conjunction(f: int, count: int, pool: Ints, v: Floats) -> float:
    """Kleene's and: false wins, then unknown."""
    result = 1.0
    for k in range(f, f + count):
        x = v[pool[k]]
        if x == 0.0:
            return 0.0
        if x != x:
            result = NAN
    return result


def disjunction(f: int, count: int, pool: Ints, v: Floats) -> float:
    """Kleene's or: true wins, then unknown."""
    result = 0.0
    for k in range(f, f + count):
        x = v[pool[k]]
        if x == 1.0:
            return 1.0
        if x != x:
            result = NAN
    return result


def special(op: int, f: int, o: int, pool: Ints, v: Floats, state: Floats) -> float:
    """Operators with memory, and those that treat unknown in their own way."""
    x = float(v[pool[f]])
    if op == 20:
        return 0.0 if x != x else 1.0
    y = float(v[pool[f + 1]])
    if op == 21:
        return y if x != x else x
    if op == 15:
        return crossed(x, y, o, state)
    if op == 16:
        return crossed(y, x, o, state)
    if op == 18:
        return delayed(x, int(y), o, state)
    z = float(v[pool[f + 2]])
    if op == 19:
        return NAN if x != x else (y if x == 1.0 else z)
    return held(x, y, z, o, state)


def crossed(x: float, y: float, o: int, state: Floats) -> float:
    """Whether x came from at or below y to above it. ``state[o]``: 0 no previous value, 1 at or below, 2 above."""
    before = state[o]
    if x != x or y != y:
        state[o] = 0.0
        return NAN
    above = x > y
    state[o] = 2.0 if above else 1.0
    if before == 0.0:
        return NAN
    return 1.0 if above and before == 1.0 else 0.0


def delayed(x: float, bars: int, o: int, state: Floats) -> float:
    """x as it was ``bars`` steps ago. ``state``: steps so far, then a ring of ``bars`` values."""
    steps = state[o]
    at = o + 1 + int(steps % bars)
    result = float(state[at]) if steps >= bars else NAN
    state[at] = x
    state[o] = steps + 1.0
    return result


def held(x: float, duration: float, now: float, o: int, state: Floats) -> float:
    """Whether x has been true for ``duration`` seconds. ``state``: 1 while it holds, and since when."""
    if x != x or x == 0.0:
        state[o] = 0.0
        return x
    if state[o] == 0.0:
        state[o] = 1.0
        state[o + 1] = now
    return 1.0 if now - state[o + 1] >= duration else 0.0
