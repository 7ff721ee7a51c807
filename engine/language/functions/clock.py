"""Time within the regular session: minutes_since_open, minutes_to_close."""

from __future__ import annotations

from engine.language.catalogue import Example, Function
from engine.language.functions.common import REGULAR_HOURS
from engine.language.types import Kind


def minutes_since_open(minutes: float) -> float:
    return minutes


def minutes_to_close(minutes_left: float) -> float:
    return minutes_left


FUNCTIONS = (
    Function(
        name="minutes_since_open",
        family="time",
        parameters=(),
        result=Kind.NUMBER,
        about=f"Minutes since the regular session opened. {REGULAR_HOURS}",
        formula="(time - open of the session) / 1m",
        source="the instrument's trading calendar",
        examples=(
            Example("minutes_since_open()", {"close": (5.0, 5.0, 5.0)}, (None, 1.0, 2.0), start="2024-03-05 09:29"),
        ),
        step=minutes_since_open,
        implicit=("session.minutes",),
    ),
    Function(
        name="minutes_to_close",
        family="time",
        parameters=(),
        result=Kind.NUMBER,
        about=f"Minutes until the regular session closes, early on half days. {REGULAR_HOURS}",
        formula="(close of the session - time) / 1m",
        source="the instrument's trading calendar",
        examples=(
            Example("minutes_to_close()", {"close": (5.0, 5.0, 5.0)}, (1.0, 0.0, None), start="2024-03-05 15:58"),
        ),
        step=minutes_to_close,
        implicit=("session.minutes_left",),
    ),
)
