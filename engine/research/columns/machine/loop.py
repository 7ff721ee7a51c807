"""Tick by tick, and over the ticks at which nothing can happen: ``engine.execute.loop`` with ``engine.decide.tick``."""

from __future__ import annotations

from math import inf
from typing import Any

from engine.research.columns.machine.book import equity, settle
from engine.research.columns.machine.broker import carry_out
from engine.research.columns.machine.entries import enter
from engine.research.columns.machine.exits import run_exits
from engine.research.columns.machine.facts import bring_up_to_date, sync
from engine.research.columns.machine.layout import (
    FINE,
    FULL,
    NEVER,
    NEW_DAY,
    NONE,
    ON_BAR,
    ON_EVERY,
    WINDOWS_MOVED,
)
from engine.research.columns.machine.matching import match_bar, match_quote
from engine.research.columns.machine.settlement import pay_out

NANOS = 1_000_000_000
BAR, QUOTE = 0, 1  # kinds of events, as in market.py


def advance(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    watches: Any, entries: Any, exits: Any, guards: Any, packs: Any, bands: Any, days: Any, day_of: Any, refusals: Any,
    limits: Any, settings: Any, combo_of: Any, cooling: Any, intervals: Any, counted: Any, row_at: Any, pending: Any,
    columns: Any, stretches: Any, code: Any, pool: Any, v: Any, state: Any, times: Any, first: Any, kinds: Any,
    places: Any,
    rows: Any, bars: Any, bar_times: Any, quotes: Any, quote_times: Any, paid: Any, flags: Any, stops: Any, marks: Any,
    events: Any,
    signals: Any, curve: Any, t: int, begin: int, end: int,
) -> int:  # fmt: skip
    """Go on from tick ``t`` up to ``end``; returns the tick that comes next. ``begin``: the first tick of the chunk, to
    which ``stops``, ``curve`` and ``row_at`` belong. Stops early when ``run.status`` is not FINE.
    """
    while t < end:
        t = skip(
            run, held, symbols, scratch, watches, row_at, marks, first, kinds, places, rows, bars, bar_times, paid,
            flags, stops, curve, t, begin, end,
        )  # fmt: skip
        if t >= end:
            break
        if run.logged + run.spare_log > log.shape[0] or run.live + run.spare_orders > orders.shape[0]:
            run.status = FULL
            break
        run.t, run.now, run.local = t, times[t], t - begin
        broker_sees(
            run, orders, held, symbols, values, order_values, lists, scratch, log, row_at, columns, kinds, places, rows,
            bars, bar_times, quotes, quote_times, paid, first[t], first[t + 1],
        )  # fmt: skip
        if run.ended > 0 or run.closed > 0:
            settle(run, orders, held, symbols, state, lists, scratch)
        touched = take_in(run, held, symbols, scratch, kinds, places, rows, bars, quotes, first[t], first[t + 1])
        if flags[t] != 0:
            turn(run, held, symbols, scratch, packs, combo_of, counted, flags[t])
        candidates = bring_up(
            run, orders, held, symbols, values, lists, scratch, watches, days, day_of, settings, combo_of, row_at,
            pending,
            columns, stretches, code, pool, v, state, marks, touched,
        )  # fmt: skip
        noted = run.logged
        count = run.holds
        for n in range(count):
            scratch[8, n] = scratch[1, n]
        for n in range(count):
            run_exits(
                run, orders, held, symbols, values, lists, scratch, log, exits, guards, bands, stretches, code, pool, v,
                state, scratch[8, n],
            )  # fmt: skip
        if candidates:
            for n in range(run.looked):
                s = scratch[9, n]
                at = row_at[s, run.local + 1]
                own = at % 2 == 1
                for w in range(symbols[s].watches_begin, symbols[s].watches_end):
                    if wanted(run, lists, intervals, watches[w], v, own, events[s, at // 2], signals[s, at // 2], s):
                        enter(
                            run, orders, held, symbols, values, order_values, lists, scratch, log, watches, entries,
                            exits,
                            guards, packs, bands, days, day_of, refusals, limits, settings, combo_of, cooling, counted,
                            row_at, pending, columns, stretches, code, pool, v, state, w, s,
                        )  # fmt: skip
        if run.logged > noted:
            carry_out(run, orders, held, symbols, lists, scratch, log, state, noted)
        look_out(run, orders, held, symbols, scratch)
        curve[t - begin] = equity(run, held, scratch)
        t += 1
        if run.status != FINE:
            break
    return t


def skip(
    run: Any, held: Any, symbols: Any, scratch: Any, watches: Any, row_at: Any, marks: Any, first: Any, kinds: Any,
    places: Any,
    rows: Any, bars: Any, bar_times: Any, paid: Any, flags: Any, stops: Any, curve: Any, t: int, begin: int, end: int,
) -> int:  # fmt: skip
    """Pass the ticks at which no rule can act, no order is reached and no day begins; the first that is left."""
    if run.unsteady > 0:
        return t
    if run.holds == 0 and run.resting == 0:
        worth = run.cash_float
        while t < end and stops[t - begin] == 0 and flags[t] == 0:
            curve[t - begin] = worth
            t += 1
        return t
    while t < end and flags[t] == 0:
        if stops[t - begin] != 0:
            if not shut(held, symbols, watches, row_at, marks, kinds, places, first[t], first[t + 1], t - begin):
                return t
            stops[t - begin] = 0
        if run.holds == 1 and first[t] < first[t + 1] and places[first[t]] == held[scratch[1, 0]].symbol:
            before = t
            t = glide(
                run, held[scratch[1, 0]], symbols, first, kinds, places, rows, bars, bar_times, flags, stops, curve, t,
                begin, end,
            )  # fmt: skip
            if t > before:
                continue
        for e in range(first[t], first[t + 1]):
            if reached(symbols, kinds, places, rows, bars, bar_times, paid, e):
                return t
        if run.holds > 0:
            for e in range(first[t], first[t + 1]):
                if kinds[e] == BAR and places[e] != NONE:
                    mark_bar(run, held, scratch, places[e], bars[rows[e]])
        curve[t - begin] = equity(run, held, scratch)
        t += 1
    return t


def shut(
    held: Any, symbols: Any, watches: Any, row_at: Any, marks: Any, kinds: Any, places: Any, begin: int, end: int,
    local: int,
) -> bool:  # fmt: skip
    """Whether every strategy that might enter at a tick does so only when flat, and holds something."""
    if begin == end:
        return False
    for e in range(begin, end):
        s = places[e]
        if s == NONE:
            continue
        symbol, mark = symbols[s], marks[s, row_at[s, local + 1] // 2]
        for w in range(symbol.watches_begin, symbol.watches_end):
            watch = watches[w]
            if mark & watch.mark != 0 and (watch.flat_only == 0 or held[watch.held].open == 0):
                return False
    return True


def glide(
    run: Any, h: Any, symbols: Any, first: Any, kinds: Any, places: Any, rows: Any, bars: Any, bar_times: Any,
    flags: Any,
    stops: Any, curve: Any, t: int, begin: int, end: int,
) -> int:  # fmt: skip
    """As ``skip`` for the most common case: one position, and ticks that are one bar of its symbol each."""
    s, cash, amount, peak = h.symbol, run.cash_float, h.amount, run.peak
    symbol = symbols[s]
    below, above, deadline, resting = symbol.below, symbol.above, symbol.deadline, symbol.orders > 0
    highest, lowest, last, start = h.high, h.low, h.last, t
    while t < end and stops[t - begin] == 0 and flags[t] == 0:
        e = first[t]
        if first[t + 1] - e != 1 or kinds[e] != BAR or places[e] != s:
            break
        r = rows[e]
        high, low = bars[r, 1], bars[r, 2]
        if resting and (
            low <= below or high >= above
            or (deadline != NEVER and bar_times[r, 0] + bar_times[r, 1] * NANOS >= deadline)
        ):  # fmt: skip
            break
        last = bars[r, 3]
        if high > highest:
            highest = high
        if low < lowest:
            lowest = low
        worth = cash
        worth += amount * last
        if worth > peak:
            peak = worth
        curve[t - begin] = worth
        t += 1
    h.high, h.low, h.last, run.peak = highest, lowest, last, peak
    h.bars += t - start
    return t


def reached(
    symbols: Any, kinds: Any, places: Any, rows: Any, bars: Any, bar_times: Any, paid: Any, e: int
) -> bool:
    """Whether an event reaches an order, is a quote that may, or settles something."""
    if places[e] == NONE:
        return False
    symbol = symbols[places[e]]
    if kinds[e] == BAR:
        if symbol.orders == 0:
            return False
        r = rows[e]
        if bars[r, 2] <= symbol.below or bars[r, 1] >= symbol.above:
            return True
        return bool(bar_times[r, 0] + bar_times[r, 1] * NANOS >= symbol.deadline)
    if kinds[e] != QUOTE and paid[rows[e]] == NEVER:
        return False
    return bool(symbol.orders > 0 or symbol.held > 0)


def mark_bar(run: Any, held: Any, scratch: Any, s: int, bar: Any) -> None:
    """Positions take note of a bar, and the account of what they are worth now."""
    mark(run, held, scratch, s, bar[3], bar[1], bar[2], 1)
    run.peak = max(run.peak, equity(run, held, scratch))


def mark(run: Any, held: Any, scratch: Any, s: int, last: float, high: float, low: float, new_bar: int) -> None:
    for n in range(run.holds):
        h = held[scratch[1, n]]
        if h.symbol != s:
            continue
        h.last = last
        if high > h.high:
            h.high = high
        if low < h.low:
            h.low = low
        h.bars += new_bar


def look_out(run: Any, orders: Any, held: Any, symbols: Any, scratch: Any) -> None:
    """What the next ticks must be looked at for: prices that reach an order, positions whose exits may act."""
    run.resting = run.unsteady = 0
    for s in range(run.symbols):
        symbol = symbols[s]
        if symbol.orders == 0:
            continue
        run.resting += symbol.orders
        symbol.below, symbol.above, symbol.deadline = -inf, inf, NEVER
        j = symbol.head
        while j != NONE:
            o = orders[j]
            if o.in_book == 1:
                symbol.below = max(symbol.below, o.below)
                symbol.above = min(symbol.above, o.above)
                symbol.deadline = min(symbol.deadline, o.deadline)
            j = o.next
    for n in range(run.holds):
        h = held[scratch[1, n]]
        if h.steady == 0:
            run.unsteady += 1


def broker_sees(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    row_at: Any, columns: Any, kinds: Any, places: Any, rows: Any, bars: Any, bar_times: Any, quotes: Any,
    quote_times: Any, paid: Any, begin: int, end: int,
) -> None:  # fmt: skip
    """Fill what the events fill. Bars come before quotes: they cover the time before the quote. What a market settled
    at ends every order and position in it."""
    quoted = settled = False
    for e in range(begin, end):
        s = places[e]
        if s == NONE:
            continue
        symbol = symbols[s]
        sync(run, symbols, row_at, columns, s)
        if kinds[e] == QUOTE:
            quoted = True
        elif kinds[e] != BAR and paid[rows[e]] != NEVER:
            settled = True
        if kinds[e] != BAR:
            continue
        r = rows[e]
        symbol.close = bars[r, 3]
        symbol.barred = run.t
        if symbol.orders > 0 and touches(orders, symbol, bars[r], bar_times[r, 0] + bar_times[r, 1] * NANOS):
            match_bar(
                run, orders, held, symbols, values, order_values, lists, scratch, log, s, bars[r], bar_times[r, 0],
                bar_times[r, 1],
            )  # fmt: skip
    for e in range(begin, end if quoted else begin):
        if kinds[e] != QUOTE or places[e] == NONE:
            continue
        symbol, r = symbols[places[e]], rows[e]
        symbol.quoted, symbol.quote_bid, symbol.quote_ask = 1, quotes[r, 0], quotes[r, 2]
        if symbol.orders > 0 and symbol.barred != run.t:
            match_quote(
                run, orders, held, symbols, values, order_values, lists, scratch, log, places[e], quotes[r],
                quote_times[r],
            )  # fmt: skip
    for e in range(begin, end if settled else begin):
        if kinds[e] != BAR and kinds[e] != QUOTE and places[e] != NONE and paid[rows[e]] != NEVER:
            pay_out(run, orders, held, symbols, lists, scratch, log, places[e], paid[rows[e]])


def touches(orders: Any, symbol: Any, bar: Any, end_ns: int) -> bool:
    """Whether a bar reaches any order of its symbol."""
    j = symbol.head
    while j != NONE:
        o = orders[j]
        if o.in_book == 1 and (bar[2] <= o.below or bar[1] >= o.above or end_ns >= o.deadline):
            return True
        j = o.next
    return False


def take_in(
    run: Any, held: Any, symbols: Any, scratch: Any, kinds: Any, places: Any, rows: Any, bars: Any, quotes: Any,
    begin: int,
    end: int,
) -> int:  # fmt: skip
    """Apply the events; the symbols that they concern stand in ``scratch[9]``. Returns how many.

    A tick at which nothing happened concerns all: time has passed.
    """
    if begin == end:
        for s in range(run.symbols):
            scratch[9, s] = s
        return int(run.symbols)
    count = 0
    for e in range(begin, end):
        s = places[e]
        if s == NONE:
            continue
        symbol = symbols[s]
        if kinds[e] == BAR:
            symbol.bar_seen = 1
            symbol.last = bars[rows[e], 3]
            if run.holds > 0:
                mark_bar(run, held, scratch, s, bars[rows[e]])
        elif kinds[e] == QUOTE:
            symbol.bid, symbol.ask = quotes[rows[e], 0], quotes[rows[e], 2]
            mid = (symbol.bid + symbol.ask) / 2.0
            if symbol.bar_seen == 0 and mid == mid:
                symbol.last = mid
            if run.holds > 0 and symbol.bar_seen == 0 and symbol.last == symbol.last:
                mark(run, held, scratch, s, symbol.last, symbol.last, symbol.last, 0)
                run.peak = max(run.peak, equity(run, held, scratch))
        count = insert(scratch, count, s)
    return count


def insert(scratch: Any, count: int, s: int) -> int:
    """Keep the symbols of a tick in the plan's order, each once."""
    at = count
    while at > 0 and scratch[9, at - 1] > s:
        at -= 1
    if at > 0 and scratch[9, at - 1] == s:
        return count
    for n in range(count, at, -1):
        scratch[9, n] = scratch[9, n - 1]
    scratch[9, at] = s
    return count + 1


def turn(
    run: Any, held: Any, symbols: Any, scratch: Any, packs: Any, combo_of: Any, counted: Any, flag: int
) -> None:
    """A new day, or session windows that open or close."""
    if flag & NEW_DAY:
        for s in range(run.symbols):
            symbols[s].entries = 0
        run.entries_today = 0
        run.entered_today = 0.0
        run.version += 1
        run.realised_at_day = run.realised
        run.equity_at_day = equity(run, held, scratch)
    if flag & WINDOWS_MOVED:
        for p in range(run.packs):
            before = combo_of[p, run.t - 1] if run.t > 0 else packs[p].closed
            if combo_of[p, run.t] != before:
                for s in range(run.symbols):
                    counted[p, s] = 0


def bring_up(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, lists: Any, scratch: Any, watches: Any, days: Any,
    day_of: Any, settings: Any, combo_of: Any, row_at: Any, pending: Any, columns: Any, stretches: Any, code: Any,
    pool: Any, v: Any, state: Any, marks: Any, touched: int,
) -> bool:  # fmt: skip
    """Bring the symbols up to date that rules look at now; whether any strategy may want to enter.

    ``run.looked``: how many symbols then stand in ``scratch[9]``.
    """
    candidates = False
    for n in range(touched):
        s = scratch[9, n]
        candidates = candidates or marks[s, row_at[s, run.local + 1] // 2] != 0
    count = touched
    for n in range(run.holds):
        count = insert(scratch, count, held[scratch[1, n]].symbol)
    run.looked = count
    for n in range(count):
        s = scratch[9, n]
        own = row_at[s, run.local + 1] % 2 == 1
        candidates = candidates or (symbols[s].every == 1 and not own)
    for n in range(count):
        s = scratch[9, n]
        sync(run, symbols, row_at, columns, s)
        if candidates or symbols[s].held > 0:
            bring_up_to_date(
                run, orders, held, symbols, values, lists, scratch, watches, days, day_of, settings, combo_of, row_at,
                pending, columns, stretches, code, pool, v, state, s,
            )  # fmt: skip
    return candidates


def wanted(
    run: Any, lists: Any, intervals: Any, watch: Any, v: Any, own: bool, event: int, signal: int, s: int
) -> bool:
    """Whether a strategy's conditions are all true and its trigger came."""
    for m in range(watch.conditions_begin, watch.conditions_end):
        if v[lists[m, 0]] != 1.0:
            return False
    if watch.kind == ON_BAR:
        came = own and event & watch.bits != 0
    elif watch.kind == ON_EVERY:
        number = run.now // (watch.seconds * NANOS)
        came = intervals[watch.strategy, s] != number
        intervals[watch.strategy, s] = number
    else:
        came = own and signal & watch.bits != 0
    return came and (watch.universe == NONE or v[watch.universe] == 1.0)
