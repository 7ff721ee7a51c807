"""Plain arithmetic on one to three values."""

from __future__ import annotations

import math

from engine.language.catalogue import Example, Function, Parameter
from engine.language.functions.common import AMOUNTS, ANY_UNKNOWN, NAN, ORDERED, PLAIN, SAME, series
from engine.language.types import Kind

WHOLE_FROM = 4503599627370496.0  # 2^52: every float this large is a whole number
LARGEST_EXPONENT = 709.782712893384  # exp of more than this exceeds the largest float


def absolute(x: float) -> float:
    return abs(x)


def minimum(x: float, y: float) -> float:
    if math.isnan(x) or math.isnan(y):
        return NAN
    return min(x, y)


def maximum(x: float, y: float) -> float:
    if math.isnan(x) or math.isnan(y):
        return NAN
    return max(x, y)


def nearest(x: float) -> float:
    if math.isnan(x) or abs(x) >= WHOLE_FROM:
        return x
    size = abs(x)
    whole = float(math.floor(size))
    if size - whole >= 0.5:
        whole += 1.0
    return whole if x > 0.0 else 0.0 - whole


def floor(x: float) -> float:
    if math.isnan(x) or abs(x) >= WHOLE_FROM:
        return x
    return float(math.floor(x))


def ceiling(x: float) -> float:
    if math.isnan(x) or abs(x) >= WHOLE_FROM:
        return x
    return float(math.ceil(x))


def clamp(x: float, low: float, high: float) -> float:
    if math.isnan(x) or math.isnan(low) or math.isnan(high) or low > high:
        return NAN
    return min(max(x, low), high)


def square_root(x: float) -> float:
    if math.isnan(x) or x < 0.0:
        return NAN
    return math.sqrt(x)


def natural_logarithm(x: float) -> float:
    if math.isnan(x) or x <= 0.0:
        return NAN
    return math.log(x)


def exponential(x: float) -> float:
    if math.isnan(x) or x > LARGEST_EXPONENT:
        return NAN
    return math.exp(x)


_UNITS = (Kind.NUMBER, Kind.PRICE, Kind.MONEY, Kind.QUANTITY)

FUNCTIONS = (
    Function(
        name="abs",
        family="math",
        parameters=(series("the value", AMOUNTS),),
        result=SAME,
        about=f"Size of a value without its sign. {ANY_UNKNOWN}",
        formula="|x|",
        source="elementary",
        examples=(
            Example("abs(close - open)", {"open": (10.0, 12.0, None), "close": (12.0, 11.0, 5.0)}, (2.0, 1.0, None)),
        ),
        step=absolute,
    ),
    Function(
        name="min",
        family="math",
        parameters=(series("one value", ORDERED), Parameter("y", ORDERED, "the other value", same=SAME)),
        result=SAME,
        about=f"The smaller of two values. {ANY_UNKNOWN}",
        formula="x if x < y, else y",
        source="elementary",
        examples=(
            Example("min(open, close)", {"open": (10.0, 12.0, 3.0), "close": (12.0, 11.0, None)}, (10.0, 11.0, None)),
        ),
        step=minimum,
    ),
    Function(
        name="max",
        family="math",
        parameters=(series("one value", ORDERED), Parameter("y", ORDERED, "the other value", same=SAME)),
        result=SAME,
        about=f"The larger of two values. {ANY_UNKNOWN}",
        formula="x if x > y, else y",
        source="elementary",
        examples=(
            Example("max(open, close)", {"open": (10.0, 12.0, None), "close": (12.0, 11.0, 3.0)}, (12.0, 12.0, None)),
        ),
        step=maximum,
    ),
    Function(
        name="round",
        family="math",
        parameters=(series("the value", _UNITS),),
        result=SAME,
        about=f"The nearest whole number; halves go away from zero. {ANY_UNKNOWN} Use round_to_tick for order prices.",
        formula="sign(x) * floor(|x| + 1/2)",
        source="elementary",
        examples=(Example("round(close)", {"close": (2.5, 2.49, None)}, (3.0, 2.0, None)),),
        step=nearest,
    ),
    Function(
        name="floor",
        family="math",
        parameters=(series("the value", _UNITS),),
        result=SAME,
        about=f"The largest whole number not above the value. {ANY_UNKNOWN}",
        formula="largest whole n with n <= x",
        source="elementary",
        examples=(
            Example("floor(close - open)", {"open": (1.0, 2.5, 0.0), "close": (3.75, 1.0, 2.0)}, (2.0, -2.0, 2.0)),
        ),
        step=floor,
    ),
    Function(
        name="ceil",
        family="math",
        parameters=(series("the value", _UNITS),),
        result=SAME,
        about=f"The smallest whole number not below the value. {ANY_UNKNOWN}",
        formula="smallest whole n with n >= x",
        source="elementary",
        examples=(
            Example("ceil(close - open)", {"open": (1.0, 2.5, 0.0), "close": (3.75, 1.0, 2.0)}, (3.0, -1.0, 2.0)),
        ),
        step=ceiling,
    ),
    Function(
        name="clamp",
        family="math",
        parameters=(
            series("the value", ORDERED),
            Parameter("low", ORDERED, "smallest result", same=SAME),
            Parameter("high", ORDERED, "largest result", same=SAME),
        ),
        result=SAME,
        about=f"The value, held between two bounds. {ANY_UNKNOWN} Also unknown when low is above high.",
        formula="min(max(x, low), high)",
        source="elementary",
        examples=(Example("clamp(close, 99, 101)", {"close": (98.0, 100.5, 102.0, None)}, (99.0, 100.5, 101.0, None)),),
        step=clamp,
    ),
    Function(
        name="sqrt",
        family="math",
        parameters=(Parameter("x", PLAIN, "the value"),),
        result=Kind.NUMBER,
        about=f"Square root. {ANY_UNKNOWN} Also unknown for a negative value.",
        formula="x^(1/2)",
        source="elementary",
        examples=(
            Example("sqrt(close / open)", {"open": (1.0, 4.0, -1.0), "close": (9.0, 1.0, 9.0)}, (3.0, 0.5, None)),
        ),
        step=square_root,
    ),
    Function(
        name="log",
        family="math",
        parameters=(Parameter("x", PLAIN, "the value"),),
        result=Kind.NUMBER,
        about=f"Natural logarithm. {ANY_UNKNOWN} Also unknown for zero and below.",
        formula="ln x",
        source="elementary",
        examples=(
            Example(
                "log(close / open)",
                {"open": (2.0, 1.0, 1.0), "close": (2.0, 2.0, 0.0)},
                (0.0, 0.6931471805599453, None),
            ),
        ),
        step=natural_logarithm,
    ),
    Function(
        name="exp",
        family="math",
        parameters=(Parameter("x", PLAIN, "the exponent"),),
        result=Kind.NUMBER,
        about=f"e to the power of a value. {ANY_UNKNOWN} Also unknown where the result is too large to hold.",
        formula="e^x",
        source="elementary",
        examples=(
            Example(
                "exp(close / open)",
                {"open": (1.0, 1.0, 1.0), "close": (0.0, 1.0, 800.0)},
                (1.0, 2.718281828459045, None),
            ),
        ),
        step=exponential,
    ),
)
