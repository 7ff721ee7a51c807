"""Moving averages."""

from __future__ import annotations

import math
from collections.abc import Callable

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


def sma(state: State, o: int, x: float, length: float) -> float:
    """State: count, window twice over. Summed as distances to the newest value, so equal values average exactly."""
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
    return x + total / n


def wma(state: State, o: int, x: float, length: float) -> float:
    """State: count, window twice over."""
    n = int(length)
    seen = int(state[o])
    p = o + 1 + seen % n
    state[p] = x
    state[p + n] = x
    state[o] = seen + 1
    if seen + 1 < n:
        return NAN
    total = 0.0
    for i in range(1, n + 1):
        total += i * (state[p + i] - x)
    return x + total / (0.5 * n * (n + 1))


def _recursive_average(wilder: bool) -> Callable[..., float]:
    def step(state: State, o: int, x: float, length: float) -> float:
        """State: known values seen, sum of distances to the first value and later the average, first value."""
        if not math.isfinite(x):
            return NAN
        n = int(length)
        seen = int(state[o])
        if seen >= n:
            weight = 1.0 / n if wilder else 2.0 / (n + 1.0)
            state[o + 1] += (x - state[o + 1]) * weight
            return state[o + 1]
        if seen == 0:
            state[o + 2] = x
        state[o] = seen + 1
        state[o + 1] += x - state[o + 2]
        if seen + 1 < n:
            return NAN
        state[o + 1] = state[o + 2] + state[o + 1] / n
        return state[o + 1]

    return step


def _before_full(n: float) -> int:
    return int(n) - 1


def _three(n: float) -> int:
    return 3


FUNCTIONS = (
    Function(
        name="sma",
        family="averages",
        parameters=(series("what is averaged"), length("bars in the average")),
        result=SAME,
        about=f"Simple moving average: the mean of the last bars. {WINDOW_UNKNOWN}",
        formula="(x[0] + x[1] + … + x[length-1]) / length",
        source="TA-Lib SMA",
        examples=(Example("sma(close, 3)", {"close": (1.0, 2.0, 6.0, 4.0)}, (None, None, 3.0, 4.0)),),
        step=sma,
        flow=Flow.BAR,
        state_size=doubled_window,
        warm_up=_before_full,
    ),
    Function(
        name="wma",
        family="averages",
        parameters=(series("what is averaged"), length("bars in the average")),
        result=SAME,
        about=f"Weighted moving average: the newest bar weighs most, each older one a step less. {WINDOW_UNKNOWN}",
        formula="(length * x[0] + … + 1 * x[length-1]) / (length * (length + 1) / 2)",
        source="TA-Lib WMA",
        examples=(Example("wma(close, 3)", {"close": (1.0, 2.0, 6.0, 4.0)}, (None, None, 23 / 6, 26 / 6)),),
        step=wma,
        flow=Flow.BAR,
        state_size=doubled_window,
        warm_up=_before_full,
    ),
    Function(
        name="ema",
        family="averages",
        parameters=(series("what is averaged"), length("bars of the average")),
        result=SAME,
        about=f"Exponential moving average, started from the mean of the first bars. {RECURSIVE_UNKNOWN}",
        formula="ema = ema[1] + 2 / (length + 1) * (x - ema[1]); the first is sma(x, length)",
        source="TA-Lib EMA",
        examples=(
            Example("ema(close, 3)", {"close": (1.0, 2.0, 6.0, 5.0, None, 8.0)}, (None, None, 3.0, 4.0, None, 6.0)),
        ),
        step=_recursive_average(wilder=False),
        flow=Flow.BAR,
        state_size=_three,
        warm_up=_before_full,
        recursive=True,
    ),
    Function(
        name="rma",
        family="averages",
        parameters=(series("what is averaged"), length("bars of the average")),
        result=SAME,
        about=f"Wilder's moving average, the slower smoothing inside ATR and RSI. {RECURSIVE_UNKNOWN}",
        formula="rma = rma[1] + (x - rma[1]) / length; the first is sma(x, length)",
        source="Wilder, New Concepts in Technical Trading Systems (1978)",
        examples=(Example("rma(close, 2)", {"close": (1.0, 3.0, 6.0, None, 5.0)}, (None, 2.0, 4.0, None, 4.5)),),
        step=_recursive_average(wilder=True),
        flow=Flow.BAR,
        state_size=_three,
        warm_up=_before_full,
        recursive=True,
    ),
)
