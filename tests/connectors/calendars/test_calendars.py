"""Calendars: half days, holidays, clock changes, coverage, and names that do not exist."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.calendars import CalendarError, calendar
from engine.market.events import NANOS, SourceError

NEW_YORK = ZoneInfo("America/New_York")


def ns(*parts: int, zone: ZoneInfo = NEW_YORK) -> int:
    return int(datetime(*parts, tzinfo=zone).timestamp()) * NANOS  # type: ignore[misc,arg-type]


def test_a_normal_day_opens_at_half_past_nine_and_closes_at_four() -> None:
    day = calendar("XNYS").day_at(ns(2011, 1, 3, 10, 0))
    assert day is not None
    assert (day.open_ns, day.close_ns) == (ns(2011, 1, 3, 9, 30), ns(2011, 1, 3, 16, 0))
    assert date.fromordinal(day.ordinal) == date(2011, 1, 3)


def test_christmas_eve_2015_closes_at_one() -> None:
    day = calendar("XNYS").day_at(ns(2015, 12, 24, 12, 0))
    assert day is not None and day.close_ns == ns(2015, 12, 24, 13, 0)


def test_pre_market_and_late_evening_belong_to_the_session_of_their_local_date() -> None:
    sessions = calendar("XNYS")
    early, late = sessions.day_at(ns(2011, 1, 3, 4, 0)), sessions.day_at(ns(2011, 1, 3, 23, 59))
    assert early is not None and early == late == sessions.day_at(ns(2011, 1, 3, 12, 0))


@pytest.mark.parametrize("parts", [(2011, 1, 17, 12, 0), (2011, 1, 15, 12, 0), (2012, 10, 29, 12, 0)])
def test_holidays_weekends_and_storm_closures_have_no_session(parts: tuple[int, ...]) -> None:
    assert calendar("XNYS").day_at(ns(*parts)) is None


def test_the_calendar_reaches_well_before_the_librarys_default_range() -> None:
    assert calendar("XNYS").day_at(ns(1998, 3, 4, 12, 0)) is not None


@pytest.mark.parametrize("year", [1989, 2036])
def test_a_date_outside_the_range_is_refused_and_not_taken_for_a_holiday(year: int) -> None:
    with pytest.raises(CalendarError) as caught:
        calendar("XNYS").day_at(ns(year, 6, 15, 12, 0))
    assert str(caught.value) == f"calendar 'XNYS' covers 1990-01-02 to 2035-12-31; {year}-06-15 is outside"


def test_an_absurd_instant_is_refused() -> None:
    with pytest.raises(CalendarError, match="an instant no calendar can hold; are the units right"):
        calendar("XNYS").day_at(10**30)


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(SourceError) as caught:
        calendar("XNYSE")
    assert str(caught.value) == "there is no calendar 'XNYSE'; did you mean XNYS?"
    with pytest.raises(SourceError) as caught:
        calendar("moon base")
    assert str(caught.value) == "there is no calendar 'moon base'; use an exchange code such as XNYS, or '24/7'"


def test_overnight_sessions_are_refused_because_a_local_date_would_not_name_them() -> None:
    with pytest.raises(CalendarError, match="'us_futures' has sessions that begin on the evening before"):
        calendar("us_futures")


def test_offsets_follow_the_clock_change_to_the_second() -> None:
    sessions = calendar("XNYS")
    change = ns(2011, 3, 13, 7, 0, zone=ZoneInfo("UTC"))
    assert sessions.utc_offset_ns(change - 1) == -5 * 3600 * NANOS
    assert sessions.utc_offset_ns(change) == -4 * 3600 * NANOS


@given(st.datetimes(datetime(1995, 1, 1), datetime(2030, 1, 1)))
def test_offsets_agree_with_zoneinfo_at_every_instant(when: datetime) -> None:
    aware = when.replace(tzinfo=UTC, microsecond=0)
    offset = aware.astimezone(NEW_YORK).utcoffset()
    assert offset is not None
    assert calendar("XNYS").utc_offset_ns(int(aware.timestamp()) * NANOS) == offset.total_seconds() * NANOS


@given(st.lists(st.datetimes(datetime(2011, 3, 1), datetime(2011, 3, 31)), min_size=2))
def test_a_session_does_not_depend_on_what_was_asked_before(whens: list[datetime]) -> None:
    sessions = calendar("XNYS")
    for when in whens:
        day = sessions.day_at(int(when.replace(tzinfo=UTC).timestamp()) * NANOS)
        local = when.replace(tzinfo=UTC).astimezone(NEW_YORK).date()
        assert (date.fromordinal(day.ordinal) if day else None) == (local if local.weekday() < 5 else None)


def test_always_open_days_run_from_midnight_to_midnight_utc() -> None:
    utc = ZoneInfo("UTC")
    day = calendar("24/7").day_at(ns(2024, 2, 29, 0, 0, zone=utc))
    assert day is not None
    assert (day.open_ns, day.close_ns) == (ns(2024, 2, 29, 0, 0, zone=utc), ns(2024, 3, 1, 0, 0, zone=utc))
    assert date.fromordinal(day.ordinal) == date(2024, 2, 29)
    assert calendar("24/7").utc_offset_ns(day.open_ns) == 0


def test_always_open_needs_neither_pandas_nor_the_exchange_library() -> None:
    code = ("import sys; from connectors.calendars import calendar; calendar('24/7').day_at(0); "
            "sys.exit(any(m in sys.modules for m in ('pandas', 'exchange_calendars')))")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
