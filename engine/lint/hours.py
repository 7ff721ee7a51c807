"""How long an exchange is open at most. Looked up only when something takes long enough for that to matter."""

from __future__ import annotations

import warnings
from functools import cache

SHORTEST_MINUTES = 120.0  # no exchange's full day is shorter
FIRST, LAST = "2015-01-01", "2024-12-31"


def longest_session(calendar: str, at_least: float) -> float | None:
    """Minutes of the calendar's longest regular session; None if ``at_least`` minutes fit any, or if it is unknown."""
    return _longest(calendar) if calendar and at_least >= SHORTEST_MINUTES else None


@cache
def _longest(calendar: str) -> float | None:
    import exchange_calendars as library  # late: it brings pandas, most of a second

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = library.get_calendar(calendar, start=FIRST, end=LAST)
            return float(max(found.closes_nanos - found.opens_nanos)) / 60e9
    except Exception:  # a calendar that does not exist is found when the rules are run; nothing follows from it here
        return None
