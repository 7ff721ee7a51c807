"""Axes: closed hours take no room, ticks stand at round values, thinning keeps the extremes."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.report.axis import Ints, MarketAxis, round_values, thin

NEW_YORK = "America/New_York"
SECOND = 1_000_000_000


def instants(*texts: str) -> Ints:
    moments = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts)
    return np.array([int(moment.timestamp()) * SECOND for moment in moments], dtype=np.int64)


def minutes(*days: str, hours: float = 6.5) -> Ints:
    """A point a minute for each UTC date, from 14:30 UTC (09:30 in New York's winter)."""
    opens = instants(*(f"{day}T14:30" for day in days))
    return np.concatenate([open_ns + np.arange(int(hours * 60) + 1) * 60 * SECOND for open_ns in opens])


def test_a_week_end_takes_no_room() -> None:
    axis = MarketAxis.over(minutes("2011-01-07", "2011-01-10"), NEW_YORK)
    friday_close, saturday, monday_open, monday_noon = axis.positions(
        instants("2011-01-07T21:00", "2011-01-08T12:00", "2011-01-10T14:30", "2011-01-10T17:45")
    )
    assert friday_close == saturday == monday_open == pytest.approx(0.5)
    assert monday_noon == pytest.approx(0.75)


def test_instants_outside_the_data_stay_on_the_axis() -> None:
    axis = MarketAxis.over(minutes("2011-01-07"), NEW_YORK)
    assert axis.positions(instants("2000-01-01", "2030-01-01")).tolist() == [0.0, 1.0]


def test_hours_of_one_day_are_round_in_local_time() -> None:
    ticks = MarketAxis.over(minutes("2011-01-07"), NEW_YORK).ticks()
    assert [tick.label for tick in ticks] == ["10:00 Jan 07", "11:00", "12:00", "13:00", "14:00", "15:00", "16:00"]
    assert ticks[0].position == pytest.approx(0.5 / 6.5)


def test_more_days_are_marked_by_day_then_week_then_month_then_year() -> None:
    def labels(first: str, days: int) -> list[str]:
        dates = np.datetime64(first) + np.arange(days)
        working = [str(day) for day in dates if np.is_busday(day)]
        return [tick.label for tick in MarketAxis.over(minutes(*working, hours=1), NEW_YORK).ticks()]

    assert labels("2011-01-03", 5) == ["Jan 03", "Jan 04", "Jan 05", "Jan 06", "Jan 07"]
    assert labels("2011-01-03", 26) == ["Jan 03", "Jan 10", "Jan 17", "Jan 24"]
    assert labels("2011-01-03", 120) == ["Jan 2011", "Feb 2011", "Mar 2011", "Apr 2011", "May 2011"]
    assert labels("2010-12-31", 1200) == ["2010", "2011", "2012", "2013", "2014"]


def test_days_of_different_years_name_the_year() -> None:
    axis = MarketAxis.over(minutes("2011-01-03", "2011-01-04", "2013-10-07"), NEW_YORK)
    assert [tick.label for tick in axis.ticks()] == ["Jan 03, 2011", "Jan 04, 2011", "Oct 07, 2013"]


def test_daily_bars_are_evenly_spaced() -> None:
    axis = MarketAxis.over(instants("2011-01-06T21:00", "2011-01-07T21:00", "2011-01-10T21:00"), NEW_YORK)
    assert axis.positions(instants("2011-01-06T21:00", "2011-01-07T21:00", "2011-01-10T21:00")).tolist() == (
        pytest.approx([0, 1 / 3, 2 / 3])
    )


def test_a_single_instant_still_has_a_tick() -> None:
    assert [tick.position for tick in MarketAxis.over(instants("2011-01-06T21:07"), NEW_YORK).ticks()] == [0.0]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_value_ticks_are_round_few_and_inside(low: float, span: float) -> None:
    high = low + span
    values = round_values(low, high, 6)
    assert 2 <= len(values) <= 7
    step = values[1] - values[0]
    assert all(low - step * 1e-3 <= value <= high + step * 1e-3 for value in values)
    digit = step / 10 ** np.floor(np.log10(step * 1.0001))
    assert min(abs(digit - round_one) for round_one in (1, 2, 5)) < 1e-3


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(4, 60))
def test_thinning_keeps_ends_extremes_and_order(values: list[float], most: int) -> None:
    positions = np.linspace(0, 1, len(values))
    kept_at, kept = thin(positions, np.array(values), most)
    assert len(kept) <= max(most, 4)
    assert (kept.min(), kept.max()) == (min(values), max(values))
    assert (kept[0], kept[-1]) == (values[0], values[-1])
    assert (np.diff(kept_at) > 0).all()
