"""Which orders the paper broker takes, and the words with which it refuses the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from connectors.paper.account import PaperAccount
from connectors.paper.book import Book
from connectors.paper.working import ZERO
from engine.market.instrument import Instrument
from engine.market.orders import Leg, Order, OrderType

_PRICES = {
    OrderType.MARKET: (False, False),
    OrderType.LIMIT: (True, False),
    OrderType.STOP: (False, True),
    OrderType.STOP_LIMIT: (True, True),
}  # whether an order of the type has a limit, a stop


class Admission:
    """Judges orders against instruments, the account and what rests; each refusal is one sentence."""

    def __init__(self, instruments: Mapping[str, Instrument], account: PaperAccount, book: Book) -> None:
        self._instruments, self._account, self._book = instruments, account, book

    def refusals(self, bracket: Sequence[Order], used: set[str], price: Decimal | None) -> list[str]:
        """Why each order of a bracket (an entry with its legs, or one order alone) is refused; empty texts if taken.

        A bracket is taken whole or not at all: an entry without its stop would be unprotected. ``price``: the last
        one known of the symbol.
        """
        taken: set[str] = set()  # of this bracket; `used` holds every order of the run and must not be copied
        reasons = []
        for order in bracket:
            again = order.client_id in used or order.client_id in taken
            reasons.append(self._refusal(order, bracket[0], again, price))
            taken.add(order.client_id)
        if not any(reasons):
            return reasons
        faulty = next(o for o, reason in zip(bracket, reasons, strict=True) if reason)
        return [reason or f"order {faulty.client_id} of its bracket was refused" for reason in reasons]

    def off_grid(self, symbol: str, price: Decimal) -> str:
        """Why a price cannot be used; empty when it can."""
        tick = self._instruments[symbol].tick_size
        return f"price {price} is not on the grid of {tick}" if price <= 0 or price % tick != 0 else ""

    def _refusal(self, order: Order, entry: Order, again: bool, price: Decimal | None) -> str:
        instrument = self._instruments.get(order.symbol)
        if again:
            return f"client id {order.client_id} was used before"
        if instrument is None:
            return f"there is no symbol {order.symbol}"
        if not instrument.tradable:
            return f"{order.symbol} is an index and cannot be ordered"
        if order.quantity <= 0 or order.quantity % instrument.lot_size != 0:
            return f"quantity {order.quantity} is not a whole number of lots of {instrument.lot_size}"
        if order.parent is not None and (order is entry or order.parent != entry.client_id):
            return f"its entry {order.parent} was not placed with it"
        if order.symbol != entry.symbol:
            return f"its entry is of {entry.symbol}"
        return self._price_refusal(order) or self._cash_refusal(order, price)

    def _price_refusal(self, order: Order) -> str:
        has_limit, has_stop = _PRICES[order.type]
        for price, wanted, name in ((order.limit, has_limit, "limit"), (order.stop, has_stop, "stop")):
            if (price is not None) != wanted:
                return f"a {order.type.replace('_', '-')} order {'needs a' if wanted else 'takes no'} {name} price"
            reason = "" if price is None else self.off_grid(order.symbol, price)
            if reason:
                return reason
        return ""

    def _cash_refusal(self, order: Order, price: Decimal | None) -> str:
        if price is None:
            return f"no price of {order.symbol} is known"
        account = self._account
        each = account.cost(order.symbol, order.side, order.limit or order.stop or price)
        if order.leg is not Leg.ENTRY or each == 0 or not account.settings.cash_check:
            return ""
        cost = each * order.quantity + account.fee(order.symbol, order.quantity)
        free = account.cash - account.owed - self._reserved()
        if cost <= free:
            return ""
        return f"it costs {cost:.2f} and {free:.2f} in cash is free"

    def _reserved(self) -> Decimal:
        """What the entries that rest will cost."""
        account = self._account
        total = ZERO
        for w in self._book.orders.values():
            order = w.order
            each = account.cost(order.symbol, order.side, w.reserve)
            if order.leg is Leg.ENTRY and each:
                total += w.remaining * each + account.fee(order.symbol, w.filled + w.remaining) - w.fee
        return total
