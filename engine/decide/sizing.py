"""From the floats of a rule to the Decimals of an order, on the instrument's grid."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from engine.market.instrument import Instrument, round_quantity
from engine.market.orders import Side

_DIGITS = 9  # a float's noise beyond these decimals must not cost a lot or a tick


def decimal(value: float) -> Decimal:
    """The decimal an author would have written for this float."""
    return Decimal(repr(round(float(value), _DIGITS)))


def lots(quantity: float, instrument: Instrument) -> Decimal:
    """Whole lots, rounded down."""
    return round_quantity(decimal(quantity), instrument.lot_size)


def limit_price(price: float, side: Side, instrument: Instrument) -> Decimal:
    """On the grid, rounded so that a limit never pays more or takes less than the rule said."""
    rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
    return instrument.on_grid(decimal(price), rounding)


def stop_price(price: float, instrument: Instrument) -> Decimal:
    """On the grid, to the nearest tick."""
    return instrument.on_grid(decimal(price))
