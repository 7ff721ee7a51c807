"""Guards judge each wanted order: ``engine.decide.guards``."""

from __future__ import annotations

from math import nan
from typing import Any

from engine.research.columns.machine.facts import write_position
from engine.research.columns.machine.layout import (
    BY_NOTHING,
    CAPS,
    ENTRY,
    FLATTENS,
    HALTS,
    JUDGES_ALL,
    JUDGES_ENTRIES,
    JUDGES_EXITS,
    NONE,
)
from engine.research.columns.machine.nodes import compute, compute_again
from engine.research.columns.machine.numbers import nanos, unit_cost

NANOS_PER_UNIT = 1_000_000_000


def judge(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, lists: Any, scratch: Any, guards: Any,
    stretches: Any, code: Any, pool: Any, v: Any, state: Any, key: int, side: int, leg: int, quantity: int,
    price: float,
    stop: float,
) -> int:  # fmt: skip
    """The first guard that blocks an order, or BY_NOTHING. ``run.capped``: the quantity that is left, in whole lots;
    ``scratch[6]``: the guards whose effects are to be carried out, ``run.effects`` of them.
    """
    h = held[key]
    symbol = symbols[h.symbol]
    wanted = JUDGES_ENTRIES if leg == ENTRY else JUDGES_EXITS
    run.capped = quantity
    run.effects = 0
    found, fresh = BY_NOTHING, False
    each = unit_cost(symbol, side > 0, price)
    for g in range(h.guards_begin, h.guards_end):
        guard = guards[g]
        if guard.judged != wanted and guard.judged != JUDGES_ALL:
            continue
        if not fresh:
            fresh = True
            write_order(run, lists, v, symbol, h, side, leg, quantity, price, stop)
            write_position(
                run, orders, symbols, held, values, lists, v, key, symbol.facts_begin, symbol.facts_end, 0, 0
            )
            compute(run, symbol.guard_begin, symbol.guard_end, stretches, code, pool, v, state)
        if not passes(run, lists, scratch, symbol, guard, g, v, each) and found == BY_NOTHING:
            found = guard.rule
        if run.capped < quantity and leg == ENTRY:  # a reduction is sent whole
            quantity = run.capped
            write_order(run, lists, v, symbol, h, side, leg, quantity, price, stop)
            compute_again(run, symbol.guard_begin, symbol.guard_end, stretches, code, pool, v, state)
    return int(found)


def passes(
    run: Any, lists: Any, scratch: Any, symbol: Any, guard: Any, g: int, v: Any, each: float
) -> bool:
    """Whether a guard lets an order pass, smaller perhaps; its effects are noted."""
    true, failed = True, False
    for m in range(guard.require_begin, guard.require_end):
        x = v[lists[m, 0]]
        true = true and x == 1.0
        failed = failed or x == 0.0
    if true:
        return True
    if guard.effect == CAPS and cap(run, symbol, guard, v, each):
        return True
    if failed and (guard.effect == HALTS or guard.effect == FLATTENS):
        scratch[6, run.effects] = g  # unknown blocks, but it is no reason to close positions
        run.effects += 1
    return False


def cap(run: Any, symbol: Any, guard: Any, v: Any, each: float) -> bool:
    """Shrink the order to the cap; False when the cap is unknown or leaves nothing, and the guard blocks instead.
    ``each``: what a unit costs."""
    most = v[guard.cap]
    if most != most:
        return False
    if guard.cap_is_money == 1 and each > 0:
        most = most / each
    if not most >= symbol.lot / run.unit_float:
        return False
    per_unit = NANOS_PER_UNIT // run.unit
    if most * NANOS_PER_UNIT < float(per_unit) * run.capped + NANOS_PER_UNIT:
        run.capped = min(run.capped, nanos(run, most) // (per_unit * symbol.lot) * symbol.lot)
    return True


def write_order(
    run: Any, lists: Any, v: Any, symbol: Any, h: Any, side: int, leg: int, quantity: int, price: float, stop: float
) -> None:
    """The facts ``order.*``, by the order of ``tables.ORDER_FACTS``; the codes of its texts stand in ``lists``."""
    amount = quantity / run.unit_float
    at = symbol.order_begin
    for which in range(8):
        slot = lists[at + which, 0]
        if slot == NONE:
            continue
        if which == 0:
            v[slot] = float(lists[at, 1])
        elif which == 1:
            v[slot] = float(lists[run.strategy_codes + h.strategy, 0])
        elif which == 2:
            v[slot] = float(lists[run.side_codes + (0 if side > 0 else 1), 0])
        elif which == 3:
            v[slot] = amount
        elif which == 4:
            v[slot] = price
        elif which == 5:
            v[slot] = amount * price
        elif which == 6:
            v[slot] = amount * unit_cost(symbol, side > 0, price)
        else:
            v[slot] = nan if stop != stop or leg != ENTRY else abs(price - stop) * amount
