"""Positions and cash: what a fill does to them, and what is told once all fills of a tick are booked.

``connectors.paper.account`` and ``engine.decide.portfolio`` in one: a fill is booked when it happens; that an order is
over is told when all fills of a tick are booked, as a report's updates come after its fills.
"""

from __future__ import annotations

from math import nan
from typing import Any

from engine.research.columns.machine.layout import (
    ENTRY,
    FILLED_AT,
    INEXACT,
    LATE_LEGS,
    LOG_FILL,
    NONE,
    STOP,
    STOP_ORDER,
    TARGET,
    TOO_LARGE,
)
from engine.research.columns.machine.numbers import gcd, unit_cost
from engine.research.columns.machine.resting import end_order, note, release_place

PRICES_PER_UNIT = 10_000  # fill prices are in 1e-4
MOST = 9_007_199_254_740_992  # 2**53: up to here a double holds every integer
ROOMY = 4e18


def book(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    i: int, quantity: int, exact: int, fee: int, filled_ns: int,
) -> None:  # fmt: skip
    """Cash and the position take note of a fill. ``filled_ns``: when it was."""
    o = orders[i]
    key = o.strategy * run.symbols + o.symbol
    h = held[key]
    run.fills += 1
    at = note(run, log, LOG_FILL, o.number, quantity, exact, fee, run.t, o.fills)
    log[at, FILLED_AT] = filled_ns
    if float(quantity) * exact * run.price_money > ROOMY / 4:
        run.status = TOO_LARGE
    run.cash -= quantity * exact * run.price_money * o.side + fee
    if abs(run.cash) > MOST:
        run.status = TOO_LARGE
    run.cash_float = run.cash / run.money_float
    price = exact / 1e4
    if o.leg == ENTRY:
        run.entered_today += quantity / run.unit_float * unit_cost(symbols[o.symbol], o.side > 0, price)
    if h.open == 0:
        open_position(run, held, symbols, scratch, key, price)
    move_position(run, h, quantity * o.side, exact, fee, filled_ns)
    h.amount = h.quantity / run.unit_float
    h.entry = h.entry_sum / (h.entry_over * 1e4)
    if o.pending == 1:
        if o.lost_legs == 1:
            run.status = LATE_LEGS
        o.started = 1
        h.values = 1
        for n in range(values.shape[1]):
            values[key, n] = order_values[i, n]
        take_legs(run, orders, symbols, o)
    if h.quantity == 0:
        close_position_of(run, orders, held, symbols, lists, scratch, key)


def take_legs(run: Any, orders: Any, symbols: Any, o: Any) -> None:
    """With an entry's fill its bracket comes to life."""
    j = symbols[o.symbol].head
    while j != NONE:
        leg = orders[j]
        if leg.parent == o.number and leg.leg_seq == 0:
            run.legs += 1
            leg.leg_seq = run.legs
        j = leg.next


def open_position(run: Any, held: Any, symbols: Any, scratch: Any, key: int, price: float) -> None:
    h = held[key]
    h.open = 1
    h.quantity = h.entry_sum = 0
    h.entry_over = 1
    h.last = h.high = h.low = price
    h.bars = h.fired = h.trailing = h.values = h.exiting = 0
    scratch[1, run.holds] = key
    run.holds += 1
    symbols[h.symbol].held += 1


def move_position(run: Any, h: Any, signed: int, exact: int, fee: int, filled_ns: int) -> None:
    """``engine.market.position.Position.apply``; ``entry_sum / entry_over`` is the average price, exact."""
    before = h.quantity
    if before == 0 or (before > 0) == (signed > 0):
        if before == 0:
            h.opened_ns = filled_ns
        q, f = abs(before), abs(signed)
        if float(h.entry_sum) * q + float(exact) * f * h.entry_over > ROOMY:
            run.status = TOO_LARGE
        top, bottom = h.entry_sum * q + exact * f * h.entry_over, h.entry_over * (q + f)
        common = gcd(top, bottom)
        if common > 1:
            top, bottom = top // common, bottom // common
        h.entry_sum, h.entry_over = top, bottom
        if top > MOST or bottom > MOST // PRICES_PER_UNIT:
            run.status = TOO_LARGE
        h.quantity = before + signed
        run.realised -= fee
        return
    closed, direction = min(abs(signed), abs(before)), 1 if before > 0 else -1
    cost = h.entry_sum * closed
    if cost % h.entry_over != 0:
        run.inexact = 1
    run.realised += (exact * closed - cost // h.entry_over) * direction * run.price_money - fee
    h.quantity = before + signed
    if run.inexact == 1 and run.reads_realised == 1:
        run.status = INEXACT


def close_position_of(
    run: Any, orders: Any, held: Any, symbols: Any, lists: Any, scratch: Any, key: int
) -> None:  # fmt: skip
    """Nothing is held any more: what rests for the position is to come off the market."""
    h = held[key]
    h.open = 0
    place = 0
    while scratch[1, place] != key:
        place += 1
    run.holds -= 1
    for n in range(place, run.holds):
        scratch[1, n] = scratch[1, n + 1]
    symbols[h.symbol].held -= 1
    j = symbols[h.symbol].head
    while j != NONE:
        o = orders[j]
        if o.strategy == h.strategy:
            if o.leg_seq > 0:
                o.leg_seq, o.leftover = 0, 1
            o.exiting = 0
        j = o.next
    h.exiting = 0
    scratch[2, run.closed] = key
    run.closed += 1


def settle(run: Any, orders: Any, held: Any, symbols: Any, state: Any, lists: Any, scratch: Any) -> None:
    """The broker has told: orders that are over are forgotten, and what is left over of closed positions with them."""
    forget_ended(run, orders, held, symbols, scratch)
    if run.closed == 0:
        return
    for n in range(run.closed):
        h = held[scratch[2, n]]
        for m in range(h.memory_begin, h.memory_end):
            for at in range(lists[m, 0], lists[m, 0] + lists[m, 1]):
                state[at] = 0.0
        j = symbols[h.symbol].head
        while j != NONE:
            o = orders[j]
            following = o.next
            mine = o.strategy == h.strategy
            if mine and (o.leftover == 1 or (o.pending == 1 and o.started == 1)):
                o.leftover = 0
                if o.in_book == 1:
                    end_order(run, orders, symbols, scratch[0], j)
                else:
                    release_place(run, orders, symbols, j)
            j = following
    run.closed = 0
    forget_ended(run, orders, held, symbols, scratch)


def forget_ended(run: Any, orders: Any, held: Any, symbols: Any, scratch: Any) -> None:
    for n in range(run.ended):
        i = scratch[0, n]
        o = orders[i]
        if o.pending == 1:
            o.pending = 0
            run.pendings -= 1
            symbols[o.symbol].pendings -= 1
        if o.exiting == 1:
            o.exiting = 0
            held[o.strategy * run.symbols + o.symbol].exiting -= 1
        if o.leg_seq > 0 and o.parent != 0:
            tell_parent(orders, symbols, o)
        o.leg_seq = o.leftover = 0
    for n in range(run.ended):
        release_place(run, orders, symbols, scratch[0, n])
    run.ended = 0


def tell_parent(orders: Any, symbols: Any, o: Any) -> None:
    """A leg is over while its entry still fills: the tick engine would take it up again with the next fill."""
    j = symbols[o.symbol].head
    while j != NONE:
        if orders[j].number == o.parent and orders[j].pending == 1:
            orders[j].lost_legs = 1
        j = orders[j].next


def equity(run: Any, held: Any, scratch: Any) -> float:
    """Cash plus all positions at their last prices (money)."""
    worth = run.cash_float
    for n in range(run.holds):
        h = held[scratch[1, n]]
        worth += h.amount * h.last
    return float(worth)


def resting_stop(run: Any, orders: Any, symbols: Any, h: Any) -> float:
    """The protective stop that rests nearest to the market, as the rules believe it to be; NaN without one."""
    found = nan
    j = symbols[h.symbol].head
    while j != NONE:
        o = orders[j]
        if o.strategy == h.strategy and o.leg_seq > 0 and o.leg == STOP and o.type == STOP_ORDER:
            x = o.stop_wanted
            if found != found or (x > found if h.quantity > 0 else x < found):
                found = x
        j = o.next
    return found


def resting_target(run: Any, orders: Any, symbols: Any, h: Any) -> float:
    """The target that rests nearest to the market; NaN without one."""
    found = nan
    j = symbols[h.symbol].head
    while j != NONE:
        o = orders[j]
        if o.strategy == h.strategy and o.leg_seq > 0 and o.leg == TARGET:
            x = o.limit
            if found != found or (x < found if h.quantity > 0 else x > found):
                found = x
        j = o.next
    return found
