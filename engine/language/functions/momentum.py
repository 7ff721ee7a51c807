"""Momentum and trend: rsi, macd and its parts, adx."""

from __future__ import annotations

import math
from collections.abc import Callable

from engine.language.catalogue import Example, Flow, Function
from engine.language.functions.common import NAN, RECURSIVE_UNKNOWN, SAME, State, length, series
from engine.language.types import Kind


def rsi(state: State, o: int, x: float, length: float) -> float:
    """State: known values seen, latest of them, average gain, average loss (sums while warming up)."""
    if not math.isfinite(x):
        return NAN
    n = int(length)
    seen = int(state[o])
    move = x - state[o + 1]
    state[o] = seen + 1
    state[o + 1] = x
    if seen == 0:
        return NAN
    gain = max(move, 0.0)
    loss = max(-move, 0.0)
    if seen <= n:
        state[o + 2] += gain
        state[o + 3] += loss
        if seen < n:
            return NAN
        state[o + 2] /= n
        state[o + 3] /= n
    else:
        state[o + 2] = (state[o + 2] * (n - 1) + gain) / n
        state[o + 3] = (state[o + 3] * (n - 1) + loss) / n
    total = state[o + 2] + state[o + 3]
    return 100.0 * (state[o + 2] / total) if total > 0.0 else NAN


def macd(state: State, o: int, x: float, fast: float, slow: float) -> float:
    """State: known values seen, first of them, fast and slow average (sums of distances to the first while warming up).

    Both averages start on the same bar, each from the mean of its own window, as TA-Lib has it: the shorter one does
    not look back to before the longer one is complete.
    """
    if not math.isfinite(x):
        return NAN
    longest = int(max(fast, slow))
    seen = int(state[o])
    if seen < longest:
        if seen == 0:
            state[o + 1] = x
        state[o] = seen + 1
        if seen >= longest - int(fast):
            state[o + 2] += x - state[o + 1]
        if seen >= longest - int(slow):
            state[o + 3] += x - state[o + 1]
        if seen + 1 < longest:
            return NAN
        state[o + 2] = state[o + 1] + state[o + 2] / int(fast)
        state[o + 3] = state[o + 1] + state[o + 3] / int(slow)
    else:
        state[o + 2] += (x - state[o + 2]) * (2.0 / (int(fast) + 1.0))
        state[o + 3] += (x - state[o + 3]) * (2.0 / (int(slow) + 1.0))
    return state[o + 2] - state[o + 3]


def _smoothed_macd(histogram: bool) -> Callable[..., float]:
    def step(state: State, o: int, x: float, fast: float, slow: float, signal: float) -> float:
        """State: as ``macd``, then signal values seen and their average (a sum while warming up)."""
        if not math.isfinite(x):
            return NAN
        longest = int(max(fast, slow))
        seen = int(state[o])
        if seen < longest:
            if seen == 0:
                state[o + 1] = x
            state[o] = seen + 1
            if seen >= longest - int(fast):
                state[o + 2] += x - state[o + 1]
            if seen >= longest - int(slow):
                state[o + 3] += x - state[o + 1]
            if seen + 1 < longest:
                return NAN
            state[o + 2] = state[o + 1] + state[o + 2] / int(fast)
            state[o + 3] = state[o + 1] + state[o + 3] / int(slow)
        else:
            state[o + 2] += (x - state[o + 2]) * (2.0 / (int(fast) + 1.0))
            state[o + 3] += (x - state[o + 3]) * (2.0 / (int(slow) + 1.0))
        line = state[o + 2] - state[o + 3]
        smoothed = int(state[o + 4])
        if smoothed < int(signal):
            state[o + 4] = smoothed + 1
            state[o + 5] += line
            if smoothed + 1 < int(signal):
                return NAN
            state[o + 5] /= int(signal)
        else:
            state[o + 5] += (line - state[o + 5]) * (2.0 / (int(signal) + 1.0))
        return line - state[o + 5] if histogram else state[o + 5]

    return step


def adx(state: State, o: int, length: float, high: float, low: float, close: float) -> float:
    """State: known bars seen, their last high, low and close, smoothed up move, down move and range, average index."""
    if not (math.isfinite(high) and math.isfinite(low) and math.isfinite(close)):
        return NAN
    n = int(length)
    seen = int(state[o])
    up, down, last_close = high - state[o + 1], state[o + 2] - low, state[o + 3]
    state[o] = seen + 1
    state[o + 1] = high
    state[o + 2] = low
    state[o + 3] = close
    if seen == 0:
        return NAN
    keep = 1.0 if seen < n else 1.0 - 1.0 / n
    state[o + 4] = state[o + 4] * keep + (up if up > 0.0 and up > down else 0.0)
    state[o + 5] = state[o + 5] * keep + (down if down > 0.0 and down > up else 0.0)
    state[o + 6] = state[o + 6] * keep + max(high - low, abs(high - last_close), abs(low - last_close))
    if seen < n:
        return NAN
    moves = state[o + 4] + state[o + 5]
    directed = state[o + 6] > 0.0 and moves > 0.0
    index = 100.0 * (abs(state[o + 4] - state[o + 5]) / moves) if directed else 0.0
    if seen < 2 * n:
        state[o + 7] += index / n
        return state[o + 7] if seen == 2 * n - 1 else NAN
    if directed:
        state[o + 7] = (state[o + 7] * (n - 1) + index) / n
    return state[o + 7]


def _rsi_state(n: float) -> int:
    return 4


def _rsi_warm_up(n: float) -> int:
    return int(n)


def _line_state(fast: float, slow: float) -> int:
    return 4


def _signal_state(fast: float, slow: float, signal: float) -> int:
    return 6


def _line_warm_up(fast: float, slow: float) -> int:
    return int(max(fast, slow)) - 1


def _signal_warm_up(fast: float, slow: float, signal: float) -> int:
    return int(max(fast, slow)) + int(signal) - 2


def _adx_state(n: float) -> int:
    return 8


def _adx_warm_up(n: float) -> int:
    return 2 * int(n) - 1


_FAST = length("bars of the fast average", default=12.0, name="fast")
_SLOW = length("bars of the slow average", default=26.0, name="slow")
_SMOOTHING = length("bars of the signal average", default=9.0, name="signal")
_APPEL = "Appel, Technical Analysis: Power Tools for Active Investors (2005); TA-Lib MACD"
_CLOSES = {"close": (1.0, 2.0, 6.0, 4.0)}

FUNCTIONS = (
    Function(
        name="rsi",
        family="momentum",
        parameters=(series("what is measured"), length("bars of Wilder's averages", low=2)),
        result=Kind.NUMBER,
        about="Relative strength index, 0 to 100: the share of the average gain in all movement. Unknown also while "
        f"nothing has moved at all, where TA-Lib says 0. {RECURSIVE_UNKNOWN}",
        formula="100 * gain / (gain + loss), with Wilder's averages of the rises and of the falls from bar to bar",
        source="Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib RSI",
        examples=(
            Example(
                "rsi(close, 2)", {"close": (10.0, 11.0, 10.0, 13.0, None, 13.0)}, (None, None, 50.0, 87.5, None, 87.5)
            ),
            Example("rsi(close, 2)", {"close": (10.0, 10.0, 10.0, 11.0)}, (None, None, None, 100.0)),
        ),
        step=rsi,
        flow=Flow.BAR,
        state_size=_rsi_state,
        warm_up=_rsi_warm_up,
        recursive=True,
    ),
    Function(
        name="macd",
        family="momentum",
        parameters=(series("what is measured"), _FAST, _SLOW),
        result=SAME,
        about="Moving average convergence divergence: the fast exponential average less the slow one. Both start on "
        f"the bar where the longer one is complete. {RECURSIVE_UNKNOWN}",
        formula="ema(x, fast) - ema(x, slow), both started from the means of their windows on the same bar",
        source=_APPEL,
        examples=(Example("macd(close, 1, 3)", _CLOSES, (None, None, 3.0, 0.5)),),
        step=macd,
        flow=Flow.BAR,
        state_size=_line_state,
        warm_up=_line_warm_up,
        recursive=True,
    ),
    Function(
        name="macd_signal",
        family="momentum",
        parameters=(series("what is measured"), _FAST, _SLOW, _SMOOTHING),
        result=SAME,
        about=f"Signal line: the exponential average of macd. {RECURSIVE_UNKNOWN}",
        formula="ema(macd(x, fast, slow), signal)",
        source=_APPEL,
        examples=(Example("macd_signal(close, 1, 3, 2)", _CLOSES, (None, None, None, 1.75)),),
        step=_smoothed_macd(histogram=False),
        flow=Flow.BAR,
        state_size=_signal_state,
        warm_up=_signal_warm_up,
        recursive=True,
    ),
    Function(
        name="macd_histogram",
        family="momentum",
        parameters=(series("what is measured"), _FAST, _SLOW, _SMOOTHING),
        result=SAME,
        about=f"How far macd is above its signal line. {RECURSIVE_UNKNOWN}",
        formula="macd(x, fast, slow) - macd_signal(x, fast, slow, signal)",
        source=_APPEL,
        examples=(Example("macd_histogram(close, 1, 3, 2)", _CLOSES, (None, None, None, -1.25)),),
        step=_smoothed_macd(histogram=True),
        flow=Flow.BAR,
        state_size=_signal_state,
        warm_up=_signal_warm_up,
        recursive=True,
    ),
    Function(
        name="adx",
        family="momentum",
        parameters=(length("bars of Wilder's averages", low=2),),
        result=Kind.NUMBER,
        about="Average directional index, 0 to 100: how strongly prices trend, up or down alike. A bar on which "
        f"nothing has moved leaves it as it was. {RECURSIVE_UNKNOWN}",
        formula="Wilder's average of 100 * |up - down| / (up + down), up and down being Wilder's averages of the moves "
        "by which a bar exceeds the one before",
        source="Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib ADX",
        examples=(
            Example(
                "adx(2)",
                {
                    "high": (11.0, 12.0, 13.0, 14.0, 13.5),
                    "low": (10.0, 11.0, 12.0, 13.0, 10.0),
                    "close": (10.5, 11.5, 12.5, 13.5, 11.0),
                },
                (None, None, None, 100.0, 50.0 + 50.0 * 2.125 / 3.875),
            ),
        ),
        step=adx,
        flow=Flow.BAR,
        implicit=("high", "low", "close"),
        state_size=_adx_state,
        warm_up=_adx_warm_up,
        recursive=True,
    ),
)
