"""What the events of a tick do: to orders, to positions, and to what the next ticks must be looked at for."""

from __future__ import annotations

from math import inf
from typing import Any

from engine.market.events import OPEN_SHARE
from engine.research.columns.machine.facts import sync
from engine.research.columns.machine.layout import NEVER, NONE
from engine.research.columns.machine.matching import match_bar, match_quote
from engine.research.columns.machine.settlement import pay_out

NANOS = 1_000_000_000
BAR, QUOTE = 0, 1  # kinds of events, as in engine.market.columns


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
    run: Any, held: Any, symbols: Any, scratch: Any, kinds: Any, places: Any, rows: Any, bars: Any, bar_times: Any,
    quotes: Any, begin: int, end: int,
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
                mark_bar(run, held, scratch, s, bars[rows[e]], bar_times[rows[e]])
        elif kinds[e] == QUOTE:
            symbol.bid, symbol.ask = quotes[rows[e], 0], quotes[rows[e], 2]
            mid = (symbol.bid + symbol.ask) / 2.0
            if symbol.bar_seen == 0 and mid == mid:
                symbol.last = mid
            if run.holds > 0 and symbol.bar_seen == 0 and symbol.last == symbol.last:
                mark(run, held, scratch, s, symbol.last)
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


def mark_bar(run: Any, held: Any, scratch: Any, s: int, bar: Any, bar_time: Any) -> None:
    """Positions take note of a bar. Of one inside which they were opened only the close is known to come after."""
    close, open_until = bar[3], open_until_of(bar_time)
    for n in range(run.holds):
        h = held[scratch[1, n]]
        if h.symbol != s:
            continue
        h.last = close
        h.high = max(h.high, bar[1] if h.opened_ns <= open_until else close)
        h.low = min(h.low, bar[2] if h.opened_ns <= open_until else close)
        h.bars += 1


def open_until_of(bar_time: Any) -> int:
    """The last instant that counts as at the open of a bar."""
    return int(bar_time[0] + bar_time[1] * NANOS // OPEN_SHARE)


def mark(run: Any, held: Any, scratch: Any, s: int, last: float) -> None:
    """The price moved; positions in the symbol take note."""
    for n in range(run.holds):
        h = held[scratch[1, n]]
        if h.symbol == s:
            h.last = last
            h.high = max(h.high, last)
            h.low = min(h.low, last)


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
