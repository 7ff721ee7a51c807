"""Trading days without data are counted, so that nobody takes a few days of many years for all of them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from connectors.calendars import calendar
from engine.research.gaps import days_without_data


def at(*texts: str) -> list[int]:
    zone = ZoneInfo("America/New_York")
    return [int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * 10**9 for text in texts]


@pytest.mark.parametrize(
    ("times", "missing"),
    [
        (at("2024-03-04 10:00", "2024-03-05 10:00"), 0),
        (at("2024-03-04 10:00", "2024-03-06 16:00"), 1),  # Tuesday has nothing, Wednesday its last minute
        (at("2024-03-08 10:00", "2024-03-11 10:00"), 0),  # a weekend on which clocks change
        (at("2024-03-28 16:00", "2024-04-01 10:00"), 0),  # Good Friday
        (at("2024-03-04 10:00", "2024-03-05 08:00", "2024-03-06 10:00"), 1),  # before the open is not in the session
        (at("2011-01-03 10:00", "2011-12-30 16:00"), 250),  # 252 sessions, of two of which there is data
        (at("2024-03-04 10:00"), 0),
        ([], 0),
    ],
)
def test_sessions_between_the_first_and_the_last_tick_are_counted(times: list[int], missing: int) -> None:
    assert days_without_data(times, calendar("XNYS")) == missing


def test_the_same_sessions_are_missed_by_other_clocks() -> None:
    times = at("2024-03-04 10:00", "2024-03-06 16:00")
    assert days_without_data(times, calendar("XNYS@Europe/Berlin")) == 1


def test_an_exchange_that_never_closes_misses_nothing() -> None:
    assert days_without_data(at("2024-03-04 10:00", "2024-05-06 16:00"), calendar("24/7")) == 0
