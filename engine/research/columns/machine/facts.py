"""What rules read of positions, of the account and of the clock; and bringing a symbol's values up to date."""

from __future__ import annotations

from math import nan
from typing import Any

from engine.research.columns.machine.account import equity, resting_stop, resting_target
from engine.research.columns.machine.costs import exposure, ordered, owed
from engine.research.columns.machine.layout import NONE, STALE, TOO_LARGE
from engine.research.columns.machine.nodes import compute
from engine.research.columns.machine.numbers import seconds_between

NANOS = 1_000_000_000


def position_fact(run: Any, orders: Any, symbols: Any, h: Any, which: int) -> float:
    """By the order of ``tables.POSITION_FACTS``."""
    if which == 0:
        return 1.0
    if which == 1:
        return float(abs(h.amount))
    if which == 2:
        return 1.0 if h.quantity > 0 else 0.0
    if which == 3:
        return float(h.entry)
    if which < 7:
        gain = (h.last - h.entry) * (1 if h.quantity >= 0 else -1)
        if which == 4:
            return float(gain)
        if which == 5:
            return gain / h.entry if h.entry != 0.0 else nan
        return float(gain * abs(h.amount))
    if which == 7:
        return seconds_between(run, h.opened_ns, run.now)
    if which == 8:
        return float(h.bars)
    if which == 9:
        return float(h.high)
    if which == 10:
        return float(h.low)
    if which == 11:
        return resting_stop(run, orders, symbols, h)
    return resting_target(run, orders, symbols, h)


def account_fact(run: Any, orders: Any, held: Any, symbols: Any, scratch: Any, s: int, which: int) -> float:
    """By the order of ``tables.ACCOUNT_FACTS``."""
    symbol = symbols[s]
    if which == 0:
        return float(run.holds)
    if which == 1:
        return float(symbol.held)
    if which == 2:
        return float(run.pendings)
    if which == 3:
        return float(symbol.pendings)
    if which == 4:
        return float(run.entries_today)
    if which == 5:
        return float(symbol.entries)
    if which == 6:
        free = run.cash - owed(run, held, symbols, scratch) * (run.money // run.unit)
        return float(free / run.money_float) - ordered(run, orders, symbols, NONE, NONE)
    if which == 9:
        moved = run.realised - run.realised_at_day
        if abs(moved) > 9_007_199_254_740_992:
            run.status = TOO_LARGE
        return float(moved / run.money_float)
    if which == 12:
        return float(run.entered_today + ordered(run, orders, symbols, NONE, NONE))
    if which == 13:
        return exposure(run, orders, held, symbols, scratch, NONE, NONE)
    if which == 14:
        return exposure(run, orders, held, symbols, scratch, s, NONE)
    if which == 15:
        return exposure(run, orders, held, symbols, scratch, NONE, symbol.event)
    worth = equity(run, held, scratch)
    if which == 7:
        return worth
    if which == 8:
        return float(worth - run.equity_at_day)
    if which == 10:
        return float(worth - run.initial)
    return 1.0 - worth / run.peak if run.peak > 0 else nan


def clock_fact(run: Any, day: Any, which: int) -> float:
    """By the order of ``engine.decide.clock.NAMES``."""
    now = run.now
    if which == 0:
        return seconds_of_epoch(now)
    if which == 1:
        return (now - day.begin) / 1e9
    if which == 2:
        return float(day.ordinal)
    if which == 3:
        return float(day.weekday)
    if day.has_session == 0 or not day.opens < now <= day.closes:
        return 0.0 if which == 4 else nan
    if which == 4:
        return 1.0
    if which == 5:
        return float(day.session_ordinal)
    if which == 6:
        return (now - day.opens) / 60e9
    return (day.closes - now) / 60e9


def seconds_of_epoch(now: int) -> float:
    """Nanoseconds to seconds, rounded once: the whole seconds are exact, and so is what is left."""
    whole, left = now // NANOS, now % NANOS
    if left == 0:
        return float(whole)
    return rounded_sum(float(whole), left)


def rounded_sum(whole: float, left: int) -> float:
    """``whole + left / 1e9``, as one rounding of the exact value would give it."""
    near = whole + left / 1e9
    step = 2.0**-22  # between 2**30 and 2**31 seconds doubles are that far apart
    best, best_off = near, abs((near - whole) * 1e9 - left)
    for other in (near - step, near + step):
        off = abs((other - whole) * 1e9 - left)
        if off < best_off:
            best, best_off = other, off
    return best


def write_position(
    run: Any, orders: Any, symbols: Any, held: Any, values: Any, lists: Any, v: Any, key: int, facts_begin: int,
    facts_end: int, entries_begin: int, entries_end: int,
) -> None:  # fmt: skip
    """Facts of one strategy's position, or of being flat, into one program's slots."""
    there = key != NONE and held[key].open == 1
    for m in range(facts_begin, facts_end):
        which = lists[m, 1]
        if there:
            v[lists[m, 0]] = position_fact(run, orders, symbols, held[key], which)
        else:
            v[lists[m, 0]] = 0.0 if which < 2 else nan
    for m in range(entries_begin, entries_end):
        known = there and held[key].values == 1
        v[lists[m, 0]] = values[key, lists[m, 1]] if known else nan


def write_account(
    run: Any, orders: Any, held: Any, symbols: Any, lists: Any, scratch: Any, v: Any, s: int
) -> None:
    """Facts of the account, for one symbol."""
    symbol = symbols[s]
    symbol.version = run.version
    for m in range(symbol.account_begin, symbol.account_end):
        v[lists[m, 0]] = account_fact(run, orders, held, symbols, scratch, s, lists[m, 1])


def bring_up_to_date(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, lists: Any, scratch: Any, watches: Any, days: Any,
    day_of: Any, settings: Any, combo_of: Any, row_at: Any, pending: Any, columns: Any, stretches: Any, code: Any,
    pool: Any, v: Any, state: Any, s: int,
) -> None:  # fmt: skip
    """The values of one symbol as of now: what its columns say, the clock, the account, and what hangs on them.

    Of what was brought up at this tick already only the account can have moved: by orders of other symbols.
    """
    symbol = symbols[s]
    if symbol.computed == run.t:
        if symbol.version != run.version and symbol.account_begin < symbol.account_end:
            write_account(run, orders, held, symbols, lists, scratch, v, s)
            compute(run, symbol.late_begin, symbol.late_end, stretches, code, pool, v, state)
        return
    symbol.computed = run.t
    at = row_at[s, run.local + 1]
    row, own = at // 2, at % 2
    if own == 0 and (symbol.remembers == 1 or pending[s, row] <= run.now):
        run.status = STALE
    for m in range(symbol.loads_begin, symbol.loads_end):
        v[lists[m, 0]] = columns[lists[m, 1], row]
    if symbol.clock_begin < symbol.clock_end:
        day = days[day_of[symbol.calendar, run.t]]
        for m in range(symbol.clock_begin, symbol.clock_end):
            v[lists[m, 0]] = clock_fact(run, day, lists[m, 1])
    for m in range(symbol.moved_begin, symbol.moved_end):
        of_pack = lists[run.setting_packs + lists[m, 1], 0]
        v[lists[m, 0]] = settings[combo_of[of_pack, run.t], lists[m, 1]]
    write_account(run, orders, held, symbols, lists, scratch, v, s)
    for w in range(symbol.watches_begin, symbol.watches_end):
        watch = watches[w]
        if watch.feeding == 1:
            write_position(
                run, orders, symbols, held, values, lists, v, watch.held, watch.facts_begin, watch.facts_end,
                watch.entries_begin, watch.entries_end,
            )  # fmt: skip
    compute(run, symbol.late_begin, symbol.late_end, stretches, code, pool, v, state)


def sync(run: Any, symbols: Any, row_at: Any, columns: Any, s: int) -> None:
    """What the market of a symbol was before this tick; ticks at which nothing could happen have been passed over."""
    symbol = symbols[s]
    if symbol.synced == run.t:
        return
    symbol.synced = run.t
    row = row_at[s, run.local] // 2
    symbol.last = columns[symbol.last_column, row]
    symbol.close = columns[symbol.close_column, row]
    symbol.bar_seen = 1 if symbol.close == symbol.close else 0
    if symbol.bid_column != NONE:
        symbol.quoted = 1
        symbol.bid = symbol.quote_bid = columns[symbol.bid_column, row]
        symbol.ask = symbol.quote_ask = columns[symbol.ask_column, row]
