"""A strategy whose conditions are true: ``engine.decide.entries``."""

from __future__ import annotations

from math import inf, nan
from typing import Any

from engine.research.columns.machine.exits import all_at_market, decide, log_order, send_off, set_limit, set_stop
from engine.research.columns.machine.facts import bring_up_to_date, sync
from engine.research.columns.machine.guards import judge
from engine.research.columns.machine.layout import (
    BLOCKED,
    BY_BRACKET,
    BY_COOLDOWN,
    BY_LIMIT,
    BY_MARKET,
    BY_NOTHING,
    BY_PRICE,
    BY_SAME_ORDER,
    BY_SESSION,
    BY_SIZE,
    BY_STOP,
    BY_TARGET,
    BY_TIME_LIMIT,
    COOLING,
    ENTRY,
    FIRED,
    FLATTENS,
    FOR_A_WHILE,
    HALTS,
    LIMIT_ORDER,
    MARKET_ORDER,
    NEVER,
    NO_TIME,
    NONE,
    STOP,
    STOP_LIMIT_ORDER,
    STOP_ORDER,
    TARGET,
    UNKNOWN,
    UNTIL_SESSION_END,
    UNTIL_TOMORROW,
)
from engine.research.columns.machine.numbers import after, lots, nanos, on_grid, unit_cost
from engine.research.columns.machine.resting import new_order


def enter(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    watches: Any, entries: Any, exits: Any, guards: Any, packs: Any, bands: Any, days: Any, day_of: Any, refusals: Any,
    limits: Any, settings: Any, combo_of: Any, cooling: Any, counted: Any, row_at: Any, pending: Any, columns: Any,
    stretches: Any, code: Any, pool: Any, v: Any, state: Any, w: int, s: int,
) -> None:  # fmt: skip
    """Decide, record, and expect the order."""
    watch = watches[w]
    k, target = watch.strategy, watch.target
    verdict, guard = market_of(symbols, target)
    if guard == BY_NOTHING:
        sync(run, symbols, row_at, columns, target)
        verdict, guard = priced(symbols[target])
    if guard == BY_NOTHING:
        bring_up_to_date(
            run, orders, held, symbols, values, lists, scratch, watches, days, day_of, settings, combo_of, row_at,
            pending, columns, stretches, code, pool, v, state, target,
        )  # fmt: skip
        verdict, guard = may_enter(
            run, orders, held, symbols, lists, scratch, refusals, limits, combo_of, cooling, counted, watch, s
        )
    if guard == BY_NOTHING:
        entry = entries[watch.entry]
        verdict, guard = want(
            run, orders, held, symbols, values, order_values, lists, scratch, log, entry, exits, guards, packs, bands,
            days, day_of, stretches, code, pool, v, state, watch,
        )  # fmt: skip
    if verdict != FIRED:
        decide(run, log, k, k, watch.ordered, verdict, guard, run.logged)
        return
    if watch.cooldown != NONE:
        seconds = v[watch.cooldown]
        if seconds != seconds:
            run.status = NO_TIME
        else:
            cooling[k, s] = after(run, run.now, seconds)
    for n in range(counted.shape[1]):  # of one that is closed nothing is asked before it begins anew
        counted[watch.pack, n, target] += 1
    decide(run, log, k, k, target, FIRED, BY_NOTHING, run.wanted)


def market_of(symbols: Any, target: int) -> tuple[int, int]:
    if target == NONE:
        return BLOCKED, BY_MARKET
    if symbols[target].tradable == 0:
        return BLOCKED, BY_MARKET
    return FIRED, BY_NOTHING


def priced(symbol: Any) -> tuple[int, int]:
    return (UNKNOWN, BY_MARKET) if symbol.last != symbol.last else (FIRED, BY_NOTHING)


def may_enter(
    run: Any, orders: Any, held: Any, symbols: Any, lists: Any, scratch: Any, refusals: Any, limits: Any, combo_of: Any,
    cooling: Any, counted: Any, watch: Any, s: int,
) -> tuple[int, int]:  # fmt: skip
    """Cooldown, sessions and their limits, halts: everything that needs no order to be judged."""
    target = watch.target
    j = symbols[target].head
    while j != NONE:
        o = orders[j]
        if o.pending == 1 and o.strategy == watch.strategy and o.created == run.now:
            return BLOCKED, BY_SAME_ORDER
        j = o.next
    if run.now < cooling[watch.strategy, s]:
        return COOLING, BY_COOLDOWN
    if run.halted == 1 and run.now >= run.halt_until:
        run.halted = 0
    if run.halted == 1:
        return BLOCKED, int(run.halt_guard)
    combo = combo_of[watch.pack, run.t]
    if refusals[combo, watch.strategy] == 1:
        return BLOCKED, BY_SESSION
    entries = counted[watch.pack]
    if limit_reached(run, orders, held, symbols, lists, scratch, limits[combo], entries, watch.pack, target):
        return BLOCKED, BY_SESSION
    return FIRED, BY_NOTHING


def limit_reached(
    run: Any, orders: Any, held: Any, symbols: Any, lists: Any, scratch: Any, limits: Any, counted: Any, pack: int,
    target: int,
) -> bool:  # fmt: skip
    """Whether a limit of the open windows of a pack is reached. ``limits``: of them; ``counted``: its entries."""
    most, most_here, most_orders = limits[0, 0], limits[0, 1], limits[0, 2]
    if most < inf or most_here < inf or most_orders < inf:
        positions, here, ordered = standing_of(run, orders, held, symbols, lists, scratch, pack, target)
        if positions >= most or here >= most_here or ordered >= most_orders:
            return True
    for w in range(counted.shape[0]):
        in_window = 0
        for n in range(run.symbols):
            in_window += counted[w, n]
        if in_window >= limits[1 + w, 3] or counted[w, target] >= limits[1 + w, 4]:
            return True
    return False


def standing_of(
    run: Any, orders: Any, held: Any, symbols: Any, lists: Any, scratch: Any, pack: int, target: int
) -> tuple[int, int, int]:
    """Of a pack: positions and entry orders together, those of one symbol, entry orders."""
    holds = here = ordered = 0
    for n in range(run.holds):
        h = held[scratch[1, n]]
        if lists[run.strategy_packs + h.strategy, 0] == pack:
            holds += 1
            here += h.symbol == target
    for n in range(run.symbols):
        j = symbols[n].head if symbols[n].pendings > 0 else NONE
        while j != NONE:
            o = orders[j]
            if o.pending == 1 and lists[run.strategy_packs + o.strategy, 0] == pack:
                ordered += 1
                here += n == target
            j = o.next
    return holds + ordered, here, ordered


def want(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    entry: Any, exits: Any, guards: Any, packs: Any, bands: Any, days: Any, day_of: Any, stretches: Any, code: Any,
    pool: Any, v: Any, state: Any, watch: Any,
) -> tuple[int, int]:  # fmt: skip
    """Size, price and judge; the entry with its bracket. ``run.wanted``: where the rows of its orders begin."""
    target, k = watch.target, watch.strategy
    symbol, key = symbols[target], watch.strategy * run.symbols + target
    size = v[entry.amount]
    if size != size:
        return UNKNOWN, BY_SIZE
    quantity = lots(run, size, symbol.lot)
    if quantity <= 0:
        return BLOCKED, BY_SIZE
    limit = stop = NONE
    expires = NEVER
    if entry.limit != NONE:
        if v[entry.limit] != v[entry.limit]:
            return UNKNOWN, BY_LIMIT
        limit = on_grid(run, symbol, bands, v[entry.limit], -1 if entry.side > 0 else 1)
    if entry.stop != NONE:
        if v[entry.stop] != v[entry.stop]:
            return UNKNOWN, BY_STOP
        stop = on_grid(run, symbol, bands, v[entry.stop], 0)
    if entry.within != NONE:
        if v[entry.within] != v[entry.within]:
            return UNKNOWN, BY_TIME_LIMIT
        expires = after(run, run.now, v[entry.within])
    if (entry.limit != NONE and limit <= 0) or (entry.stop != NONE and stop <= 0):
        return BLOCKED, BY_PRICE
    reference = mid(symbol)
    if entry.limit != NONE:
        reference = limit / 1e9
    elif entry.stop != NONE:
        reference = stop / 1e9
    each = unit_cost(symbol, entry.side > 0, reference)
    quantity = within_pack_limits(run, orders, held, symbol, packs[watch.pack], key, quantity, each)
    if quantity <= 0:
        return BLOCKED, BY_SIZE
    verdict, by = bracket_fits(entry, v, reference)
    if by != BY_NOTHING:
        return verdict, by
    protective = nan if entry.bracket_stop == NONE else v[entry.bracket_stop]
    blocked = judge(
        run, orders, held, symbols, values, lists, scratch, guards, stretches, code, pool, v, state, key, entry.side,
        ENTRY, quantity, reference, protective,
    )  # fmt: skip
    quantity = run.capped
    carry_out_effects(run, orders, held, symbols, scratch, log, exits, guards, bands, days, day_of, v, target)
    if blocked != BY_NOTHING:
        return BLOCKED, blocked
    if quantity <= 0:
        return BLOCKED, BY_SIZE
    place_bracket(
        run, orders, symbols, bands, order_values, lists, log, entry, v, k, target, quantity, limit, stop, expires,
        reference,
    )  # fmt: skip
    return FIRED, BY_NOTHING


def mid(symbol: Any) -> float:
    """Mid price, or the last price where there is no two-sided quote."""
    found = (symbol.bid + symbol.ask) / 2.0
    return float(found if found == found else symbol.last)


def within_pack_limits(
    run: Any, orders: Any, held: Any, symbol: Any, pack: Any, key: int, quantity: int, each: float
) -> int:
    """The pack's hard limits, on what is held and wanted together. ``each``: what a unit costs."""
    by_money = pack.limited_notional == 1 and each > 0
    if pack.limited_quantity == 0 and not by_money:
        return quantity
    already, lot = abs(held[key].amount) if held[key].open == 1 else 0.0, symbol.lot
    already += to_come(orders, symbol, held[key].strategy) / run.unit_float
    most = 0.0
    if pack.limited_quantity == 1:
        most = pack.quantity - already
    if by_money:
        money = pack.notional / each - already
        most = min(most, money) if pack.limited_quantity == 1 else money
    most = max(most, 0.0)
    per_unit = 1_000_000_000 // run.unit
    if most * 1e9 >= quantity * float(per_unit) + 1e9:
        return quantity
    exact = nanos(run, most)
    if exact >= quantity * per_unit:
        return quantity
    return exact // (per_unit * lot) * lot


def to_come(orders: Any, symbol: Any, strategy: int) -> int:
    """Units that entry orders under way of a strategy may still bring."""
    total, j = 0, symbol.head
    while j != NONE:
        o = orders[j]
        if o.pending == 1 and o.strategy == strategy:
            total += max(o.quantity - o.filled, 0)
        j = o.next
    return int(total)


def bracket_fits(entry: Any, v: Any, reference: float) -> tuple[int, int]:
    """Stop and target must each lie on its side of the entry price."""
    if entry.bracket_stop != NONE:
        price = v[entry.bracket_stop]
        if price != price:
            return UNKNOWN, BY_STOP
        if (price - reference) * entry.side * -1 <= 0:
            return BLOCKED, BY_BRACKET
    if entry.bracket_target != NONE:
        price = v[entry.bracket_target]
        if price != price:
            return UNKNOWN, BY_TARGET
        if (price - reference) * entry.side * 1 <= 0:
            return BLOCKED, BY_BRACKET
    return FIRED, BY_NOTHING


def carry_out_effects(
    run: Any, orders: Any, held: Any, symbols: Any, scratch: Any, log: Any, exits: Any, guards: Any, bands: Any,
    days: Any, day_of: Any, v: Any, s: int,
) -> None:  # fmt: skip
    """Start the halts that guards ask for, and close the positions that they want closed."""
    for n in range(run.effects):
        guard = guards[scratch[6, n]]
        if guard.effect == HALTS:
            run.halted, run.halt_guard = 1, guard.rule
            run.halt_until = halt_until(run, guard, days, day_of[symbols[s].calendar, run.t], v)
        elif guard.effect == FLATTENS:
            count = run.holds
            for m in range(count):
                scratch[8, m] = scratch[1, m]
            for m in range(count):
                key = scratch[8, m]
                h = held[key]
                if (guard.flatten_all == 1 or h.symbol == s) and not all_at_market(orders, symbols, h):
                    send_off(run, orders, symbols, log, bands, h, guard.rule, NONE, exits, v)


def halt_until(run: Any, guard: Any, days: Any, today: int, v: Any) -> int:
    day = days[today]
    if guard.until == FOR_A_WHILE:
        seconds = v[guard.halt_for]
        if seconds != seconds:
            run.status = NO_TIME
            return 0
        return after(run, run.now, seconds)
    if guard.until == UNTIL_TOMORROW:
        return int(day.end)
    if guard.until == UNTIL_SESSION_END:
        return int(day.closes if day.has_session == 1 and run.now < day.closes else day.end)
    return NEVER


def place_bracket(
    run: Any, orders: Any, symbols: Any, bands: Any, order_values: Any, lists: Any, log: Any, entry: Any, v: Any,
    k: int, s: int, quantity: int, limit: int, stop: int, expires: int, reference: float,
) -> None:  # fmt: skip
    """The entry and the legs that wake with its fill and cancel one another."""
    symbol = symbols[s]
    i = new_order(run, orders, symbol, s)
    o = orders[i]
    o.side, o.strategy, o.rule, o.leg, o.quantity, o.created = entry.side, k, k, ENTRY, quantity, run.now
    o.expires, o.fallback, o.pending, o.reference = expires, entry.fallback, 1, reference
    o.type = MARKET_ORDER
    if entry.limit != NONE:
        o.type = LIMIT_ORDER
        set_limit(run, o, limit)
    if entry.stop != NONE:
        o.type = STOP_ORDER if entry.limit == NONE else STOP_LIMIT_ORDER
        set_stop(run, o, stop)
    for m in range(entry.captures_begin, entry.captures_end):
        order_values[i, m - entry.captures_begin] = v[lists[m, 0]]
    run.wanted = run.logged
    log_order(run, log, o, i, 1)
    for leg in (STOP, TARGET):
        term = entry.bracket_stop if leg == STOP else entry.bracket_target
        if term == NONE:
            continue
        j = new_order(run, orders, symbol, s)
        child = orders[j]
        child.side, child.strategy, child.rule, child.leg, child.created = -entry.side, k, k, leg, run.now
        child.quantity, child.parent, child.group = quantity, o.number, o.number
        if leg == STOP:
            child.type = STOP_ORDER
            set_stop(run, child, on_grid(run, symbol, bands, v[term], 0))
        else:
            child.type = LIMIT_ORDER
            set_limit(run, child, on_grid(run, symbol, bands, v[term], -1 if child.side > 0 else 1))
        log_order(run, log, child, j, 0)
    run.pendings += 1
    run.version += 1
    symbol.pendings += 1
    symbol.entries += 1
    run.entries_today += 1
