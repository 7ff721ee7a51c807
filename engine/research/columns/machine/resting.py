"""Orders that rest: their places, what reaches them, how they end; and the log."""

from __future__ import annotations

from math import inf
from typing import Any

from engine.research.columns.machine.layout import ENTRY, MARKET_ORDER, NEVER, NONE


def note(run: Any, log: Any, kind: int, a: int, b: int, c: int, d: int, e: int, f: int) -> int:
    """Write a row; returns its number."""
    at = run.logged
    log[at, 0], log[at, 1], log[at, 2], log[at, 3] = kind, a, b, c
    log[at, 4], log[at, 5], log[at, 6] = d, e, f
    run.logged = at + 1
    return at


def waits(o: Any) -> bool:
    """Waits for its stop price."""
    return o.stop != 0.0 and o.triggered == 0


def rests(o: Any) -> bool:
    return o.in_book == 1 and o.remaining > 0


def arm(o: Any) -> None:
    """Work out which bars can be passed over; after every change."""
    o.below, o.above, o.deadline = -inf, inf, NEVER
    if o.remaining <= 0:
        return
    if o.at_market == 0:
        o.deadline = o.expires
    waiting, buys = waits(o), o.side > 0
    if o.at_market == 1 or not (waiting or o.met == 1):
        o.below = inf
    elif waiting == buys:
        o.above = o.stop if waiting else o.limit
    else:
        o.below = o.stop if waiting else o.limit


def new_order(run: Any, orders: Any, symbol: Any, number: int) -> int:
    """A place for an order at the end of its symbol's list; its fields are set by whoever wants it."""
    i = run.free
    o = orders[i]
    run.free = o.next
    run.live += 1
    run.numbered += 1
    o.number, o.used, o.symbol = run.numbered, 1, number
    o.next, o.prev = NONE, symbol.tail
    if symbol.tail == NONE:
        symbol.head = i
    else:
        orders[symbol.tail].next = i
    symbol.tail = i
    o.remaining = o.filled = o.fee = o.fills = o.triggered = o.at_market = o.met = o.in_book = 0
    o.pending = o.started = o.leg_seq = o.exiting = o.leftover = o.lost_legs = 0
    o.parent = o.group = 0
    o.limit = o.stop = o.stop_wanted = o.reserve = 0.0
    o.limit_nanos = o.stop_nanos = NONE
    o.type, o.expires, o.fallback = MARKET_ORDER, NEVER, 0
    return int(i)


def release_place(run: Any, orders: Any, symbols: Any, i: int) -> None:
    """Give the place of an order back once nobody knows it any more."""
    o = orders[i]
    if o.used == 0 or o.in_book == 1 or o.pending == 1 or o.leg_seq > 0 or o.exiting == 1 or o.leftover == 1:
        return
    symbol = symbols[o.symbol]
    if o.prev == NONE:
        symbol.head = o.next
    else:
        orders[o.prev].next = o.next
    if o.next == NONE:
        symbol.tail = o.prev
    else:
        orders[o.next].prev = o.prev
    o.used = 0
    o.next = run.free
    run.free = i
    run.live -= 1


def leave_book(run: Any, orders: Any, symbols: Any, ended: Any, i: int) -> None:
    """An order is done: forget it, and remember to tell."""
    o = orders[i]
    o.in_book = 0
    symbols[o.symbol].orders -= 1
    ended[run.ended] = i
    run.ended += 1


def end_order(run: Any, orders: Any, symbols: Any, ended: Any, i: int) -> None:
    """An order is done; its legs keep what they have and expect no more."""
    o = orders[i]
    leave_book(run, orders, symbols, ended, i)
    if o.leg != ENTRY:
        return
    j = symbols[o.symbol].head
    while j != NONE:
        leg = orders[j]
        if leg.in_book == 1 and leg.parent == o.number:
            leg.total = min(leg.total, leg.filled + leg.remaining)
            if leg.remaining <= 0:
                leave_book(run, orders, symbols, ended, j)
        j = leg.next
