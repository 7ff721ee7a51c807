"""A fill, the fees of it and what it does to the orders of its group: ``connectors.paper.book``."""

from __future__ import annotations

from typing import Any

from engine.research.columns.machine.account import book
from engine.research.columns.machine.layout import ENTRY, EXIT, NONE, STOP, TARGET, TOO_LARGE
from engine.research.columns.machine.numbers import fill_price, within
from engine.research.columns.machine.resting import arm, end_order

PRICES_PER_UNIT = 10_000  # fill prices are in 1e-4
ROOMY = 4e18


def fill(
    run: Any, orders: Any, held: Any, symbols: Any, values: Any, order_values: Any, lists: Any, scratch: Any, log: Any,
    i: int, room: int, price: float, filled_ns: int,
) -> int:  # fmt: skip
    """Fill what may fill as of ``filled_ns``, at most ``room`` (NONE: no limit); returns how much did. Its legs come to
    life."""
    o = orders[i]
    ended = scratch[0]
    quantity = o.remaining
    if o.leg != ENTRY:
        against = held[o.strategy * run.symbols + o.symbol].position * -o.side
        quantity = min(quantity, max(against, 0))
    if quantity <= 0:
        end_order(run, orders, symbols, ended, i)
        return 0
    if o.leg == STOP or o.leg == TARGET:
        quantity = beside_exits(run, orders, held, symbols, o, quantity)
    if room != NONE:
        quantity = min(quantity, room)
    if quantity <= 0:
        return 0
    symbol = symbols[o.symbol]
    exact = within(symbol, fill_price(run, price))  # no slippage takes a contract beyond its prices
    o.filled += quantity
    o.remaining -= quantity
    o.fills += 1
    arm(o)
    fee = fee_of_fill(run, o, symbol, quantity, exact)
    o.fee += fee
    held[o.strategy * run.symbols + o.symbol].position += quantity * o.side
    book(run, orders, held, symbols, values, order_values, lists, scratch, log, i, quantity, exact, fee, filled_ns)
    lose_group(run, orders, symbols, ended, i, quantity)
    if o.leg == ENTRY:
        j = symbols[o.symbol].head
        while j != NONE:
            leg = orders[j]
            if leg.in_book == 1 and leg.parent == o.number:
                if leg.remaining <= 0:
                    leg.placed_ns = leg.from_ns = run.now
                leg.remaining = min(leg.remaining + quantity, leg.total - leg.filled)
                arm(leg)
            j = leg.next
    if o.filled >= o.total:
        end_order(run, orders, symbols, ended, i)
    return int(quantity)


def beside_exits(run: Any, orders: Any, held: Any, symbols: Any, o: Any, quantity: int) -> int:
    """Of ``quantity`` what a stop or target may fill now: it is for what is held, less what exits under way are for. A
    stop that was reached waits for no exit that waits for a better price."""
    free = abs(held[o.strategy * run.symbols + o.symbol].position)
    reached = o.leg == STOP and o.at_market == 1
    j = symbols[o.symbol].head
    while j != NONE:
        other = orders[j]
        if other.in_book == 1 and other.leg == EXIT and other.strategy == o.strategy:
            free -= 0 if reached and other.at_market == 0 else other.remaining
        j = other.next
    return int(min(quantity, max(free, 0)))


def lose_group(run: Any, orders: Any, symbols: Any, ended: Any, i: int, quantity: int) -> None:
    """One cancels the other: what one leg fills, the others lose."""
    o = orders[i]
    if o.group == 0:
        return
    j = symbols[o.symbol].head
    while j != NONE:
        other = orders[j]
        if j != i and other.in_book == 1 and other.group == o.group:
            other.total = max(other.total - quantity, other.filled)
            other.remaining = max(other.remaining - quantity, 0)
            arm(other)
            if other.filled >= other.total:
                end_order(run, orders, symbols, ended, j)
        j = other.next


def fee_for(run: Any, quantity: int) -> int:
    """What an order pays for ``quantity`` in all, where fees go by the unit."""
    return max(run.fee_least, run.fee_unit * quantity)


def fee_of_fill(run: Any, o: Any, symbol: Any, quantity: int, exact: int) -> int:
    if symbol.binary == 0:
        return fee_for(run, o.filled) - o.fee
    rest = PRICES_PER_UNIT - exact
    if abs(float(symbol.rate) * quantity * exact * rest) > ROOMY:
        run.status = TOO_LARGE
        return 0
    # rate / scale × quantity / unit × price × (1 − price), in steps of 1e-4 rounded up
    steps = -(-(symbol.rate * quantity * exact * rest) // (symbol.rate_scale * run.unit * PRICES_PER_UNIT))
    return int(steps * (run.money // PRICES_PER_UNIT))
