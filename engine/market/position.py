"""A position of one strategy in one symbol, built from its fills."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.market.orders import Fill, Side

ZERO = Decimal(0)


@dataclass(slots=True)
class Position:
    """Signed ``quantity`` in units (negative is short); ``entry`` is the average price of what is still open.

    ``gross`` is P&L before fees on the closed part, ``fees`` all fees so far; both money.
    """

    strategy: str
    symbol: str
    quantity: Decimal = ZERO
    entry: Decimal = ZERO
    opened_ns: int = 0
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    peak_quantity: Decimal = ZERO

    @property
    def open(self) -> bool:
        return self.quantity != 0

    @property
    def side(self) -> Side:
        return Side.BUY if self.quantity >= 0 else Side.SELL

    def apply(self, fill: Fill) -> Decimal:
        """Book one fill; returns the P&L before fees that it realised (money)."""
        signed = fill.quantity * fill.side.sign
        self.fees += fill.fee
        realised = ZERO
        before = self.quantity
        if before == 0 or (before > 0) == (signed > 0):
            if before == 0:
                self.opened_ns = fill.time_ns
            total = before + signed
            self.entry = (self.entry * before + fill.price * signed) / total
            self.quantity = total
        else:
            closed = min(abs(signed), abs(before))
            direction = 1 if before > 0 else -1
            realised = (fill.price - self.entry) * closed * direction
            self.gross += realised
            self.quantity = before + signed
            if (self.quantity > 0) != (before > 0) and self.quantity != 0:
                # Filled through flat: what is left is a new position at this price.
                self.entry, self.opened_ns = fill.price, fill.time_ns
        self.peak_quantity = max(self.peak_quantity, abs(self.quantity))
        return realised
