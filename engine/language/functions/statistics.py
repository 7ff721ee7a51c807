"""Statistics over a window: zscore, correlation, slope, percentile."""

from __future__ import annotations

import math

from engine.language.catalogue import Example, Flow, Function, Parameter
from engine.language.functions.common import (
    MAGNITUDES,
    NAN,
    SAME,
    WINDOW_UNKNOWN,
    State,
    doubled_window,
    length,
    series,
)
from engine.language.types import Kind


def zscore(state: State, o: int, x: float, length: float) -> float:
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
    spread = math.sqrt(squares / n)
    return -mean / spread if spread > 0.0 else NAN


def slope(state: State, o: int, x: float, length: float) -> float:
    """State: count, window twice over."""
    n = int(length)
    seen = int(state[o])
    p = o + 1 + seen % n
    state[p] = x
    state[p + n] = x
    state[o] = seen + 1
    if seen + 1 < n:
        return NAN
    middle = 0.5 * (n + 1)
    moment = 0.0
    for i in range(1, n + 1):
        moment += (i - middle) * (state[p + i] - x)
    return moment * 12.0 / (n * (n * n - 1.0))


def correlation(state: State, o: int, x: float, y: float, length: float) -> float:
    """State: count, window of x twice over, window of y twice over."""
    n = int(length)
    seen = int(state[o])
    p = o + 1 + seen % n
    q = p + 2 * n
    state[p] = x
    state[p + n] = x
    state[q] = y
    state[q + n] = y
    state[o] = seen + 1
    if seen + 1 < n:
        return NAN
    x_total = 0.0
    y_total = 0.0
    for i in range(1, n + 1):
        x_total += state[p + i] - x
        y_total += state[q + i] - y
    x_mean = x_total / n
    y_mean = y_total / n
    xx = 0.0
    yy = 0.0
    xy = 0.0
    for i in range(1, n + 1):
        dx = state[p + i] - x - x_mean
        dy = state[q + i] - y - y_mean
        xx += dx * dx
        yy += dy * dy
        xy += dx * dy
    spread = math.sqrt(xx) * math.sqrt(yy)
    return min(max(xy / spread, -1.0), 1.0) if spread > 0.0 else NAN


def percentile(state: State, o: int, x: float, length: float, rank: float) -> float:
    """State: count, unknown values in the window, window, its known values in ascending order."""
    n = int(length)
    seen = int(state[o])
    known = min(seen, n) - int(state[o + 1])
    p = o + 2 + seen % n
    s = o + 2 + n
    leaving = state[p]
    if seen >= n and math.isnan(leaving):
        state[o + 1] -= 1.0
    elif seen >= n:
        low, high = 0, known
        while low < high:
            middle = (low + high) // 2
            if state[s + middle] < leaving:
                low = middle + 1
            else:
                high = middle
        known -= 1
        for i in range(s + low, s + known):
            state[i] = state[i + 1]
    state[p] = x
    state[o] = seen + 1
    if math.isnan(x):
        state[o + 1] += 1.0
        return NAN
    i = s + known
    while i > s and state[i - 1] > x:
        state[i] = state[i - 1]
        i -= 1
    state[i] = x
    if known + 1 < n:
        return NAN
    place = rank / 100.0 * (n - 1)
    below = int(place)
    value = state[s + below]
    if below + 1 < n:
        value += (place - below) * (state[s + below + 1] - value)
    return value


def _before_full(n: float) -> int:
    return int(n) - 1


def _ranked_warm_up(n: float, rank: float) -> int:
    return int(n) - 1


def _two_doubled_windows(n: float) -> int:
    return 1 + 4 * int(n)


def _ranked_window(n: float, rank: float) -> int:
    return 2 + 2 * int(n)


FUNCTIONS = (
    Function(
        name="zscore",
        family="statistics",
        parameters=(series("what is measured"), length("bars in the window", low=2)),
        result=Kind.NUMBER,
        about="How many standard deviations the value is above the mean of the last bars, this one included. "
        f"{WINDOW_UNKNOWN} Also unknown when they are all equal.",
        formula="(x - sma(x, length)) / stdev(x, length)",
        source="elementary; standard deviation as TA-Lib STDDEV",
        examples=(
            Example("zscore(close, 2)", {"close": (1.0, 3.0, 2.0, 2.0)}, (None, 1.0, -1.0, None)),
            Example("zscore(close, 5)", {"close": (2.0, 2.0, 2.0, 2.0, 7.0)}, (None, None, None, None, 2.0)),
        ),
        step=zscore,
        flow=Flow.BAR,
        state_size=doubled_window,
        warm_up=_before_full,
    ),
    Function(
        name="slope",
        family="statistics",
        parameters=(series("what is measured"), length("bars in the window", low=2)),
        result=SAME,
        about=f"Slope per bar of the straight line that fits the last bars best. {WINDOW_UNKNOWN}",
        formula="least-squares b of x[length-i] = a + b * i, i = 1 … length",
        source="TA-Lib LINEARREG_SLOPE",
        examples=(Example("slope(close, 3)", {"close": (1.0, 3.0, 5.0, 4.0)}, (None, None, 2.0, 0.5)),),
        step=slope,
        flow=Flow.BAR,
        state_size=doubled_window,
        warm_up=_before_full,
    ),
    Function(
        name="correlation",
        family="statistics",
        parameters=(
            Parameter("x", MAGNITUDES, "one series"),
            Parameter("y", MAGNITUDES, "the other series"),
            length("bars in the window", low=2),
        ),
        result=Kind.NUMBER,
        about="How closely two series move along one straight line over the last bars: 1 together, -1 opposite, 0 not "
        f"at all. {WINDOW_UNKNOWN} Also unknown when either does not move.",
        formula="covariance(x, y) / (stdev(x) * stdev(y))",
        source="Pearson's coefficient; TA-Lib CORREL",
        examples=(
            Example(
                "correlation(close, open, 3)",
                {"close": (1.0, 2.0, 3.0, 3.0, 3.0), "open": (3.0, 2.0, 1.0, 3.0, 5.0)},
                (None, None, -1.0, 0.0, None),
            ),
        ),
        step=correlation,
        flow=Flow.BAR,
        state_size=_two_doubled_windows,
        warm_up=_before_full,
    ),
    Function(
        name="percentile",
        family="statistics",
        parameters=(
            series("what is ranked"),
            length("bars in the window"),
            Parameter("rank", (Kind.NUMBER,), "0 lowest, 50 median, 100 highest", constant=True, low=0.0, high=100.0),
        ),
        result=SAME,
        about="The value below which that many hundredths of the last bars lie, this one included; between two "
        f"of them it lies on a straight line. {WINDOW_UNKNOWN}",
        formula="sorted(x)[h], h = rank / 100 * (length - 1), linear between whole h",
        source="Hyndman & Fan, Sample Quantiles in Statistical Packages (1996), definition 7",
        examples=(
            Example(
                "percentile(close, 3, 50)",
                {"close": (9.0, 1.0, 4.0, 7.0, None, 2.0)},
                (None, None, 4.0, 4.0, None, None),
            ),
            Example("percentile(close, 5, 90)", {"close": (1.0, 2.0, 3.0, 4.0, 5.0)}, (None, None, None, None, 4.6)),
        ),
        step=percentile,
        flow=Flow.BAR,
        state_size=_ranked_window,
        warm_up=_ranked_warm_up,
    ),
)
