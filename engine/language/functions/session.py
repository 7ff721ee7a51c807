"""Anchored at the open of the regular session: vwap, sigma_band, session and opening-range extremes, rvol, bar_index.

Each notices a new session by its ordinal and starts over; outside regular hours the ordinal is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from engine.language.catalogue import Example, Flow, Function, Parameter
from engine.language.functions.common import NAN, REGULAR_HOURS, State, doubled_window, length
from engine.language.types import Kind

ROUNDING = 1e-6  # seconds: minutes since the open are fractions that seconds rarely fit exactly
SECONDS_IN_DAY = 86400.0


def vwap(state: State, o: int, high: float, low: float, close: float, volume: float, ordinal: float) -> float:
    """State: session, volume so far, mean so far."""
    if math.isnan(ordinal):
        return NAN
    if state[o] != ordinal:
        state[o] = ordinal
        state[o + 1] = 0.0
        state[o + 2] = 0.0
    typical = low + ((high - low) + (close - low)) / 3.0
    if not (math.isfinite(typical) and math.isfinite(volume)) or volume < 0.0:
        return NAN
    if volume > 0.0:
        state[o + 1] += volume
        state[o + 2] += (typical - state[o + 2]) * (volume / state[o + 1])
    return state[o + 2] if state[o + 1] > 0.0 else NAN


def sigma_band(
    state: State, o: int, k: float, high: float, low: float, close: float, volume: float, ordinal: float
) -> float:
    """State: session, volume so far, mean so far, weighted squares of the distances to it."""
    if math.isnan(ordinal):
        return NAN
    if state[o] != ordinal:
        state[o] = ordinal
        state[o + 1] = 0.0
        state[o + 2] = 0.0
        state[o + 3] = 0.0
    typical = low + ((high - low) + (close - low)) / 3.0
    if not (math.isfinite(typical) and math.isfinite(volume)) or volume < 0.0:
        return NAN
    if volume > 0.0:
        state[o + 1] += volume
        distance = typical - state[o + 2]
        state[o + 2] += distance * (volume / state[o + 1])
        state[o + 3] += volume * distance * (typical - state[o + 2])
    if state[o + 1] <= 0.0:
        return NAN
    return state[o + 2] + k * math.sqrt(max(state[o + 3], 0.0) / state[o + 1])  # rounding may leave a shade below 0


def _session_extreme(sign: float) -> Callable[..., float]:
    def step(state: State, o: int, price: float, ordinal: float) -> float:
        """State: session, whether a price is known, the extreme."""
        if math.isnan(ordinal):
            return NAN
        if state[o] != ordinal:
            state[o] = ordinal
            state[o + 1] = 0.0
        if math.isnan(price):
            return NAN
        if state[o + 1] == 0.0 or (price - state[o + 2]) * sign > 0.0:
            state[o + 1] = 1.0
            state[o + 2] = price
        return state[o + 2]

    return step


def _opening_range(sign: float) -> Callable[..., float]:
    def step(state: State, o: int, duration: float, price: float, ordinal: float, minutes: float) -> float:
        """State: session, bars of the range seen, whether one of them was unknown, the extreme."""
        if math.isnan(ordinal) or math.isnan(minutes):
            return NAN
        if state[o] != ordinal:
            state[o] = ordinal
            state[o + 1] = 0.0
            state[o + 2] = 0.0
        ahead = duration - minutes * 60.0
        if ahead >= -ROUNDING:
            if math.isnan(price):
                state[o + 2] = 1.0
            elif state[o + 1] == 0.0 or (price - state[o + 3]) * sign > 0.0:
                state[o + 3] = price
            state[o + 1] += 1.0
        if ahead > ROUNDING or state[o + 1] == 0.0 or state[o + 2] != 0.0:
            return NAN
        return state[o + 3]

    return step


def rvol(state: State, o: int, length: float, volume: float, ordinal: float) -> float:
    """State: session, bars of it seen, window of volumes twice over."""
    if math.isnan(ordinal):
        return NAN
    if state[o] != ordinal:
        state[o] = ordinal
        state[o + 1] = 0.0
    n = int(length)
    seen = int(state[o + 1])
    p = o + 2 + seen % n
    total = 0.0
    for i in range(p, p + n):
        total += state[i]
    state[p] = volume
    state[p + n] = volume
    state[o + 1] = seen + 1
    if seen < n or not total > 0.0:
        return NAN
    return volume * n / total


def bar_index(state: State, o: int, ordinal: float) -> float:
    """State: session, bars of it seen."""
    if math.isnan(ordinal):
        return NAN
    if state[o] != ordinal:
        state[o] = ordinal
        state[o + 1] = 0.0
    state[o + 1] += 1.0
    return state[o + 1] - 1.0


def _two() -> int:
    return 2


def _three() -> int:
    return 3


def _four(*constants: float) -> int:
    return 4


def _volumes(n: float) -> int:
    return 1 + doubled_window(n)


def _full(n: float) -> int:
    return int(n)


def _minutes_before(duration: float) -> int:
    """In bars of one minute; longer bars need fewer."""
    return max(math.ceil(duration / 60.0) - 1, 0)


_VOLUME_UNKNOWN = (
    f"{REGULAR_HOURS} Unknown on a bar whose prices or volume are unknown, always so on an index; "
    "the next bar goes on without it."
)
_EXTREME_UNKNOWN = f"{REGULAR_HOURS} Unknown on a bar whose price is unknown; the next bar goes on without it."
_RANGE_UNKNOWN = (
    f"{REGULAR_HOURS} Unknown until the range is complete, and for the whole session when the price of one of its bars "
    "is unknown or none of its bars arrived. Bars that end within the range count, so bars must divide it evenly."
)
_TYPICAL = ("high", "low", "close", "volume", "session.ordinal")
_DURATION = Parameter(
    "duration", (Kind.DURATION,), "time from the open, such as 30m", constant=True, low=1.0, high=SECONDS_IN_DAY
)
_BERKOWITZ = "Berkowitz, Logue & Noser, The Total Cost of Transactions on the NYSE (1988)"
_CRABEL = "Crabel, Day Trading with Short Term Price Patterns and Opening Range Breakout (1990)"
# From 09:29: the first bar ends at the open and is not part of the session.
_BARS = {
    "high": (90.0, 11.0, 13.0, 13.0, 13.0),
    "low": (80.0, 9.0, 11.0, 11.0, 11.0),
    "close": (85.0, 10.0, 12.0, 12.0, 12.0),
    "volume": (500.0, 100.0, 100.0, None, 200.0),
}
_EARLY = "2024-03-05 09:29"

FUNCTIONS = (
    Function(
        name="vwap",
        family="session",
        parameters=(),
        result=Kind.PRICE,
        about=f"Volume-weighted average price since the open of the regular session. {_VOLUME_UNKNOWN}",
        formula="sum(volume * typical) / sum(volume) since the open, typical = (high + low + close) / 3",
        source=_BERKOWITZ,
        examples=(Example("vwap()", _BARS, (None, 10.0, 11.0, None, 11.5), start=_EARLY),),
        step=vwap,
        flow=Flow.SESSION,
        implicit=_TYPICAL,
        state_size=_three,
    ),
    Function(
        name="sigma_band",
        family="session",
        parameters=(Parameter("k", (Kind.NUMBER,), "standard deviations above vwap; negative for below"),),
        result=Kind.PRICE,
        about="Band around vwap: so many volume-weighted standard deviations of the typical price since the open away "
        f"from it. {_VOLUME_UNKNOWN}",
        formula="vwap + k * sqrt(sum(volume * (typical - vwap)^2) / sum(volume)) since the open",
        source="West, Updating Mean and Variance Estimates: An Improved Method (1979), for the running variance",
        examples=(
            Example("sigma_band(2)", _BARS, (None, 10.0, 13.0, None, 11.5 + 2 * 0.75**0.5), start=_EARLY),
            Example("sigma_band(-2)", _BARS, (None, 10.0, 9.0, None, 11.5 - 2 * 0.75**0.5), start=_EARLY),
        ),
        step=sigma_band,
        flow=Flow.SESSION,
        implicit=_TYPICAL,
        state_size=_four,
    ),
    Function(
        name="session_high",
        family="session",
        parameters=(),
        result=Kind.PRICE,
        about=f"Highest price since the open, this bar included. {_EXTREME_UNKNOWN}",
        formula="max(high) since the open",
        source="elementary",
        examples=(
            Example(
                "session_high()", {"high": (90.0, 11.0, None, 10.0, 12.0)}, (None, 11.0, None, 11.0, 12.0), start=_EARLY
            ),
        ),
        step=_session_extreme(1.0),
        flow=Flow.SESSION,
        implicit=("high", "session.ordinal"),
        state_size=_three,
    ),
    Function(
        name="session_low",
        family="session",
        parameters=(),
        result=Kind.PRICE,
        about=f"Lowest price since the open, this bar included. {_EXTREME_UNKNOWN}",
        formula="min(low) since the open",
        source="elementary",
        examples=(
            Example(
                "session_low()", {"low": (1.0, 11.0, None, 12.0, 10.0)}, (None, 11.0, None, 11.0, 10.0), start=_EARLY
            ),
        ),
        step=_session_extreme(-1.0),
        flow=Flow.SESSION,
        implicit=("low", "session.ordinal"),
        state_size=_three,
    ),
    Function(
        name="opening_range_high",
        family="session",
        parameters=(_DURATION,),
        result=Kind.PRICE,
        about=f"Highest price of the first part of the session. {_RANGE_UNKNOWN}",
        formula="max(high) over the bars that end within duration of the open",
        source=_CRABEL,
        examples=(
            Example(
                "opening_range_high(2m)",
                {"high": (90.0, 11.0, 12.0, 15.0, None)},
                (None, None, 12.0, 12.0, 12.0),
                start=_EARLY,
            ),
        ),
        step=_opening_range(1.0),
        flow=Flow.SESSION,
        implicit=("high", "session.ordinal", "session.minutes"),
        state_size=_four,
        warm_up=_minutes_before,
    ),
    Function(
        name="opening_range_low",
        family="session",
        parameters=(_DURATION,),
        result=Kind.PRICE,
        about=f"Lowest price of the first part of the session. {_RANGE_UNKNOWN}",
        formula="min(low) over the bars that end within duration of the open",
        source=_CRABEL,
        examples=(
            Example(
                "opening_range_low(2m)",
                {"low": (1.0, 11.0, 10.0, 8.0, None)},
                (None, None, 10.0, 10.0, 10.0),
                start=_EARLY,
            ),
        ),
        step=_opening_range(-1.0),
        flow=Flow.SESSION,
        implicit=("low", "session.ordinal", "session.minutes"),
        state_size=_four,
        warm_up=_minutes_before,
    ),
    Function(
        name="rvol",
        family="session",
        parameters=(length("how many earlier bars of the session to compare with", default=20.0),),
        result=Kind.NUMBER,
        about="Relative volume: volume of this bar over the mean of the bars before it in the same session. "
        f"{REGULAR_HOURS} Unknown until the session has that many earlier bars, while any volume involved is unknown "
        "(always so on an index), and when the earlier bars traded nothing.",
        formula="volume / mean(volume[1], …, volume[length]), bars of this session only",
        source="elementary",
        examples=(
            Example(
                "rvol(2)", {"volume": (900.0, 100.0, 300.0, 400.0, 350.0)}, (None, None, None, 2.0, 1.0), start=_EARLY
            ),
        ),
        step=rvol,
        flow=Flow.SESSION,
        implicit=("volume", "session.ordinal"),
        state_size=_volumes,
        warm_up=_full,
    ),
    Function(
        name="bar_index",
        family="session",
        parameters=(),
        result=Kind.NUMBER,
        about=f"How many bars of the session came before this one; the first is 0. {REGULAR_HOURS}",
        formula="number of earlier bars since the open",
        source="elementary",
        examples=(Example("bar_index()", {"close": (5.0, 5.0, 5.0, 5.0)}, (None, 0.0, 1.0, 2.0), start=_EARLY),),
        step=bar_index,
        flow=Flow.SESSION,
        implicit=("session.ordinal",),
        state_size=_two,
    ),
)
