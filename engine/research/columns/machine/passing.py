"""Over the ticks at which nothing can happen, in a loop of a few instructions."""

from __future__ import annotations

from typing import Any

from engine.research.columns.machine.account import equity
from engine.research.columns.machine.events import mark_bar, open_until_of
from engine.research.columns.machine.layout import EXITS, MAY_ENTER, MAY_EXIT, NEVER, NONE

NANOS = 1_000_000_000
BAR, QUOTE = 0, 1  # kinds of events, as in engine.market.columns


def skip(
    run: Any, held: Any, symbols: Any, scratch: Any, watches: Any, row_at: Any, pending: Any, marks: Any, times: Any,
    first: Any, kinds: Any, places: Any,
    rows: Any, bars: Any, bar_times: Any, paid: Any, flags: Any, stops: Any, curve: Any, t: int, begin: int, end: int,
) -> int:  # fmt: skip
    """Pass the ticks at which no rule can act, no order is reached and no day begins; the first that is left."""
    if run.unsteady > 0:
        return t
    if run.holds == 0 and run.resting == 0:
        worth = run.cash_float
        while t < end and stops[t - begin] & MAY_ENTER == 0 and flags[t] == 0:
            curve[t - begin] = worth
            t += 1
        return t
    while t < end and flags[t] == 0:
        if stops[t - begin] != 0:
            if stops[t - begin] & MAY_EXIT != 0 and may_exit(run, held, scratch, row_at, marks, t - begin):
                return t
            if stops[t - begin] & MAY_ENTER != 0 and not shut(
                held, symbols, watches, row_at, marks, kinds, places, first[t], first[t + 1], t - begin
            ):
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
        for n in range(run.holds):
            if overdue(symbols, row_at, pending, held[scratch[1, n]].symbol, t - begin, times[t]):
                return t
        if run.holds > 0:
            for e in range(first[t], first[t + 1]):
                if kinds[e] == BAR and places[e] != NONE:
                    mark_bar(run, held, scratch, places[e], bars[rows[e]], bar_times[rows[e]])
        curve[t - begin] = equity(run, held, scratch)
        run.peak = max(run.peak, curve[t - begin])
        t += 1
    return t


def overdue(symbols: Any, row_at: Any, pending: Any, s: int, local: int, now: int) -> bool:
    """Whether a higher bar of a symbol, whose own event this is not, is over, and strategies may wait for it: what is
    held is looked at at every tick."""
    at = row_at[s, local + 1]
    return bool(at % 2 == 0 and symbols[s].watches_begin < symbols[s].watches_end and pending[s, at // 2] <= now)


def may_exit(run: Any, held: Any, scratch: Any, row_at: Any, marks: Any, local: int) -> bool:
    """Whether the exits of a position may act at a tick."""
    for n in range(run.holds):
        s = held[scratch[1, n]].symbol
        if marks[s, row_at[s, local + 1] // 2] & EXITS != 0:
            return True
    return False


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
        if t == start and h.opened_ns > open_until_of(bar_times[r]):
            break
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
