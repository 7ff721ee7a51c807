"""What can be traded, and on which grid."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum


class InstrumentKind(StrEnum):
    """Only an index can never be ordered; it has no volume and no quotes of its own."""

    EQUITY = "equity"
    INDEX = "index"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One listed thing. ``tick_size`` is money per unit, ``lot_size`` units."""

    symbol: str
    kind: InstrumentKind = InstrumentKind.EQUITY
    tick_size: Decimal = Decimal("0.01")
    lot_size: Decimal = Decimal("1")
    calendar: str = "XNYS"

    @property
    def tradable(self) -> bool:
        return self.kind is not InstrumentKind.INDEX


def round_price(price: Decimal, tick_size: Decimal, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """``price`` on the grid of ``tick_size``; buyers pass ROUND_FLOOR, sellers ROUND_CEILING, to never pay up."""
    return (price / tick_size).quantize(Decimal(1), rounding=rounding) * tick_size


def round_quantity(quantity: Decimal, lot_size: Decimal) -> Decimal:
    """``quantity`` rounded down to whole lots: rounding never adds risk."""
    return quantity // lot_size * lot_size


__all__ = [
    "ROUND_CEILING",
    "ROUND_FLOOR",
    "Instrument",
    "InstrumentKind",
    "round_price",
    "round_quantity",
]
