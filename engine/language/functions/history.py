"""Direction over the last bars, and looking back to the bar where something held."""

from __future__ import annotations

import math
from collections.abc import Callable

from engine.language.catalogue import Example, Flow, Function, Parameter
from engine.language.functions.common import (
    AMOUNTS,
    NAN,
    ORDERED,
    SAME,
    WINDOW_UNKNOWN,
    State,
    doubled_window,
    length,
    series,
)
from engine.language.types import Kind


def _monotone(sign: float) -> Callable[..., float]:
    def step(state: State, o: int, x: float, length: float) -> float:
        """State: count, window of length + 1 values twice over."""
        n = int(length) + 1
        seen = int(state[o])
        p = o + 1 + seen % n
        state[p] = x
        state[p + n] = x
        state[o] = seen + 1
        if seen + 1 < n:
            return NAN
        result = 1.0
        for i in range(p + 2, p + n + 1):
            move = (state[i] - state[i - 1]) * sign
            if math.isnan(move):
                return NAN
            if move <= 0.0:
                result = 0.0
        return result

    return step


def change(state: State, o: int, x: float, length: float) -> float:
    """State: count, the last ``length`` values."""
    n = int(length)
    seen = int(state[o])
    p = o + 1 + seen % n
    earlier = state[p]
    state[p] = x
    state[o] = seen + 1
    return x - earlier if seen >= n else NAN


def bars_since(state: State, o: int, condition: float) -> float:
    """State: whether it ever was true, bars since then."""
    state[o + 1] += 1.0
    if math.isnan(condition):
        return NAN
    if condition != 0.0:
        state[o] = 1.0
        state[o + 1] = 0.0
    return state[o + 1] if state[o] != 0.0 else NAN


def value_when(state: State, o: int, condition: float, x: float) -> float:
    """State: whether it ever was true, the value then."""
    if math.isnan(condition):
        return NAN
    if condition != 0.0:
        state[o] = 1.0
        state[o + 1] = x
    return state[o + 1] if state[o] != 0.0 else NAN


def _full(n: float) -> int:
    return int(n)


def _one_more_doubled(n: float) -> int:
    return doubled_window(n + 1)


def _count_and_window(n: float) -> int:
    return 1 + int(n)


def _two() -> int:
    return 2


FUNCTIONS = (
    Function(
        name="change",
        family="history",
        parameters=(series("what is compared", AMOUNTS), length("how many bars back", default=1.0)),
        result=SAME,
        about="Difference to the value some bars ago. Unknown when either of the two is; those between do not matter.",
        formula="x - x[length]",
        source="TA-Lib MOM",
        examples=(
            Example("change(close)", {"close": (5.0, 7.0, 4.0, None, 6.0)}, (None, 2.0, -3.0, None, None)),
            Example("change(close, 2)", {"close": (5.0, 7.0, 4.0, None, 6.0)}, (None, None, -1.0, None, 2.0)),
        ),
        step=change,
        flow=Flow.BAR,
        state_size=_count_and_window,
        warm_up=_full,
    ),
    Function(
        name="rising",
        family="history",
        parameters=(series("what is compared", AMOUNTS), length("how many bars in a row", default=1.0)),
        result=Kind.BOOL,
        about=f"Whether each of the last bars is above the one before it. {WINDOW_UNKNOWN}",
        formula="x[0] > x[1] > … > x[length]",
        source="elementary",
        examples=(
            Example("rising(close)", {"close": (1.0, 2.0, 2.0, None, 3.0)}, (None, True, False, None, None)),
            Example("rising(close, 2)", {"close": (1.0, 2.0, 3.0, 3.5, 3.0)}, (None, None, True, True, False)),
        ),
        step=_monotone(1.0),
        flow=Flow.BAR,
        state_size=_one_more_doubled,
        warm_up=_full,
    ),
    Function(
        name="falling",
        family="history",
        parameters=(series("what is compared", AMOUNTS), length("how many bars in a row", default=1.0)),
        result=Kind.BOOL,
        about=f"Whether each of the last bars is below the one before it. {WINDOW_UNKNOWN}",
        formula="x[0] < x[1] < … < x[length]",
        source="elementary",
        examples=(Example("falling(close)", {"close": (3.0, 2.0, 2.0, None, 1.0)}, (None, True, False, None, None)),),
        step=_monotone(-1.0),
        flow=Flow.BAR,
        state_size=_one_more_doubled,
        warm_up=_full,
    ),
    Function(
        name="bars_since",
        family="history",
        parameters=(Parameter("condition", (Kind.BOOL,), "what must have been true"),),
        result=Kind.NUMBER,
        about="Bars since the condition was last true; 0 on a bar where it is. Unknown until it was true once, and on "
        "a bar where the condition is unknown; the next bar counts on from the last known one.",
        formula="number of bars after the latest one with condition = true",
        source="elementary",
        examples=(
            Example(
                "bars_since(close > open)",
                {"open": (5.0, 5.0, 5.0, 5.0, 5.0), "close": (4.0, 6.0, 5.0, None, 4.0)},
                (None, 0.0, 1.0, None, 3.0),
            ),
        ),
        step=bars_since,
        flow=Flow.BAR,
        state_size=_two,
    ),
    Function(
        name="value_when",
        family="history",
        parameters=(
            Parameter("condition", (Kind.BOOL,), "what must have been true"),
            series("what is remembered", ORDERED),
        ),
        result=SAME,
        about="The value on the latest bar where the condition was true. Unknown until it was true once, on a bar "
        "where the condition is unknown, and where the remembered value was unknown.",
        formula="x on the latest bar with condition = true",
        source="elementary",
        examples=(
            Example(
                "value_when(close > open, high)",
                {
                    "open": (5.0, 5.0, 5.0, 5.0, 5.0),
                    "close": (4.0, 6.0, 5.0, None, 7.0),
                    "high": (8.0, 9.0, 10.0, 11.0, 12.0),
                },
                (None, 9.0, 9.0, None, 12.0),
            ),
        ),
        step=value_when,
        flow=Flow.BAR,
        state_size=_two,
    ),
)
