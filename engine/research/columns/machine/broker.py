"""What is wanted goes to the broker: admission, cancels and changes, as ``connectors.paper.broker`` takes them."""

from __future__ import annotations

from typing import Any

from engine.research.columns.machine.account import settle
from engine.research.columns.machine.costs import owed
from engine.research.columns.machine.layout import (
    ENTRY,
    LOG_CANCEL,
    LOG_DECISION,
    LOG_ORDER,
    LOG_REPLACE,
    MARKET_ORDER,
    NONE,
    TOO_FINE,
    TOO_LARGE,
)
from engine.research.columns.machine.numbers import decimals
from engine.research.columns.machine.resting import arm, end_order, waits

LARGEST = 4e18
DOUBT = 1e-9  # of the amounts: closer than that, floats do not say which is more


def carry_out(
    run: Any, orders: Any, held: Any, symbols: Any, lists: Any, scratch: Any, log: Any, state: Any, begin: int
) -> None:
    """Send the actions of all decisions noted from row ``begin`` on, in their order."""
    end = run.logged
    for row in range(begin, end):
        if log[row, 0] != LOG_DECISION:
            continue
        at = log[row, 7]
        while at < log[row, 8]:
            at = one(run, orders, held, symbols, scratch, log, at, log[row, 8])
            settle(run, orders, held, symbols, state, lists, scratch)


def one(run: Any, orders: Any, held: Any, symbols: Any, scratch: Any, log: Any, at: int, end: int) -> int:
    """Send one action; returns the row after it."""
    if log[at, 0] == LOG_ORDER:
        last = at + 2
        while last < end and log[last, 0] == LOG_ORDER and log[last, 11] == 0:
            last += 2
        place(run, orders, held, symbols, scratch, log, at, last)
        return last
    if log[at, 0] == LOG_CANCEL:
        last = at
        while last < end and log[last, 0] == LOG_CANCEL and (last == at or log[last, 3] == 0):
            i = log[last, 2]
            if orders[i].in_book == 1 and orders[i].number == log[last, 1]:
                end_order(run, orders, symbols, scratch[0], i)
            last += 1
        return last
    if log[at, 0] == LOG_REPLACE:
        i = log[at, 2]
        if orders[i].in_book == 1 and orders[i].number == log[at, 1]:
            replace(run, symbols, orders[i], log[at, 3])
    return at + 1


def place(
    run: Any, orders: Any, held: Any, symbols: Any, scratch: Any, log: Any, begin: int, end: int
) -> None:
    """Take an entry with its legs, or one order alone, whole or not at all."""
    taken = True
    for row in range(begin, end, 2):
        taken = taken and admitted(run, orders, held, symbols, scratch, orders[log[row, 2]])
    for row in range(begin, end, 2):
        i = log[row, 2]
        o = orders[i]
        if not taken:
            scratch[0, run.ended] = i
            run.ended += 1
            continue
        o.in_book = 1
        symbols[o.symbol].orders += 1
        o.total = o.quantity
        o.remaining = 0 if o.parent != 0 else o.quantity
        o.at_market = 1 if o.type == MARKET_ORDER else 0
        o.placed_ns, o.from_ns = run.now, run.now + run.latency
        o.reserve = o.limit if o.limit != 0.0 else o.stop if o.stop != 0.0 else last_price(symbols[o.symbol])
        arm(o)


def last_price(symbol: Any) -> float:
    """The last one that the broker knows; NaN without any."""
    if symbol.close == symbol.close or symbol.quoted == 0:
        return float(symbol.close)
    return float(symbol.quote_ask if symbol.quote_ask == symbol.quote_ask else symbol.quote_bid)


def admitted(run: Any, orders: Any, held: Any, symbols: Any, scratch: Any, o: Any) -> bool:
    """Whether an order is whole lots on the grid of a known market, and can be paid."""
    symbol = symbols[o.symbol]
    if o.quantity <= 0 or o.quantity % symbol.lot != 0 or symbol.tradable == 0:
        return False
    for price in (o.limit_nanos, o.stop_nanos):
        if price != NONE and (price <= 0 or price % symbol.tick != 0):
            return False
    last = last_price(symbol)
    if last != last:
        return False
    price = o.limit if o.limit != 0.0 else o.stop if o.stop != 0.0 else last
    if o.leg != ENTRY or run.cash_check == 0 or cash_of(symbol, o.side, price) == 0.0:
        return True
    return can_pay(run, orders, held, symbols, scratch, o, price)


def cash_of(symbol: Any, side: int, price: float) -> float:
    """Cash that a unit takes: to sell a contract that pays $1 is to buy NO; selling anything else takes none."""
    if side > 0:
        return price
    return 1.0 - price if symbol.binary == 1 else 0.0


def can_pay(run: Any, orders: Any, held: Any, symbols: Any, scratch: Any, o: Any, price: float) -> bool:
    """Whether the cash that is free covers an entry. Entries that rest keep their part back, and contracts that were
    sold the dollar that they may have to pay."""
    cost = cash_of(symbols[o.symbol], o.side, price) * (o.quantity / run.unit_float)
    cost += fee_most(run, symbols[o.symbol], o.quantity)
    free = run.cash_float - owed(run, held, symbols, scratch) / run.unit_float
    for s in range(run.symbols):
        symbol = symbols[s]
        j = symbol.head
        while j != NONE and symbol.orders > 0:
            w = orders[j]
            each = cash_of(symbol, w.side, w.reserve)
            if w.in_book == 1 and w.leg == ENTRY and each != 0.0:
                kept = w.remaining / run.unit_float * each + fee_most(run, symbol, w.filled + w.remaining)
                free -= kept - w.fee / run.money_float
            j = w.next
    if abs(cost - free) > DOUBT * (abs(cost) + abs(run.cash_float) + 1.0):
        return bool(cost <= free)
    return exactly(run, orders, held, symbols, scratch, o, price)


def exactly(run: Any, orders: Any, held: Any, symbols: Any, scratch: Any, o: Any, price: float) -> bool:
    """The same in integers, for the case that floats cannot tell."""
    symbol = symbols[o.symbol]
    free = run.cash - owed(run, held, symbols, scratch) * (run.money // run.unit)
    free -= cash_units(run, o.side, price, o.quantity) + fee_units(run, symbol, o.quantity)
    for s in range(run.symbols):
        symbol = symbols[s]
        j = symbol.head
        while j != NONE and symbol.orders > 0:
            w = orders[j]
            if w.in_book == 1 and w.leg == ENTRY and cash_of(symbol, w.side, w.reserve) != 0.0:
                kept = cash_units(run, w.side, w.reserve, w.remaining)
                free -= kept + fee_units(run, symbol, w.filled + w.remaining) - w.fee
            j = w.next
    return bool(free >= 0)


def cash_units(run: Any, side: int, price: float, quantity: int) -> int:
    """``cash_of`` a quantity, as money, where it is not zero."""
    taken = amount(run, price, quantity)
    return taken if side > 0 else quantity * (run.money // run.unit) - taken


def amount(run: Any, price: float, quantity: int) -> int:
    """Price times quantity as money; gives up where that is no whole number of its smallest part."""
    scale = decimals(price)
    if scale == 0 or price * scale * quantity * run.money_float > LARGEST:
        run.status = TOO_FINE
        return 0
    top, bottom = round(price * scale) * quantity * run.money, scale * run.unit
    if top % bottom != 0:
        run.status = TOO_FINE
    return int(top // bottom)


def fee_units(run: Any, symbol: Any, quantity: int) -> int:
    if symbol.binary == 0:
        return int(max(run.fee_least, run.fee_unit * quantity))
    if float(symbol.rate) * quantity * run.money_float > LARGEST:
        run.status = TOO_LARGE
        return 0
    top, bottom = symbol.rate * quantity * run.money, symbol.rate_scale * run.unit * 4
    if top % bottom != 0:
        run.status = TOO_FINE
    return int(top // bottom)


def fee_most(run: Any, symbol: Any, quantity: int) -> float:
    """What an order pays for ``quantity`` in all (money); of contracts the most that it can be."""
    if symbol.binary == 0:
        return max(run.fee_least, run.fee_unit * quantity) / run.money_float
    return symbol.rate / symbol.rate_scale * (quantity / run.unit_float) / 4


def replace(run: Any, symbols: Any, o: Any, stop: int) -> None:
    """Move a stop; a change that cannot be made leaves the order as it is."""
    if waits(o) and stop > 0 and stop % symbols[o.symbol].tick == 0:
        o.stop_nanos, o.stop = stop, stop / 1e9
        o.placed_ns = max(o.placed_ns, run.now)
        arm(o)
