"""Highest and lowest of the last bars."""

from __future__ import annotations

import math
from collections.abc import Callable

from engine.language.catalogue import Example, Flow, Function
from engine.language.functions.common import AMOUNTS, NAN, SAME, WINDOW_UNKNOWN, State, doubled_window, length, series


def _extreme(sign: float) -> Callable[..., float]:
    def step(state: State, o: int, x: float, length: float) -> float:
        """State: count, window twice over."""
        n = int(length)
        seen = int(state[o])
        p = o + 1 + seen % n
        state[p] = x
        state[p + n] = x
        state[o] = seen + 1
        if seen + 1 < n or math.isnan(x):
            return NAN
        best = x
        for i in range(p + 1, p + n):
            value = state[i]
            if math.isnan(value):
                return NAN
            if (value - best) * sign > 0.0:
                best = value
        return best

    return step


def _before_full(n: float) -> int:
    return int(n) - 1


FUNCTIONS = (
    Function(
        name="highest",
        family="extremes",
        parameters=(series("what is compared", AMOUNTS), length("bars looked at, this one included")),
        result=SAME,
        about=f"Highest of the last bars, this one included; highest(high, 20)[1] leaves it out. {WINDOW_UNKNOWN}",
        formula="max(x[0], …, x[length-1])",
        source="TA-Lib MAX",
        examples=(
            Example("highest(high, 2)", {"high": (5.0, 3.0, 4.0, None, 1.0, 2.0)}, (None, 5.0, 4.0, None, None, 2.0)),
        ),
        step=_extreme(1.0),
        flow=Flow.BAR,
        state_size=doubled_window,
        warm_up=_before_full,
    ),
    Function(
        name="lowest",
        family="extremes",
        parameters=(series("what is compared", AMOUNTS), length("bars looked at, this one included")),
        result=SAME,
        about=f"Lowest value of the last bars, this one included; lowest(low, 20)[1] leaves it out. {WINDOW_UNKNOWN}",
        formula="min(x[0], …, x[length-1])",
        source="TA-Lib MIN",
        examples=(
            Example("lowest(low, 2)", {"low": (5.0, 3.0, 4.0, None, 1.0, 2.0)}, (None, 3.0, 3.0, None, None, 1.0)),
        ),
        step=_extreme(-1.0),
        flow=Flow.BAR,
        state_size=doubled_window,
        warm_up=_before_full,
    ),
)
