"""Tick by tick: ``engine.execute.loop`` with ``engine.decide.tick``."""

from __future__ import annotations

from typing import Any

from engine.research.columns.machine.account import equity, settle
from engine.research.columns.machine.broker import carry_out
from engine.research.columns.machine.entries import enter
from engine.research.columns.machine.events import broker_sees, insert, look_out, take_in
from engine.research.columns.machine.exits import run_exits
from engine.research.columns.machine.facts import bring_up_to_date, sync
from engine.research.columns.machine.layout import (
    EXITS,
    FINE,
    FULL,
    NEW_DAY,
    NONE,
    ON_BAR,
    ON_EVERY,
    STALE,
    WINDOWS_MOVED,
)
from engine.research.columns.machine.passing import overdue, skip

NANOS = 1_000_000_000


def advance(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    watches: Any, entries: Any, exits: Any, guards: Any, packs: Any, bands: Any, days: Any, day_of: Any, refusals: Any,
    limits: Any, settings: Any, combo_of: Any, begun: Any, cooling: Any, intervals: Any, counted: Any, row_at: Any,
    pending: Any, columns: Any, stretches: Any, code: Any, pool: Any, v: Any, state: Any, times: Any, first: Any,
    kinds: Any, places: Any, rows: Any, bars: Any, bar_times: Any, quotes: Any, quote_times: Any, paid: Any, flags: Any,
    stops: Any, marks: Any, events: Any, signals: Any, curve: Any, t: int, begin: int, end: int,
) -> int:  # fmt: skip
    """Go on from tick ``t`` up to ``end``; returns the tick that comes next. ``begin``: the first tick of the chunk, to
    which ``stops``, ``curve`` and ``row_at`` belong. Stops early when ``run.status`` is not FINE.
    """
    while t < end:
        t = skip(
            run, held, symbols, scratch, watches, row_at, pending, marks, times, first, kinds, places, rows, bars,
            bar_times, paid, flags, stops, curve, t, begin, end,
        )  # fmt: skip
        if t >= end:
            break
        changes = run.live * (exits.shape[0] + 1)  # each exit may change or cancel every order that rests
        if run.logged + run.spare_log + changes > log.shape[0] or run.live + run.spare_orders > orders.shape[0]:
            run.status = FULL
            break
        run.t, run.now, run.local = t, times[t], t - begin
        if flags[t] & NEW_DAY:
            new_day(run, held, symbols, scratch)
        broker_sees(
            run, orders, held, symbols, values, order_values, lists, scratch, log, row_at, columns, kinds, places, rows,
            bars, bar_times, quotes, quote_times, paid, first[t], first[t + 1],
        )  # fmt: skip
        if run.ended > 0 or run.closed > 0:
            settle(run, orders, held, symbols, state, lists, scratch)
        touched = take_in(
            run, held, symbols, scratch, kinds, places, rows, bars, bar_times, quotes, first[t], first[t + 1]
        )
        run.peak = max(run.peak, equity(run, held, scratch))
        if flags[t] & WINDOWS_MOVED:
            turn(run, begun, counted)
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
            count = find_wanted(run, symbols, lists, scratch, intervals, watches, v, row_at, events, signals)
            for n in range(count):
                enter(
                    run, orders, held, symbols, values, order_values, lists, scratch, log, watches, entries, exits,
                    guards, packs, bands, days, day_of, refusals, limits, settings, combo_of, cooling, counted, row_at,
                    pending, columns, stretches, code, pool, v, state, scratch[7, n], watches[scratch[7, n]].symbol,
                )  # fmt: skip
        if run.logged > noted:
            carry_out(run, orders, held, symbols, lists, scratch, log, state, noted)
        look_out(run, orders, held, symbols, scratch)
        curve[t - begin] = equity(run, held, scratch)
        t += 1
        if run.status != FINE:
            break
    return t


def new_day(run: Any, held: Any, symbols: Any, scratch: Any) -> None:
    """The figures of a day begin anew, before anything of its first tick is booked."""
    for s in range(run.symbols):
        symbols[s].entries = 0
    run.entries_today = 0
    run.entered_today = 0.0
    run.version += 1
    run.realised_at_day = run.realised
    run.equity_at_day = equity(run, held, scratch)


def turn(run: Any, begun: Any, counted: Any) -> None:
    """Session windows open or close; one that begins counts from nothing."""
    for p in range(run.packs):
        for w in range(counted.shape[1]):
            if begun[p, run.t] >> w & 1:
                for s in range(run.symbols):
                    counted[p, w, s] = 0


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
        candidates = candidates or marks[s, row_at[s, run.local + 1] // 2] & (EXITS - 1) != 0
    count = touched
    for n in range(run.holds):
        count = insert(scratch, count, held[scratch[1, n]].symbol)
    run.looked = count
    for n in range(count):
        s = scratch[9, n]
        own = row_at[s, run.local + 1] % 2 == 1
        candidates = candidates or (symbols[s].every == 1 and not own)
        if symbols[s].held > 0 and overdue(symbols, row_at, pending, s, run.local, run.now):
            run.status = STALE
    for n in range(count):
        s = scratch[9, n]
        sync(run, symbols, row_at, columns, s)
        if candidates or (symbols[s].held > 0 and has_exits(run, held, scratch, s)):
            bring_up_to_date(
                run, orders, held, symbols, values, lists, scratch, watches, days, day_of, settings, combo_of, row_at,
                pending, columns, stretches, code, pool, v, state, s,
            )  # fmt: skip
    return candidates


def has_exits(run: Any, held: Any, scratch: Any, s: int) -> bool:
    """Whether exits are judged of any position in a symbol."""
    for n in range(run.holds):
        h = held[scratch[1, n]]
        if h.symbol == s and h.exits_begin < h.exits_end:
            return True
    return False


def find_wanted(
    run: Any, symbols: Any, lists: Any, scratch: Any, intervals: Any, watches: Any, v: Any, row_at: Any, events: Any,
    signals: Any,
) -> int:  # fmt: skip
    """The watches that want to enter stand in ``scratch[7]``, most urgent first; how many they are."""
    count = 0
    for n in range(run.looked):
        s = scratch[9, n]
        at = row_at[s, run.local + 1]
        own = at % 2 == 1
        for w in range(symbols[s].watches_begin, symbols[s].watches_end):
            if not wanted(run, lists, intervals, watches[w], v, own, events[s, at // 2], signals[s, at // 2], s):
                continue
            place = count
            while place > 0 and watches[scratch[7, place - 1]].priority > watches[w].priority:
                scratch[7, place] = scratch[7, place - 1]
                place -= 1
            scratch[7, place] = w
            count += 1
    return count


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
