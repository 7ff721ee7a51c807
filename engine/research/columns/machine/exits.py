"""Exits of one position, most urgent first: ``engine.decide.exits``."""

from __future__ import annotations

from math import nan
from typing import Any

from engine.research.columns.machine.account import resting_stop
from engine.research.columns.machine.facts import write_position
from engine.research.columns.machine.guards import judge
from engine.research.columns.machine.layout import (
    BLOCKED,
    BY_NOTHING,
    EXIT,
    FIRED,
    LIMIT_ORDER,
    LOG_CANCEL,
    LOG_DECISION,
    LOG_ORDER,
    LOG_PRICES,
    LOG_REPLACE,
    MARKET_ORDER,
    NO_TIME,
    NONE,
    STOP,
    STOP_ORDER,
    UNKNOWN,
)
from engine.research.columns.machine.nodes import compute
from engine.research.columns.machine.numbers import after, lots, nanos, on_grid
from engine.research.columns.machine.resting import new_order, note

SILENT = 9


def decide(
    run: Any, log: Any, rule: int, strategy: int, symbol: int, verdict: int, guard: int, begin: int
) -> None:
    """Note a decision; its actions are the rows from ``begin`` on."""
    end = run.logged
    at = note(run, log, LOG_DECISION, run.t, rule, strategy, symbol, verdict, guard)
    log[at, 7], log[at, 8] = begin, end


def log_order(run: Any, log: Any, o: Any, i: int, first: int) -> None:
    """Note an order as it was wanted."""
    at = note(run, log, LOG_ORDER, o.number, i, run.t, o.symbol, o.side, o.quantity)
    log[at, 7], log[at, 8], log[at, 9], log[at, 10], log[at, 11] = o.type, o.leg, o.strategy, o.rule, first
    note(run, log, LOG_PRICES, o.limit_nanos, o.stop_nanos, o.parent, 0, 0, 0)
    run.orders += 1


def run_exits(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, lists: Any, scratch: Any, log: Any, exits: Any,
    guards: Any, bands: Any, stretches: Any, code: Any, pool: Any, v: Any, state: Any, key: int,
) -> None:  # fmt: skip
    """Judge every exit of one position; the first that closes it wholly ends the round."""
    h = held[key]
    if h.exits_begin == h.exits_end:
        return
    write_position(
        run, orders, symbols, held, values, lists, v, key, h.facts_begin, h.facts_end, h.entries_begin, h.entries_end
    )
    compute(run, h.segment_begin, h.segment_end, stretches, code, pool, v, state)
    for e in range(h.exits_begin, h.exits_end):
        rule = exits[e]
        bit = 1 << (e - h.exits_begin)
        if rule.once == 1 and h.fired & bit != 0:
            continue
        seen = verdict(lists, rule, v)
        if rule.trail_by != NONE:
            if h.trailing & bit == 0 and seen == FIRED and (rule.trail_after == NONE or v[rule.trail_after] == 1.0):
                h.trailing |= bit
            if h.trailing & bit != 0:
                trail(run, orders, symbols, log, bands, h, rule, v)
        if seen == UNKNOWN and rule.closes_unknown == 1:
            close_position(
                run, orders, held, symbols, values, lists, scratch, log, guards, bands, stretches, code, pool, v, state,
                key, rule.rule, NONE, exits,
            )  # fmt: skip
            return
        if seen != FIRED or (rule.once == 1 and h.fired & bit != 0):
            continue
        if act(
            run, orders, held, symbols, values, lists, scratch, log, guards, bands, stretches, code, pool, v, state,
            key,
            e, bit, exits,
        ):  # fmt: skip
            return


def verdict(lists: Any, rule: Any, v: Any) -> int:
    found = FIRED
    for m in range(rule.when_begin, rule.when_end):
        x = v[lists[m, 0]]
        if x == 0.0:
            return SILENT
        if x != x:
            found = UNKNOWN
    return found


def act(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, lists: Any, scratch: Any, log: Any, guards: Any,
    bands: Any, stretches: Any, code: Any, pool: Any, v: Any, state: Any, key: int, e: int, bit: int, exits: Any,
) -> bool:  # fmt: skip
    """Close and move the stop as the rule says; True when the position is being closed wholly."""
    rule, h = exits[e], held[key]
    part = NONE
    if rule.close_all == 0 and rule.close != NONE and h.exiting == 0:
        amount = v[rule.close]
        if amount != amount:
            return False
        part = part_of(run, symbols[h.symbol], h, amount, rule.close_is_share)
    if rule.close_all == 1 or (part != NONE and part >= abs(h.quantity)):
        return close_position(
            run, orders, held, symbols, values, lists, scratch, log, guards, bands, stretches, code, pool, v, state,
            key,
            rule.rule, e, exits,
        )  # fmt: skip
    begin = run.logged
    closes = rule.close != NONE
    if part != NONE:
        begin = reduce_by(
            run, orders, held, symbols, values, lists, scratch, log, guards, bands, stretches, code, pool, v, state,
            key,
            part, rule.rule, e, exits,
        )  # fmt: skip
        closes = run.logged == begin
    if rule.stop != NONE:
        price = v[rule.stop]
        if price == price:
            move_stop(run, orders, symbols, log, bands, h, rule.rule, price)
    if run.logged > begin:
        if not closes:  # its part is still to be closed: another exit is under way, or a guard held it back
            h.fired |= bit
        decide(run, log, rule.rule, h.strategy, h.symbol, FIRED, BY_NOTHING, begin)
    return False


def part_of(run: Any, symbol: Any, h: Any, amount: float, is_share: int) -> int:
    """How much of the position to close, in whole lots."""
    held = abs(h.amount)
    part = lots(run, amount * held if is_share == 1 else amount, symbol.lot)
    if part > 0:
        return part
    # Half of one lot rounds to nothing; then the whole lot goes, since an exit must be able to act.
    return lots(run, min(held, symbol.lot / run.unit_float), symbol.lot)


def exit_order(
    run: Any, orders: Any, symbols: Any, bands: Any, h: Any, quantity: int, rule: int, e: int, exits: Any, v: Any
) -> int:
    """A new order that reduces a position."""
    i = new_order(run, orders, symbols[h.symbol], h.symbol)
    o = orders[i]
    o.side = -1 if h.quantity > 0 else 1
    o.strategy, o.rule, o.leg, o.quantity, o.created = h.strategy, rule, EXIT, quantity, run.now
    o.exiting = 1
    h.exiting += 1
    if e == NONE:
        return i
    action = exits[e]
    if action.limit != NONE and v[action.limit] == v[action.limit]:
        set_limit(run, o, on_grid(run, symbols[h.symbol], bands, v[action.limit], -1 if o.side > 0 else 1))
        o.type = LIMIT_ORDER
    if action.within != NONE:
        seconds = v[action.within]
        if seconds != seconds:
            run.status = NO_TIME
        else:
            o.expires = after(run, run.now, seconds)
    o.fallback = action.fallback
    return i


def set_limit(run: Any, o: Any, price: int) -> None:
    o.limit_nanos = price
    o.limit = price / 1e9


def set_stop(run: Any, o: Any, price: int) -> None:
    o.stop_nanos = price
    o.stop = o.stop_wanted = price / 1e9


def held_back(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, lists: Any, scratch: Any, log: Any, guards: Any,
    stretches: Any, code: Any, pool: Any, v: Any, state: Any, key: int, quantity: int, rule: int,
) -> bool:  # fmt: skip
    """Guards that say ``exits`` may hold a reduction back; no other can."""
    h = held[key]
    blocked = judge(
        run, orders, held, symbols, values, lists, scratch, guards, stretches, code, pool, v, state, key,
        -1 if h.quantity > 0 else 1, EXIT, quantity, symbols[h.symbol].last, nan,
    )  # fmt: skip
    if blocked == BY_NOTHING:
        return False
    decide(run, log, rule, h.strategy, h.symbol, BLOCKED, blocked, run.logged)
    return True


def close_position(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, lists: Any, scratch: Any, log: Any, guards: Any,
    bands: Any, stretches: Any, code: Any, pool: Any, v: Any, state: Any, key: int, rule: int, e: int, exits: Any,
) -> bool:  # fmt: skip
    """Close everything; True when the position is on its way out."""
    h = held[key]
    if h.exiting > 0 and not takes_their_place(orders, symbols, h, rule, e, exits, v):
        return True
    if held_back(
        run, orders, held, symbols, values, lists, scratch, log, guards, stretches, code, pool, v, state, key,
        abs(h.quantity), rule,
    ):  # fmt: skip
        return False
    send_off(run, orders, symbols, log, bands, h, rule, e, exits, v)
    return True


def send_off(
    run: Any, orders: Any, symbols: Any, log: Any, bands: Any, h: Any, rule: int, e: int, exits: Any, v: Any
) -> None:
    """Close a position whole, whatever guards say. What is under way for a part, or for a better price, comes off."""
    begin = run.logged
    if h.exiting > 0:
        cancel_exits(run, orders, symbols, log, h)
    i = exit_order(run, orders, symbols, bands, h, abs(h.quantity), rule, e, exits, v)
    log_order(run, log, orders[i], i, 1)
    decide(run, log, rule, h.strategy, h.symbol, FIRED, BY_NOTHING, begin)


def cancel_exits(run: Any, orders: Any, symbols: Any, log: Any, h: Any) -> None:
    """Rows for the cancel of all exits under way."""
    begin, j = run.logged, symbols[h.symbol].head
    while j != NONE:
        if orders[j].strategy == h.strategy and orders[j].exiting == 1:
            note(run, log, LOG_CANCEL, orders[j].number, j, 1 if run.logged == begin else 0, 0, 0, 0)
        j = orders[j].next


def all_at_market(orders: Any, symbols: Any, h: Any) -> bool:
    """Whether an exit under way is for everything, at whatever price."""
    j = symbols[h.symbol].head
    while j != NONE:
        o = orders[j]
        if o.strategy == h.strategy and o.exiting == 1 and o.type == MARKET_ORDER and o.quantity >= abs(h.quantity):
            return True
        j = o.next
    return False


def takes_their_place(orders: Any, symbols: Any, h: Any, rule: int, e: int, exits: Any, v: Any) -> bool:
    """Whether the exits under way wait for a better price and are other rules', and this rule closes at market."""
    if e != NONE and exits[e].limit != NONE and v[exits[e].limit] == v[exits[e].limit]:
        return False
    j = symbols[h.symbol].head
    while j != NONE:
        o = orders[j]
        if o.strategy == h.strategy and o.exiting == 1 and (o.type != LIMIT_ORDER or (e != NONE and o.rule == rule)):
            return False
        j = o.next
    return True


def next_leg(orders: Any, symbols: Any, h: Any, reached: int) -> int:
    """The protective order of a position that came to life next after ``reached``."""
    found, least = NONE, 0
    j = symbols[h.symbol].head
    while j != NONE:
        o = orders[j]
        if o.strategy == h.strategy and o.leg_seq > reached and (found == NONE or o.leg_seq < least):
            found, least = j, o.leg_seq
        j = o.next
    return int(found)


def reduce_by(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, lists: Any, scratch: Any, log: Any, guards: Any,
    bands: Any, stretches: Any, code: Any, pool: Any, v: Any, state: Any, key: int, part: int, rule: int, e: int,
    exits: Any,
) -> int:  # fmt: skip
    """Close a part. Returns where the rows of its actions begin."""
    h = held[key]
    if held_back(
        run, orders, held, symbols, values, lists, scratch, log, guards, stretches, code, pool, v, state, key, part,
        rule,
    ):  # fmt: skip
        return int(run.logged)
    begin = run.logged
    i = exit_order(run, orders, symbols, bands, h, part, rule, e, exits, v)
    log_order(run, log, orders[i], i, 1)
    return int(begin)


# -- stops -------------------------------------------------------------------------------------------------------------


def trail(run: Any, orders: Any, symbols: Any, log: Any, bands: Any, h: Any, rule: Any, v: Any) -> None:
    """Let the stop follow the best price since the entry; it never moves back."""
    by = v[rule.trail_by]
    if by != by:
        return
    sign = 1 if h.quantity >= 0 else -1
    best = h.high if sign > 0 else h.low
    distance = best * by if rule.trail_is_share == 1 else by
    begin = run.logged
    move_stop(run, orders, symbols, log, bands, h, rule.rule, best - sign * distance)
    if run.logged > begin:
        decide(run, log, rule.rule, h.strategy, h.symbol, FIRED, BY_NOTHING, begin)


def move_stop(
    run: Any, orders: Any, symbols: Any, log: Any, bands: Any, h: Any, rule: int, price: float
) -> None:
    """Move the protective stop to ``price`` if that is tighter; place one for what none rests for."""
    exact = on_grid(run, symbols[h.symbol], bands, price, 0)
    current = resting_stop(run, orders, symbols, h)
    if h.exiting > 0 and next_leg(orders, symbols, h, 0) == NONE:
        return
    bare, group, stops, reached = abs(h.quantity), 0, 0, 0
    tighter = current == current and (exact / 1e9 - current) * (1 if h.quantity >= 0 else -1) > 0
    if current == current and not tighter:
        exact = nanos(run, current)
    while True:
        j = next_leg(orders, symbols, h, reached)
        if j == NONE:
            break
        leg = orders[j]
        reached = leg.leg_seq
        if group == 0:
            group = leg.group
        if leg.leg == STOP:
            stops += 1
            bare -= leg.quantity
            if tighter:
                leg.stop_wanted = exact / 1e9
                note(run, log, LOG_REPLACE, leg.number, j, exact, 0, 0, 0)
    bare -= on_the_way_out(orders, symbols, h)
    if bare > 0:
        # Beside another stop it stands for itself: what that one fills it must not lose.
        place_stop(run, orders, symbols, log, h, rule, exact, bare, 0 if stops > 0 else group)


def on_the_way_out(orders: Any, symbols: Any, h: Any) -> int:
    """Units of exits under way."""
    total, j = 0, symbols[h.symbol].head
    while j != NONE:
        if orders[j].strategy == h.strategy and orders[j].exiting == 1:
            total += orders[j].quantity
        j = orders[j].next
    return int(total)


def place_stop(
    run: Any, orders: Any, symbols: Any, log: Any, h: Any, rule: int, exact: int, quantity: int, group: int
) -> None:
    """A protective stop for what none rests for."""
    i = new_order(run, orders, symbols[h.symbol], h.symbol)
    o = orders[i]
    o.side = -1 if h.quantity > 0 else 1
    o.strategy, o.rule, o.leg, o.type, o.created = h.strategy, rule, STOP, STOP_ORDER, run.now
    o.quantity, o.group = quantity, group
    set_stop(run, o, exact)
    run.legs += 1
    o.leg_seq = run.legs
    log_order(run, log, o, i, 1)
