"""How much to trade: risk_size, complement, kelly, fixed_fractional, notional."""

from __future__ import annotations

import math

from engine.language.catalogue import Example, Function, Parameter
from engine.language.functions.common import ANY_UNKNOWN, NAN, UNIT_PRICES
from engine.language.types import Kind

TOO_MANY = 1e15  # units: beyond this a float no longer tells one unit from the next
ROUNDING = 1e-9  # a share of a unit this close to a whole one is the whole one, met through float division


def risk_size(risk: float, stop_distance: float) -> float:
    if not (risk >= 0.0 and stop_distance > 0.0):
        return NAN
    units = risk / stop_distance
    if not units < TOO_MANY:
        return NAN
    return float(math.floor(units * (1.0 + ROUNDING)))


def complement(probability: float) -> float:
    if not 0.0 <= probability <= 1.0:
        return NAN
    return 1.0 - probability


def kelly(probability: float, price: float) -> float:
    if not (0.0 <= probability <= 1.0 and 0.0 <= price < 1.0):
        return NAN
    return max((probability - price) / (1.0 - price), 0.0)


def blend(probability: float, other: float, weight: float) -> float:
    if not (0.0 < probability < 1.0 and 0.0 < other < 1.0 and 0.0 <= weight <= 1.0):
        return NAN
    odds = (1.0 - weight) * math.log(probability / (1.0 - probability)) + weight * math.log(other / (1.0 - other))
    falling = math.exp(-abs(odds))  # of the odds' size, as the power of what is large would not fit
    return 1.0 / (1.0 + falling) if odds >= 0.0 else falling / (1.0 + falling)


def fixed_fractional(fraction: float, price: float, equity: float) -> float:
    if not (fraction >= 0.0 and price > 0.0) or math.isnan(equity):
        return NAN
    units = max(fraction * equity, 0.0) / price
    if not units < TOO_MANY:
        return NAN
    return float(math.floor(units * (1.0 + ROUNDING)))


def notional(price: float, quantity: float) -> float:
    return abs(price * quantity)


FUNCTIONS = (
    Function(
        name="risk_size",
        family="risk",
        parameters=(
            Parameter("risk", (Kind.MONEY,), "money lost when the stop is hit"),
            Parameter("stop_distance", UNIT_PRICES, "price from entry to stop"),
        ),
        result=Kind.QUANTITY,
        about="Quantity that loses the given money when the stop is hit, in whole units, rounded down. "
        f"{ANY_UNKNOWN} Also unknown for a stop distance of zero or less, or a negative risk.",
        formula="floor(risk / stop_distance)",
        source="Tharp, Trade Your Way to Financial Freedom (1998), percent-risk sizing",
        examples=(
            Example(
                "risk_size($50, stop_distance = high - low)",
                {"high": (103.0, 100.5, 100.0, None), "low": (100.0, 100.0, 100.0, 99.0)},
                (16.0, 100.0, None, None),
            ),
            Example("risk_size($3, 10c)", {"close": (1.0,)}, (30.0,)),
        ),
        step=risk_size,
    ),
    Function(
        name="complement",
        family="risk",
        parameters=(Parameter("probability", (Kind.PROBABILITY,), "a probability, or the price of a $1 contract"),),
        result=Kind.PROBABILITY,
        about="How likely the opposite is; what the other side of a $1 contract costs when this side sells at that "
        f"price. {ANY_UNKNOWN} Also unknown outside 0..1.",
        formula="1 - probability",
        source="elementary",
        examples=(
            Example("complement(0.25)", {"close": (1.0,)}, (0.75,)),
            Example("complement(62c)", {"close": (1.0,)}, (0.38,)),
        ),
        step=complement,
    ),
    Function(
        name="kelly",
        family="risk",
        parameters=(
            Parameter("probability", (Kind.PROBABILITY,), "how likely the contract pays $1"),
            Parameter("price", (Kind.PROBABILITY,), "what the contract costs"),
        ),
        result=Kind.RATIO,
        about="Share of the capital that makes it grow fastest when a $1 contract is bought with an edge; 0 without "
        f"one. Take a fraction of it: a quarter is common. {ANY_UNKNOWN} Also unknown outside 0..1 and for a price "
        "of $1.",
        formula="max((probability - price) / (1 - price), 0)",
        source="Kelly, A New Interpretation of Information Rate (1956)",
        examples=(
            Example("kelly(0.6, 50c)", {"close": (1.0,)}, (0.2,)),
            Example("kelly(0.4, 50c)", {"close": (1.0,)}, (0.0,)),
            Example("kelly(0.4, 100c)", {"close": (1.0,)}, (None,)),
        ),
        step=kelly,
    ),
    Function(
        name="blend",
        family="risk",
        parameters=(
            Parameter("probability", (Kind.PROBABILITY,), "what is thought"),
            Parameter("other", (Kind.PROBABILITY,), "what others think, such as the market's middle price"),
            Parameter("weight", (Kind.RATIO,), "how much the others count, 0 to 1"),
        ),
        result=Kind.PROBABILITY,
        about="Two opinions as one: the weighted mean of their log-odds, so that certainty counts. "
        f"{ANY_UNKNOWN} Also unknown unless both are above 0 and below 1, and for a weight outside 0..1.",
        formula="logistic((1 - weight) * logit(probability) + weight * logit(other))",
        source="Satopaa et al., Combining multiple probability predictions using a simple logit model (2014)",
        examples=(
            Example("blend(0.8, 0.5, 50%)", {"close": (1.0,)}, (0.6666666666666666,)),
            Example("blend(0.8, 0.5, 0%)", {"close": (1.0,)}, (0.8,)),
            Example("blend(0.8, 100c, 50%)", {"close": (1.0,)}, (None,)),
        ),
        step=blend,
    ),
    Function(
        name="fixed_fractional",
        family="risk",
        parameters=(
            Parameter("fraction", (Kind.RATIO,), "share of the account's equity to spend"),
            Parameter("price", UNIT_PRICES, "what a unit costs"),
        ),
        result=Kind.QUANTITY,
        about="Quantity that a share of the account's equity buys, in whole units, rounded down; 0 when equity is not "
        f"positive. {ANY_UNKNOWN} Also unknown for a price of zero or less, or a negative fraction.",
        formula="floor(fraction * account.equity / price)",
        source="Vince, Portfolio Management Formulas (1990)",
        examples=(
            Example(
                "fixed_fractional(2%, close)",
                {"close": (30.0, 50.0, None), "account.equity": (10000.0, 10000.0, 10000.0)},
                (6.0, 4.0, None),
            ),
        ),
        step=fixed_fractional,
        implicit=("account.equity",),
    ),
    Function(
        name="notional",
        family="risk",
        parameters=(
            Parameter("price", UNIT_PRICES, "price of a unit"),
            Parameter("quantity", (Kind.QUANTITY,), "units, negative for short"),
        ),
        result=Kind.MONEY,
        about=f"Value of that many units, without its sign. {ANY_UNKNOWN}",
        formula="|price * quantity|",
        source="elementary",
        examples=(
            Example("notional(close, 10)", {"close": (101.5, None)}, (1015.0, None)),
            Example("notional(close, -10)", {"close": (101.5,)}, (1015.0,)),
        ),
        step=notional,
    ),
)
