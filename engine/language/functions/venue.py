"""What the venue takes, and its price grid: fee, slippage, round_to_tick."""

from __future__ import annotations

import math

from engine.language.catalogue import Example, Function, Parameter
from engine.language.functions.common import ANY_UNKNOWN, NAN, SAME, UNIT_PRICES, series
from engine.language.types import Kind

ROUNDING = 1e-9  # of a tick: closer than this to half way is half way, met through float division
FEE_STEPS = 10_000.0  # to a dollar: such fees are rounded up to a hundredth of a cent
FEE_NOISE = 1e-6  # of a step: what float multiplication adds must not cost one
TOO_MANY = 1e15  # ticks: beyond this a float no longer tells one tick from the next


def fee(price: float, quantity: float, fee_per_unit: float, fee_minimum: float, fee_rate: float) -> float:
    if math.isnan(price + quantity + fee_per_unit + fee_minimum + fee_rate):
        return NAN
    if quantity == 0.0:
        return 0.0
    by_unit = max(abs(quantity) * fee_per_unit, fee_minimum)
    if fee_rate == 0.0:
        return by_unit
    if price < 0.0 or price > 1.0:
        return NAN
    steps = fee_rate * abs(quantity) * price * (1.0 - price) * FEE_STEPS
    if not abs(steps) < TOO_MANY:
        return NAN
    whole = float(math.floor(steps))
    if steps - whole > FEE_NOISE:
        whole += 1.0
    return by_unit + whole / FEE_STEPS


def contract_fee(price: float, fee_rate: float) -> float:
    if not 0.0 <= price <= 1.0:
        return NAN
    return fee_rate * price * (1.0 - price)


def slippage(price: float, slippage_ratio: float) -> float:
    return price * slippage_ratio


def round_to_tick(price: float, tick_size: float) -> float:
    if not tick_size > 0.0:
        return NAN
    ticks = price / tick_size
    if not abs(ticks) < TOO_MANY:
        return NAN
    whole = float(math.floor(ticks))
    over = ticks - whole
    if over > 0.5 + ROUNDING or (over >= 0.5 - ROUNDING and whole % 2.0 == 1.0):
        whole += 1.0
    # A tick of one hundredth is not a float; dividing by 100 gives the float nearest to the decimal price.
    per_unit = 1.0 / tick_size
    if not per_unit < TOO_MANY:
        return whole * tick_size
    ticks_per_unit = float(math.floor(per_unit + 0.5))
    if ticks_per_unit >= 1.0 and abs(per_unit - ticks_per_unit) < ROUNDING * ticks_per_unit:
        return whole / ticks_per_unit
    return whole * tick_size


FUNCTIONS = (
    Function(
        name="fee",
        family="venue",
        parameters=(
            Parameter("price", UNIT_PRICES, "price of the order"),
            Parameter("quantity", (Kind.QUANTITY,), "units of the order, negative for a sale"),
        ),
        result=Kind.MONEY,
        about="What the venue charges for one order that takes; nothing for no units, unknown for a contract whose "
        f"price is not between 0 and 1. {ANY_UNKNOWN}",
        formula="max(|quantity| * venue.fee_per_unit, venue.fee_minimum), and on contracts that pay $1 "
        "venue.fee_rate * |quantity| * price * (1 - price) rounded up to $0.0001",
        source="the venue's settings; Kalshi's fee schedule of February 2026",
        examples=(
            Example(
                "fee(close, 200)",
                {"close": (10.0, None), "venue.fee_per_unit": (0.01, 0.01), "venue.fee_minimum": (1.0, 1.0),
                 "venue.fee_rate": (0.0, 0.0)},
                (2.0, None),
            ),
            Example(
                "fee(close, 5)",
                {
                    "close": (10.0,),
                    "venue.fee_per_unit": (0.01,),
                    "venue.fee_minimum": (1.0,),
                    "venue.fee_rate": (0.0,),
                },
                (1.0,),
            ),
            Example(
                "fee(50c, 10)",
                {"venue.fee_per_unit": (0.0,), "venue.fee_minimum": (0.0,), "venue.fee_rate": (0.07,)},
                (0.175,),
            ),
        ),
        step=fee,
        implicit=("venue.fee_per_unit", "venue.fee_minimum", "venue.fee_rate"),
    ),
    Function(
        name="contract_fee",
        family="venue",
        parameters=(Parameter("price", (Kind.PROBABILITY,), "what the contract costs"),),
        result=Kind.RATIO,
        about="What taking one contract costs in fees, as a share of the $1 that it pays, so that it can be added to a "
        f"price or taken from an edge; before the order's fee is rounded up. {ANY_UNKNOWN} Also unknown outside 0..1.",
        formula="venue.fee_rate * price * (1 - price)",
        source="Kalshi's fee schedule of February 2026",
        examples=(
            Example("contract_fee(50c)", {"venue.fee_rate": (0.07, None)}, (0.0175, None)),
            Example("contract_fee(90c)", {"venue.fee_rate": (0.07,)}, (0.0063,)),
        ),
        step=contract_fee,
        implicit=("venue.fee_rate",),
    ),
    Function(
        name="slippage",
        family="venue",
        parameters=(series("price of the order", UNIT_PRICES),),
        result=SAME,
        about=f"How much worse than the price an order is expected to fill, per unit. {ANY_UNKNOWN}",
        formula="x * venue.slippage_ratio",
        source="the venue's settings",
        examples=(
            Example("slippage(close)", {"close": (50.0, None), "venue.slippage_ratio": (0.001, 0.001)}, (0.05, None)),
        ),
        step=slippage,
        implicit=("venue.slippage_ratio",),
    ),
    Function(
        name="round_to_tick",
        family="venue",
        parameters=(series("the price", UNIT_PRICES),),
        result=SAME,
        about=f"The nearest price on the instrument's grid; half way goes to the even tick. {ANY_UNKNOWN}",
        formula="instrument.tick_size * nearest whole (x / instrument.tick_size)",
        source="IEEE 754 round half to even, as orders are rounded",
        examples=(
            Example(
                "round_to_tick(close)",
                {"close": (10.013, 10.017, 10.015, None), "instrument.tick_size": (0.01, 0.01, 0.01, 0.01)},
                (10.01, 10.02, 10.02, None),
            ),
            Example("round_to_tick(close)", {"close": (10.13,), "instrument.tick_size": (0.25,)}, (10.25,)),
        ),
        step=round_to_tick,
        implicit=("instrument.tick_size",),
    ),
)
