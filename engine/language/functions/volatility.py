"""How much prices move: true_range, atr, stdev."""

from __future__ import annotations

import math

from engine.language.catalogue import Example, Flow, Function
from engine.language.functions.common import (
    NAN,
    RECURSIVE_UNKNOWN,
    SAME,
    WINDOW_UNKNOWN,
    State,
    doubled_window,
    length,
    series,
)
from engine.language.types import Kind


def true_range(state: State, o: int, high: float, low: float, close: float) -> float:
    """State: whether a bar was known, its close."""
    if not (math.isfinite(high) and math.isfinite(low) and math.isfinite(close)):
        return NAN
    started = state[o] != 0.0
    last_close = state[o + 1]
    state[o] = 1.0
    state[o + 1] = close
    return max(high - low, abs(high - last_close), abs(low - last_close)) if started else NAN


def atr(state: State, o: int, length: float, high: float, low: float, close: float) -> float:
    """State: known bars seen, the last of their closes, the average (a sum while warming up)."""
    if not (math.isfinite(high) and math.isfinite(low) and math.isfinite(close)):
        return NAN
    n = int(length)
    seen = int(state[o])
    last_close = state[o + 1]
    state[o] = seen + 1
    state[o + 1] = close
    if seen == 0:
        return NAN
    reach = max(high - low, abs(high - last_close), abs(low - last_close))
    if seen > n:
        state[o + 2] += (reach - state[o + 2]) / n
        return state[o + 2]
    state[o + 2] += reach
    if seen < n:
        return NAN
    state[o + 2] /= n
    return state[o + 2]


def stdev(state: State, o: int, x: float, length: float) -> float:
    """State: count, window twice over. Distances are taken to the newest value, so that equal values deviate by 0."""
    n = int(length)
    seen = int(state[o])
    p = o + 1 + seen % n
    state[p] = x
    state[p + n] = x
    state[o] = seen + 1
    if seen + 1 < n:
        return NAN
    total = 0.0
    for i in range(p + 1, p + n + 1):
        total += state[i] - x
    mean = total / n
    squares = 0.0
    for i in range(p + 1, p + n + 1):
        deviation = state[i] - x - mean
        squares += deviation * deviation
    return math.sqrt(squares / n)


def _before_full(n: float) -> int:
    return int(n) - 1


def _one() -> int:
    return 1


def _two() -> int:
    return 2


def _three(n: float) -> int:
    return 3


def _full(n: float) -> int:
    return int(n)


_BARS = {
    "high": (12.0, 14.0, 13.0, None, 20.0),
    "low": (10.0, 11.0, 12.0, 11.0, 18.0),
    "close": (11.0, 13.0, 12.0, 12.0, 19.0),
}

FUNCTIONS = (
    Function(
        name="true_range",
        family="volatility",
        parameters=(),
        result=Kind.PRICE,
        about=f"Range of the bar, stretched to the close of the bar before, so that gaps count. {RECURSIVE_UNKNOWN}",
        formula="max(high - low, |high - close[1]|, |low - close[1]|)",
        source="Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib TRANGE",
        examples=(Example("true_range()", _BARS, (None, 3.0, 1.0, None, 8.0)),),
        step=true_range,
        flow=Flow.BAR,
        implicit=("high", "low", "close"),
        state_size=_two,
        warm_up=_one,
    ),
    Function(
        name="atr",
        family="volatility",
        parameters=(length("bars of Wilder's average"),),
        result=Kind.PRICE,
        about=f"Average true range, Wilder's measure of how far price travels in a bar. {RECURSIVE_UNKNOWN}",
        formula="atr = atr[1] + (true_range() - atr[1]) / length; the first is the mean of length true ranges",
        source="Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib ATR",
        examples=(Example("atr(2)", _BARS, (None, None, 2.0, None, 5.0)),),
        step=atr,
        flow=Flow.BAR,
        implicit=("high", "low", "close"),
        state_size=_three,
        warm_up=_full,
        recursive=True,
    ),
    Function(
        name="stdev",
        family="volatility",
        parameters=(series("what is measured"), length("bars in the window", low=2)),
        result=SAME,
        about=f"Standard deviation of the last bars, as of a whole population (divided by length). {WINDOW_UNKNOWN}",
        formula="sqrt(sum of (x[i] - sma(x, length))^2 / length)",
        source="TA-Lib STDDEV",
        examples=(Example("stdev(close, 2)", {"close": (1.0, 3.0, 3.0, None, 9.0)}, (None, 1.0, 0.0, None, None)),),
        step=stdev,
        flow=Flow.BAR,
        state_size=doubled_window,
        warm_up=_before_full,
    ),
)
