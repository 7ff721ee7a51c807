"""Which session a stretch of time was: half days, holidays, and the windows as a run opens and closes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.calendars import CalendarError, calendar
from engine.decide.clock import Clock
from engine.decide.labels import ExtendedHours, Stretch, calendar_stretches, window_stretches
from engine.decide.sessions import Windows
from engine.market.events import NANOS
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text
from engine.ruleset.rules import Pack

NEW_YORK = ZoneInfo("America/New_York")
HOURS = ExtendedHours(4 * 3600, 20 * 3600, 17 * 3600)
PACK = "kind: pack\nname: p\nvenue: paper\ntimezone: America/New_York\ncalendar: {}\nuniverse: [SPY]\n"


def pack_of(sessions: str, calendar_name: str = "XNYS") -> Pack:
    files = [load_text("pack.yaml", PACK.format(calendar_name)), load_text("rules.yaml", sessions)]
    ruleset = link([PackFiles("p", files)])
    assert not ruleset.findings
    return ruleset.packs["p"]


def told(stretches: Any) -> list[str]:
    def clock(time_ns: int) -> str:
        return datetime.fromtimestamp(time_ns / NANOS, UTC).astimezone(NEW_YORK).strftime("%d %H:%M")

    return [f"{clock(s.start_ns)} {clock(s.end_ns)[3:]} {s.label}" for s in stretches]


def test_a_half_day_has_two_names_and_a_holiday_none() -> None:
    days = calendar_stretches(calendar("XNYS"), date(2024, 7, 3), date(2024, 7, 5), HOURS)
    assert told(days) == [
        "03 04:00 09:30 pre", "03 09:30 13:00 half_day", "03 09:30 13:00 regular", "03 13:00 17:00 post",
        "05 04:00 09:30 pre", "05 09:30 16:00 regular", "05 16:00 20:00 post",
    ]  # fmt: skip


def test_an_exchange_of_which_no_more_is_known_has_its_sessions_alone() -> None:
    days = list(calendar_stretches(calendar("XLON"), date(2024, 12, 23), date(2024, 12, 26)))
    assert [stretch.label for stretch in days] == ["regular", "half_day", "regular"]
    always = list(calendar_stretches(calendar("24/7"), date(2024, 7, 3), date(2024, 7, 4)))
    assert [stretch.label for stretch in always] == ["regular"] * 2 and always[0].end_ns == always[1].start_ns


def test_the_ends_of_a_calendar() -> None:
    first = list(calendar_stretches(calendar("XNYS"), date(1990, 1, 2), date(1990, 1, 2)))
    assert [stretch.label for stretch in first] == ["regular"]
    with pytest.raises(CalendarError, match="covers 1990"):
        list(calendar_stretches(calendar("XNYS"), date(1980, 1, 2), date(1980, 1, 2)))


def test_windows_end_with_the_session_and_are_named_by_their_pack() -> None:
    pack = pack_of(
        "kind: session\nname: noon\nhours: 12:00-14:00\n---\n"
        "kind: session\nname: mondays\ndays: mon\nhours: 10:00-11:00"
    )
    stretches = window_stretches(pack.sessions, calendar("XNYS"), date(2024, 7, 1), date(2024, 7, 4))
    assert told(stretches) == [
        "01 10:00 11:00 p.mondays", "01 12:00 14:00 p.noon", "02 12:00 14:00 p.noon", "03 12:00 13:00 p.noon"
    ]  # fmt: skip


WINDOWS = """\
kind: session
name: early
hours: [09:31-10:30, 12:00-15:00]
---
kind: session
name: whole
days: tue..fri
hours: 00:00-24:00
---
kind: session
name: night
days: [mon, thu]
hours: 22:00-10:00
"""


@pytest.mark.parametrize("name", ["XNYS", "24/7"])
@given(day=st.dates(date(2023, 10, 1), date(2024, 12, 31)), second=st.integers(0, 86_399))
def test_windows_are_those_that_a_run_opens(name: str, day: date, second: int) -> None:
    pack, exchange = pack_of(WINDOWS, name), calendar(name)
    zone = ZoneInfo(exchange.timezone)
    at_ns = int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() + second) * NANOS
    clock = Clock(exchange, (0.0,) * 7)
    windows = Windows(pack, (clock,) * len(pack.sessions))
    clock.watched = True
    clock.move(at_ns)
    session = clock.session
    if session is not None and at_ns in (session.open_ns, session.close_ns):
        at_ns += 1  # of the very instant the module says that it differs
        clock.move(at_ns)
    windows.update()
    around = window_stretches(pack.sessions, exchange, day - timedelta(days=1), day)
    assert {s.label for s in around if s.start_ns <= at_ns < s.end_ns} == {s.key for s in windows.open}


def test_a_stretch_is_never_empty() -> None:
    pack = pack_of("kind: session\nname: late\nhours: 16:00-20:00")
    days = (date(2024, 7, 1), date(2024, 7, 5))
    assert list(window_stretches(pack.sessions, calendar("XNYS"), *days)) == list[Stretch]()
