"""What trades cost, from the account's history: Tradier's orders do not tell it.

``commission`` of an event is not all: real answers have it at 0 beside an ``amount`` that is less than price times
quantity by commissions and the fees of exchanges and clearing. What moved is the amount, so that counts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from connectors.tradier.client import TradierRest
from connectors.tradier.listing import is_option
from connectors.tradier.models import NEW_YORK, Entry
from engine.market.events import NANOS
from engine.market.orders import Side
from engine.market.venue import Charge

TRADE = "trade"
CONTRACT = Decimal(100)  # shares of an option


async def read_charges(rest: TradierRest, since_ns: int) -> list[Charge]:
    """The trades of days that are over: the history has no times of day, and of today it may have a part."""
    now_ns = rest.http.clock.now_ns()
    first, today = (datetime.fromtimestamp(ns // NANOS, UTC).astimezone(NEW_YORK).date() for ns in (since_ns, now_ns))
    told = await rest.account_history(first, today)
    return [_charge(entry) for entry in told if entry.type == TRADE and entry.date < today and entry.quantity]


def day_of(time_ns: int) -> str:
    """The day in New York."""
    return datetime.fromtimestamp(time_ns // NANOS, UTC).astimezone(NEW_YORK).date().isoformat()


def _charge(entry: Entry) -> Charge:
    """Whether it was bought is told by where the money went; quantities of sales are below zero, in some answers."""
    size = CONTRACT if is_option(entry.symbol) else Decimal(1)
    side = Side.BUY if entry.amount < 0 else Side.SELL
    quantity = abs(entry.quantity or Decimal(0)) * side.sign
    return Charge(
        entry.date.isoformat(), entry.symbol.replace("/", "."), side, quantity, (entry.price or Decimal(0)) * size,
        entry.amount, entry.commission or Decimal(0),
    )  # fmt: skip
