"""What a market paid ends every order and position in it: ``connectors.paper.broker`` and ``account``."""

from __future__ import annotations

from typing import Any

from engine.research.columns.machine.account import MOST, close_position_of, move_position
from engine.research.columns.machine.layout import FILLED_AT, LOG_FILL, NONE, TOO_LARGE
from engine.research.columns.machine.resting import end_order, note


def pay_out(
    run: Any, orders: Any, held: Any, symbols: Any, lists: Any, scratch: Any, log: Any, s: int, value: int
) -> None:
    """A market settled at ``value`` (1e-4 a unit): its orders end, its positions are paid out without a fee."""
    j = symbols[s].head
    while j != NONE:
        if orders[j].in_book == 1:
            end_order(run, orders, symbols, scratch[0], j)
        j = orders[j].next
    for n in range(run.strategies):
        key = lists[run.by_name + n, 0] * run.symbols + s
        if held[key].position != 0:
            pay_position(run, orders, held, symbols, lists, scratch, log, key, value)


def pay_position(
    run: Any, orders: Any, held: Any, symbols: Any, lists: Any, scratch: Any, log: Any, key: int, value: int
) -> None:
    """One position is over."""
    h = held[key]
    quantity = h.position
    h.position = 0
    run.fills += 1
    at = note(run, log, LOG_FILL, 0, abs(quantity), value, 0, run.t, 0)
    log[at, 7], log[at, 8], log[at, 9] = h.strategy, h.symbol, -1 if quantity > 0 else 1
    log[at, FILLED_AT] = run.now
    run.cash += quantity * value * run.price_money
    if abs(run.cash) > MOST:
        run.status = TOO_LARGE
    run.cash_float = run.cash / run.money_float
    move_position(run, h, -quantity, value, 0, run.now)
    h.amount = 0.0
    close_position_of(run, orders, held, symbols, lists, scratch, key)
