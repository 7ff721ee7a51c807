"""One bar or one quote against the orders of its symbol: ``connectors.paper.matching`` and ``prices``."""

from __future__ import annotations

from typing import Any

from engine.market.events import OPEN_SHARE
from engine.research.columns.machine.book import fill
from engine.research.columns.machine.layout import (
    BORN,
    CENTRAL,
    ENTRY,
    EXIT,
    LATE,
    NONE,
    OPTIMISTIC,
    OUT,
    PESSIMISTIC,
    STOP,
    STOP_ORDER,
    TARGET,
    WHOLE,
)
from engine.research.columns.machine.numbers import room
from engine.research.columns.machine.resting import arm, end_order, rests, waits

NANOS = 1_000_000_000
NOISE = 1e-6  # of a tick
NO = -1.0  # no price; no order fills below zero


# -- prices ------------------------------------------------------------------------------------------------------------


def market_price(run: Any, reference: float, buys: bool, half: float, slippage: float) -> float:
    """``reference`` made worse by half the spread and the slippage."""
    worse = half + reference * slippage
    return reference + worse if buys else reference - worse


def beyond_stop(o: Any, price: float) -> bool:
    return bool(price >= o.stop) if o.side > 0 else bool(price <= o.stop)


def meets_limit(run: Any, o: Any, symbol: Any, price: float) -> bool:
    """Whether ``price`` is as good as the limit; the pessimist wants a tick more."""
    better = o.limit - price if o.side > 0 else price - o.limit
    return bool(better >= (symbol.tick_size * (1 - NOISE) if run.model == PESSIMISTIC else 0.0))


def fills_limit(run: Any, o: Any, symbol: Any, price: float) -> bool:
    """Whether trading at ``price`` is enough for a resting limit to count as filled."""
    if run.model == CENTRAL and price == o.limit:
        return False
    return meets_limit(run, o, symbol, price)


def late_price(run: Any, o: Any, bar: Any, half: float) -> float:
    """Price of an order that goes to market at an unknown moment inside a bar."""
    worst, best = (bar[1], bar[2]) if o.side > 0 else (bar[2], bar[1])
    if run.model == OPTIMISTIC:
        return float(best)
    price = worst if run.model == PESSIMISTIC else bar[3]
    if o.limit != 0.0 and not waits(o):
        price = max(price, o.limit) if o.side > 0 else min(price, o.limit)
    return market_price(run, price, o.side > 0, half, run.slippage)


# -- what bars and quotes have in common -------------------------------------------------------------------------------


def half_spread(run: Any, symbol: Any) -> float:
    if run.model == OPTIMISTIC or symbol.quoted == 0:
        return 0.0
    bid, ask = symbol.quote_bid, symbol.quote_ask
    if bid != bid or ask != ask:
        return 0.0
    return float(max(ask - bid, 0.0) / 2)


def rank(run: Any, o: Any) -> int:
    """Entries before their legs; stops before all else that closes, and after it for the optimist."""
    if o.leg == ENTRY:
        return 0
    return 1 + ((o.leg == STOP) == (run.model == OPTIMISTIC))


def collect(run: Any, orders: Any, symbol: Any, scratch: Any, into: int, standing: int, before_ns: int) -> int:
    """The orders of a symbol by rank; returns how many.

    ``standing``: only those that have one; ``before_ns``: only those with something to fill that reach the market
    before then (NONE: all).
    """
    count = 0
    for wanted in range(3):
        j = symbol.head
        while j != NONE:
            o = orders[j]
            if o.in_book == 1 and rank(run, o) == wanted:
                there = standing == 0 or o.standing != OUT
                due = before_ns == NONE or (o.remaining > 0 and o.from_ns < before_ns)
                if there and due:
                    scratch[into, count] = j
                    count += 1
            j = o.next
    return count


def expire(run: Any, orders: Any, symbols: Any, scratch: Any, i: int) -> bool:
    """An order's time is over: True when it goes to market instead of coming off it."""
    o = orders[i]
    if o.fallback == 1:
        o.at_market = 1
        arm(o)
        return True
    end_order(run, orders, symbols, scratch[0], i)
    return False


def take(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    i: int, most: int, price: float, filled_ns: int,
) -> int:  # fmt: skip
    """Fill an order as of ``filled_ns``, within what one bar or quote gives it in all."""
    o = orders[i]
    left = NONE if most == NONE else most - o.taken
    quantity = fill(run, orders, held, symbols, values, order_values, lists, scratch, log, i, left, price, filled_ns)
    o.taken += quantity
    return quantity


# -- a bar -------------------------------------------------------------------------------------------------------------


def match_bar(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    s: int, bar: Any, start_ns: int, seconds: int,
) -> None:  # fmt: skip
    """The open first, then the rest of the bar, then what its end brings."""
    symbol = symbols[s]
    end_ns, latest_ns = start_ns + seconds * NANOS, start_ns + seconds * NANOS // OPEN_SHARE
    run.bar_ns = start_ns
    half, volume = half_spread(run, symbol), bar[4]
    most = NONE if volume != volume else room(run, volume, run.part, run.part_scale, symbol.lot)
    j = symbol.head
    while j != NONE:
        orders[j].standing = OUT
        orders[j].taken = 0
        j = orders[j].next
    due = collect(run, orders, symbol, scratch, 3, 0, end_ns)
    for n in range(due):
        o = orders[scratch[3, n]]
        early = o.placed_ns <= start_ns and o.from_ns <= latest_ns
        o.standing = WHOLE if early else LATE
        if o.deadline <= max(start_ns, o.from_ns):
            expire(run, orders, symbols, scratch, scratch[3, n])
    for n in range(due):
        i = scratch[3, n]
        if orders[i].standing == WHOLE and rests(orders[i]):
            step(
                run, orders, held, symbols, values, order_values, lists, scratch, log, i, bar, end_ns, half, most, True
            )
    there = collect(run, orders, symbol, scratch, 4, 1, NONE)
    for n in range(there):
        i = scratch[4, n]
        if rests(orders[i]):
            step(
                run, orders, held, symbols, values, order_values, lists, scratch, log, i, bar, end_ns, half, most, False
            )
    for n in range(due):
        finish(
            run, orders, held, symbols, values, order_values, lists, scratch, log, scratch[3, n], bar, end_ns, half,
            most
        )


def finish(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    i: int, bar: Any, end_ns: int, half: float, most: int,
) -> None:  # fmt: skip
    """An order whose time ends with the bar or ended inside it."""
    o = orders[i]
    ended_ns = o.deadline
    if ended_ns > end_ns or not rests(o):
        return
    goes_on = expire(run, orders, symbols, scratch, i)
    if ended_ns == end_ns:
        return
    if goes_on:
        price = late_price(run, o, bar, half)
        filled = take(run, orders, held, symbols, values, order_values, lists, scratch, log, i, most, price, end_ns)
        if filled > 0:
            wake(
                run, orders, held, symbols, values, order_values, lists, scratch, log, i, bar, end_ns, half, most, BORN,
                False,
            )  # fmt: skip
    elif o.leg == EXIT:
        set_free(run, orders, held, symbols, values, order_values, lists, scratch, log, o, bar, end_ns, half, most)


def set_free(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    ended: Any, bar: Any, end_ns: int, half: float, most: int,
) -> None:  # fmt: skip
    """What gave way to an exit that ended inside the bar: of what came after only the close is known."""
    symbol = symbols[ended.symbol]
    there = collect(run, orders, symbol, scratch, 5, 1, NONE)
    for n in range(there):
        i = scratch[5, n]
        o = orders[i]
        if o.strategy != ended.strategy or (o.leg != STOP and o.leg != TARGET):
            continue
        o.standing = LATE
        if rests(o):
            step(
                run, orders, held, symbols, values, order_values, lists, scratch, log, i, bar, end_ns, half, most, False
            )


def step(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    i: int, bar: Any, end_ns: int, half: float, most: int, at_open: bool,
) -> None:  # fmt: skip
    """One order at the open, or in what follows it; legs that its fill brings to life have their turn at once."""
    o = orders[i]
    price = open_price(run, o, symbols[o.symbol], bar, half) if at_open else (
        inside_price(run, o, symbols[o.symbol], bar, end_ns, half)
    )
    if price == NO:
        return
    filled_ns = run.bar_ns if at_open else end_ns  # inside the bar, it was by its end at the latest
    filled = take(run, orders, held, symbols, values, order_values, lists, scratch, log, i, most, price, filled_ns)
    if filled > 0 and o.leg == ENTRY:
        born = WHOLE if at_open else BORN
        wake(
            run, orders, held, symbols, values, order_values, lists, scratch, log, i, bar, end_ns, half, most, born,
            at_open,
        )  # fmt: skip


def wake(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    i: int, bar: Any, end_ns: int, half: float, most: int, standing: int, at_open: bool,
) -> None:  # fmt: skip
    """The legs of an entry that filled: they stand in the bar from now on. A leg has no legs itself."""
    parent, s = orders[i].number, orders[i].symbol
    count = 0
    for wanted in range(1, 3):
        j = symbols[s].head
        while j != NONE:
            o = orders[j]
            if o.used == 1 and o.parent == parent and rank(run, o) == wanted:
                o.standing = standing
                scratch[5, count] = j
                count += 1
            j = o.next
    for n in range(count):
        j = scratch[5, n]
        o = orders[j]
        if not rests(o):
            continue
        price = open_price(run, o, symbols[s], bar, half) if at_open else (
            inside_price(run, o, symbols[s], bar, end_ns, half)
        )
        if price != NO:
            filled_ns = run.bar_ns if at_open else end_ns
            take(run, orders, held, symbols, values, order_values, lists, scratch, log, j, most, price, filled_ns)


def open_price(run: Any, o: Any, symbol: Any, bar: Any, half: float) -> float:
    """Price of an order that fills at the open; NO when it does not."""
    opened, buys = bar[0], o.side > 0
    if waits(o) and beyond_stop(o, opened):
        trigger(o)
    if o.at_market == 1:
        return market_price(run, opened, buys, half, run.slippage)
    if waits(o):
        return NO
    if o.met == 1:
        found = (opened if run.model == OPTIMISTIC else o.limit) if fills_limit(run, o, symbol, opened) else NO
    else:
        there = market_price(run, opened, buys, half, 0.0)
        found = there if fills_limit(run, o, symbol, there) else NO
    o.met = 1
    arm(o)
    return float(found)


def inside_price(run: Any, o: Any, symbol: Any, bar: Any, end_ns: int, half: float) -> float:
    """Price of an order that fills between the open and the close; NO when it does not."""
    ends = o.deadline < end_ns
    if o.at_market == 1:
        # What was at market before the open has met it; the rest of it goes on at the next open.
        return late_price(run, o, bar, half) if o.standing == LATE else NO
    if not waits(o):
        found = limit_inside(run, o, symbol, bar, ends)
        o.met = 1
        arm(o)
        return found
    if ends or not stop_inside(o, bar):
        return NO
    reached = bar[3] if o.standing == LATE else o.stop
    trigger(o)
    # A stop-limit becomes a limit at an unknown moment of the bar: it trades from the next bar on.
    return market_price(run, reached, o.side > 0, half, run.slippage) if o.type == STOP_ORDER else NO


def limit_inside(run: Any, o: Any, symbol: Any, bar: Any, ends: bool) -> float:
    """Price of a limit that fills after the open; NO when it does not."""
    if run.model == OPTIMISTIC or (o.standing == WHOLE and not ends):
        reached = bar[2] if o.side > 0 else bar[1]
    elif ends:
        return NO
    else:
        reached = bar[3]
    return float(o.limit) if fills_limit(run, o, symbol, reached) else NO


def stop_inside(o: Any, bar: Any) -> bool:
    """Whether a stop is known to be reached after the open."""
    if o.standing == LATE:
        return beyond_stop(o, bar[3])
    extreme = bar[1] if o.side > 0 else bar[2]
    # Of a leg born inside the bar: an open beyond the stop explains the extreme, and came before the leg.
    told = bar[3] if o.standing == BORN and beyond_stop(o, bar[0]) else extreme
    return beyond_stop(o, told)


def trigger(o: Any) -> None:
    """The stop price was reached: a stop goes to market, a stop-limit becomes a limit."""
    o.triggered = 1
    o.at_market = 1 if o.type == STOP_ORDER else 0
    arm(o)


# -- a quote -----------------------------------------------------------------------------------------------------------


def match_quote(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    s: int, quote: Any, time_ns: int,
) -> None:  # fmt: skip
    """What is marketable fills at the other side's price, as far as its size goes. Half a spread is not paid on top."""
    symbol = symbols[s]
    j = symbol.head
    while j != NONE:
        orders[j].taken = 0
        j = orders[j].next
    count = collect(run, orders, symbol, scratch, 3, 0, NONE)
    for n in range(count):  # first, as what gave way to an exit that is over has its turn
        if orders[scratch[3, n]].deadline < time_ns and is_there(orders[scratch[3, n]], time_ns):
            expire(run, orders, symbols, scratch, scratch[3, n])
    for n in range(count):
        i = scratch[3, n]
        o = orders[i]
        if not is_there(o, time_ns):
            continue
        other, size = (quote[2], quote[3]) if o.side > 0 else (quote[0], quote[1])
        price = NO if other != other else quote_price(run, o, symbol, other)
        if price != NO:
            most = NONE if size != size else room(run, size, 1, 1, symbol.lot)
            take(run, orders, held, symbols, values, order_values, lists, scratch, log, i, most, price, run.now)
        if o.deadline == time_ns and rests(o):
            expire(run, orders, symbols, scratch, i)


def is_there(o: Any, time_ns: int) -> bool:
    return rests(o) and o.placed_ns < time_ns and o.from_ns <= time_ns


def quote_price(run: Any, o: Any, symbol: Any, other: float) -> float:
    if waits(o):
        if not beyond_stop(o, other):
            return NO
        trigger(o)
    if o.at_market == 1:
        return market_price(run, other, o.side > 0, 0.0, run.slippage)
    found = NO
    if meets_limit(run, o, symbol, other):
        found = o.limit if o.met == 1 and run.model != OPTIMISTIC else other
    o.met = 1
    arm(o)
    return float(found)
