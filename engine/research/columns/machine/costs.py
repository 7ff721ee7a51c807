"""What positions and entry orders tie up: the sums of ``engine.decide.portfolio``, added up in its order."""

from __future__ import annotations

from typing import Any

from engine.research.columns.machine.layout import NONE
from engine.research.columns.machine.numbers import unit_cost


def exposure(run: Any, orders: Any, held: Any, symbols: Any, scratch: Any, s: int, event: int) -> float:
    """Cost (money, fees apart) of positions and of what is left of entry orders: of symbol ``s`` or of all that settle
    on ``event``; NONE is any."""
    total = 0.0
    for n in range(run.holds):
        h = held[scratch[1, n]]
        if counts(symbols, h.symbol, s, event):
            total += abs(h.amount) * unit_cost(symbols[h.symbol], h.quantity > 0, h.entry)
    return total + ordered(run, orders, symbols, s, event)


def ordered(run: Any, orders: Any, symbols: Any, s: int, event: int) -> float:
    """Cost of what is left of entry orders under way, in the order in which they were decided."""
    total, reached = 0.0, 0
    while True:
        i = next_entry(run, orders, symbols, s, event, reached)
        if i == NONE:
            return total
        o = orders[i]
        reached = o.number
        left = max(o.quantity - o.filled, 0) / run.unit_float
        total += left * unit_cost(symbols[o.symbol], o.side > 0, o.reference)


def next_entry(run: Any, orders: Any, symbols: Any, s: int, event: int, reached: int) -> int:
    """The entry order under way that was decided next after number ``reached``."""
    found, least = NONE, 0
    for n in range(run.symbols):
        if symbols[n].pendings == 0 or not counts(symbols, n, s, event):
            continue
        j = symbols[n].head
        while j != NONE:
            o = orders[j]
            if o.pending == 1 and o.number > reached and (found == NONE or o.number < least):
                found, least = j, o.number
            j = o.next
    return int(found)


def counts(symbols: Any, number: int, s: int, event: int) -> bool:
    return bool((s == NONE or number == s) and (event == NONE or symbols[number].event == event))


def owed(run: Any, held: Any, symbols: Any, scratch: Any) -> int:
    """Contracts sold short, in quantity units: each may have to pay a dollar."""
    total = 0
    for n in range(run.holds):
        h = held[scratch[1, n]]
        if h.position < 0 and symbols[h.symbol].binary == 1:
            total -= h.position
    return total
