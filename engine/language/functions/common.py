"""What the families share: groups of kinds, the parameters that keep coming back, and the wording for unknowns.

Steps use nothing from here but ``NAN`` and ``State``: Numba compiles each on its own, so no step calls another
function of this package. Windows are kept twice over in a buffer of 2n floats, each value written at p and at
p + n; the last n values then lie side by side, oldest first, and sums do not depend on where the history began.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence

from engine.language.catalogue import Parameter
from engine.language.types import Kind

NAN = math.nan
State = MutableSequence[float]

MAGNITUDES = (Kind.NUMBER, Kind.RATIO, Kind.PROBABILITY, Kind.PRICE, Kind.MONEY, Kind.QUANTITY)
AMOUNTS = (*MAGNITUDES, Kind.DURATION)
ORDERED = (*AMOUNTS, Kind.TIME, Kind.CLOCK, Kind.DATE)
PLAIN = (Kind.NUMBER, Kind.RATIO)
UNIT_PRICES = (Kind.PRICE, Kind.PROBABILITY)

LONGEST_WINDOW = 5000.0
SAME = "x"

ANY_UNKNOWN = "Unknown when any argument is unknown."
WINDOW_UNKNOWN = "Unknown while any value in the window is unknown."
RECURSIVE_UNKNOWN = "Unknown on a bar whose input is unknown; the next bar goes on from the last known value."
REGULAR_HOURS = "Unknown outside regular hours."


def series(about: str, kinds: tuple[Kind, ...] = MAGNITUDES) -> Parameter:
    """The series that a function works on; the result has its kind."""
    return Parameter("x", kinds, about, same=SAME)


def length(about: str, low: int = 1, default: float | None = None, name: str = "length") -> Parameter:
    """A window length in bars."""
    return Parameter(
        name, (Kind.NUMBER,), about, constant=True, default=default, low=float(low), high=LONGEST_WINDOW, whole=True
    )


def doubled_window(n: float) -> int:
    """State of a step that keeps its last n values: a count, and the window twice over."""
    return 1 + 2 * int(n)
