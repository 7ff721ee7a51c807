"""What can be traded, and on which grid."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import NamedTuple


class InstrumentKind(StrEnum):
    """Only an index can never be ordered; it has no volume and no quotes of its own."""

    EQUITY = "equity"
    INDEX = "index"
    BINARY = "binary"


class PriceBand(NamedTuple):
    """Prices from ``start`` to ``end`` in steps of ``step``, money per unit."""

    start: Decimal
    end: Decimal
    step: Decimal


@dataclass(frozen=True, slots=True)
class Instrument:
    """One listed thing. ``tick_size`` is money per unit, ``lot_size`` units.

    ``bands``: adjoining price bands in rising order where the step depends on the price; ``tick_size`` is then the
    smallest step. ``lowest``, ``highest``: the least and the greatest price of an order, where there is one.
    ``event``: what it settles on, where several instruments settle on the same; they are one bet.
    """

    symbol: str
    kind: InstrumentKind = InstrumentKind.EQUITY
    tick_size: Decimal = Decimal("0.01")
    lot_size: Decimal = Decimal("1")
    calendar: str = "XNYS"
    bands: tuple[PriceBand, ...] = ()
    lowest: Decimal | None = None
    highest: Decimal | None = None
    event: str = ""

    @property
    def tradable(self) -> bool:
        return self.kind is not InstrumentKind.INDEX

    def unit_cost(self, buys: bool, price: float) -> float:
        """Money that one unit of an entry ties up: its price, and for a contract that is sold, which buys its other
        side, $1 less the price."""
        return 1.0 - price if self.kind is InstrumentKind.BINARY and not buys else price

    def on_grid(self, price: Decimal, rounding: str = ROUND_HALF_EVEN) -> Decimal:
        """``price`` on the instrument's grid, rounded as ``round_price`` does; prices beyond its bounds stay beyond."""
        band = next((b for b in self.bands if b.start <= price <= b.end), None)
        if band is None:
            return round_price(price, self.tick_size, rounding)
        return band.start + round_price(price - band.start, band.step, rounding)

    def within(self, price: Decimal) -> Decimal:
        """The nearest price to ``price`` that an order may have as far as its bounds go."""
        if self.lowest is not None and price < self.lowest:
            return self.lowest
        return self.highest if self.highest is not None and price > self.highest else price


def contract(symbol: str, event: str = "") -> Instrument:
    """A contract that pays $1 or nothing, as venues of events list it where nothing else is known of it: a grid of one
    cent, whole contracts, no closing bell."""
    cent = Decimal("0.01")
    return Instrument(
        symbol, InstrumentKind.BINARY, cent, Decimal(1), "24/7", lowest=cent, highest=Decimal(1) - cent, event=event
    )


def round_price(price: Decimal, tick_size: Decimal, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """``price`` on the grid of ``tick_size``; buyers pass ROUND_FLOOR, sellers ROUND_CEILING, to never pay up."""
    steps = (price / tick_size).quantize(Decimal(1), rounding=rounding)
    return (steps or Decimal(0)) * tick_size  # a little below zero is zero, and not minus zero


def round_quantity(quantity: Decimal, lot_size: Decimal) -> Decimal:
    """``quantity`` rounded down to whole lots: rounding never adds risk."""
    return quantity // lot_size * lot_size


__all__ = [
    "ROUND_CEILING",
    "ROUND_FLOOR",
    "Instrument",
    "InstrumentKind",
    "PriceBand",
    "contract",
    "round_price",
    "round_quantity",
]
