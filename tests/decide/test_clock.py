"""Clocks go by the zone that a pack or a session names, over changes of clocks, whatever zone an exchange has."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.calendars import CalendarError, calendar
from engine.decide.clock import Clock
from engine.decide.sessions import Windows, calendar_of, window_calendars
from engine.market.calendar import in_zone
from engine.market.events import NANOS
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text
from engine.ruleset.rules import Pack

# Changes at two in the morning, at midnight either way, of half an hour, and none.
ZONES = ("America/New_York", "Asia/Beirut", "Atlantic/Azores", "Australia/Lord_Howe", "UTC")
CHANGES = {"America/New_York": [(2026, 3, 8), (2026, 11, 1)], "Asia/Beirut": [(2026, 3, 29), (2026, 10, 24)]}
MINUTES = st.integers(0, 4 * 24 * 60)


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * NANOS


def clock_in(zone: str) -> Clock:
    clock = Clock(calendar(f"24/7@{zone}"), tuple(map(float, range(7))))
    clock.watched = True
    return clock


@pytest.mark.parametrize("zone", ZONES)
@given(begin=st.dates(date(2024, 1, 1), date(2027, 12, 31)), steps=st.lists(st.integers(1, 2_000), max_size=60))
def test_a_clock_is_that_on_the_wall(zone: str, begin: date, steps: list[int]) -> None:
    on_the_wall(zone, datetime(begin.year, begin.month, begin.day, tzinfo=UTC), steps)


@pytest.mark.parametrize(("zone", "day"), [(zone, day) for zone, days in CHANGES.items() for day in days])
def test_it_is_on_days_on_which_clocks_are_changed(zone: str, day: tuple[int, int, int]) -> None:
    on_the_wall(zone, datetime(*day, tzinfo=UTC) - timedelta(days=1), [7] * 500)


def on_the_wall(zone: str, begin: datetime, steps: list[int]) -> None:
    clock, dates, moment = clock_in(zone), list[date](), begin
    for minutes in steps:
        moment += timedelta(minutes=minutes)
        new_day, wall = clock.move(ns(moment)), moment.astimezone(ZoneInfo(zone))
        assert clock.seconds_of_day == wall.hour * 3600 + wall.minute * 60 + wall.second
        assert (clock.day, clock.weekday) == (wall.toordinal(), wall.weekday())
        assert new_day == (not dates or wall.date() != dates[-1]), "a day begins once"
        dates.append(wall.date())
        tomorrow = datetime.fromtimestamp(clock.day_end_ns // NANOS, ZoneInfo(zone))
        assert tomorrow.date() == wall.date() + timedelta(days=1)
        assert datetime.fromtimestamp(clock.day_end_ns // NANOS - 1, ZoneInfo(zone)).date() == wall.date()
        assert clock.in_session or clock.seconds_of_day == 0


def pack_of(sessions: str, head: str = "timezone: America/New_York") -> Pack:
    files = [
        load_text("pack.yaml", f"kind: pack\nname: p\nvenue: kalshi\nuniverse: [KX]\n{head}\n"),
        load_text("rules.yaml", sessions),
    ]
    ruleset = link([PackFiles("p", files)])
    assert not ruleset.findings
    return ruleset.packs["p"]


def open_at(pack: Pack, moment: datetime) -> list[str]:
    calendars = {name: calendar(name) for name in window_calendars([pack], calendar)}
    clocks = {name: Clock(found, (0.0,) * 7) for name, found in calendars.items()}
    for clock in clocks.values():
        clock.watched = True
        clock.move(ns(moment))
    windows = Windows(pack, tuple(clocks[calendar_of(session, calendars)] for session in pack.sessions))
    windows.update()
    edge = windows.next_change_ns()
    for clock in clocks.values():
        clock.move(edge - 1)
    assert not windows.update(), "nothing changes before it is said to"
    return [session.name for session in windows.open]


def test_a_pack_without_an_exchange_has_windows_by_its_own_zone() -> None:
    pack = pack_of("kind: session\nname: day\nhours: 09:30-16:00")
    new_york = ZoneInfo("America/New_York")
    for month in (1, 7):  # winter and summer
        assert open_at(pack, datetime(2026, month, 6, 9, 29, tzinfo=new_york)) == []
        assert open_at(pack, datetime(2026, month, 6, 9, 30, tzinfo=new_york)) == ["day"]
        assert open_at(pack, datetime(2026, month, 6, 16, 0, tzinfo=new_york)) == []


def test_a_session_may_have_a_zone_and_an_exchange_of_its_own() -> None:
    pack = pack_of(
        "kind: session\nname: tokyo\ntimezone: Asia/Tokyo\nhours: 09:00-10:00\n---\n"
        "kind: session\nname: london\ntimezone: Europe/London\ncalendar: XLON\nhours: 08:00-16:30\n---\n"
        "kind: session\nname: berlin_in_new_york\ncalendar: XNYS\ntimezone: Europe/Berlin\nhours: 15:00-16:00\n---\n"
        "kind: session\nname: evening\nhours: 19:00-21:00"
    )
    assert open_at(pack, datetime(2026, 1, 6, 0, 30, tzinfo=UTC)) == ["tokyo", "evening"]
    assert open_at(pack, datetime(2026, 1, 6, 8, 30, tzinfo=UTC)) == ["london"]
    assert open_at(pack, datetime(2026, 1, 6, 14, 45, tzinfo=UTC)) == ["london", "berlin_in_new_york"]
    assert open_at(pack, datetime(2026, 1, 1, 8, 30, tzinfo=UTC)) == [], "London has a holiday"


def test_sessions_over_midnight_of_a_zone_are_refused() -> None:
    assert in_zone("XNYS", "America/New_York", calendar) == "XNYS"
    assert calendar(in_zone("XNYS", "UTC", calendar)).day_at(ns(datetime(2026, 1, 6, 20, tzinfo=UTC))) is not None
    with pytest.raises(CalendarError, match=r"midnight in Asia/Tokyo .* write `timezone: America/New_York`"):
        calendar(in_zone("XNYS", "Asia/Tokyo", calendar))
    with pytest.raises(CalendarError, match="no timezone 'Moon/Base'"):
        calendar("24/7@Moon/Base")
