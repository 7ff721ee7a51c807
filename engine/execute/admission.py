"""Which orders the live broker takes, and the words with which it refuses the others before they are written down."""

from __future__ import annotations

from engine.execute.accounts import Accounts
from engine.market.instrument import Instrument
from engine.market.intents import IntentState
from engine.market.orders import Leg, Order


def refusal(order: Order, instrument: Instrument | None, accounts: Accounts, hold: str) -> str:
    """Why an order is not even written down; empty when it is. ``hold``: why no entry may go out."""
    if instrument is None or not instrument.tradable:
        return f"{order.symbol} cannot be traded here"
    if order.client_id in accounts.intents_ever:
        return f"client id {order.client_id} was used before"
    if order.quantity <= 0 or order.quantity % instrument.lot_size != 0:
        return f"quantity {order.quantity} is not a whole number of lots of {instrument.lot_size}"
    if order.limit is not None and (
        instrument.on_grid(order.limit) != order.limit or instrument.within(order.limit) != order.limit
    ):
        return f"price {order.limit} is not on the venue's grid"
    if order.leg is Leg.ENTRY:
        return hold or _doubt_in(order.symbol, accounts)
    return ""


def _doubt_in(symbol: str, accounts: Accounts) -> str:
    """An order of unknown fate may still become a position: nothing new until it is settled."""
    intents = (i for strategy in accounts.strategies_in(symbol) for i in accounts.open_in(strategy, symbol))
    doubtful = [a for i in intents for a in i.working if a.life.state is IntentState.UNKNOWN]
    return f"what became of order {doubtful[0].wire.client_id} is not known yet" if doubtful else ""
