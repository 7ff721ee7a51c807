"""How many bars rules must have seen, and the instant from which they are read."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from connectors.calendars import calendar
from engine.cli.on_venue.warm_up import begin_of
from engine.plan.lookback import Lookback, Warming, lookback, of_session, warming
from tests.plan.conftest import Watcher, strategy

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "need"),
    [
        ("bid > 1 and spread > 0", Lookback()),
        ("close > open", Lookback(0, 0, True)),
        ("close > 1 for 30m", Lookback(0, 0, True)),
        ("close[3] > 1", Lookback(180, 0, True)),
        ("sma(close, 30) > 1", Lookback(29 * 60, 0, True)),
        ("ema(close, 50) > 1", Lookback(490 * 60, 0, True)),
        ("sma(ema(close, 11), 5) > 1", Lookback((100 + 4) * 60, 0, True)),
        ("on(5m, sma(close, 4)) > 1", Lookback(3 * 300, 0, True)),
        ("on(1d, sma(close, 4)) > 1", Lookback(0, 3, True)),
        ("vwap() > 1", Lookback(0, 0, True)),
    ],
)
def test_how_far_back_an_expression_looks(text: str, need: Lookback) -> None:
    assert lookback([Watcher(strategy("s", text)).program]) == need


def test_what_is_still_warming_up_has_a_name_and_a_number_of_bars() -> None:
    program = Watcher(strategy("s", "sma(close, 30) > vwap() and on(5m, sma(close, 4)) > 1")).program
    assert set(warming(program)) == {Warming("sma(close, 30)", 30, 60), Warming("sma(close, 4)", 4, 300)}
    assert of_session(program) == ["vwap()"]


@pytest.mark.parametrize(
    ("now", "need", "first"),
    [
        ("2026-11-20 09:31", Lookback(0, 0, True), "2026-11-20"),
        ("2026-11-20 15:59", Lookback(0, 0, True), "2026-11-20"),
        ("2026-11-20 09:31", Lookback(60), "2026-11-19"),
        ("2026-11-20 09:31", Lookback(391 * 60), "2026-11-18"),
        ("2026-11-30 09:31", Lookback(390 * 60), "2026-11-25"),  # the Friday before is a half day, the Thursday none
        ("2026-11-03 09:31", Lookback(0, 3), "2026-10-29"),  # the clocks have changed in between
        ("2026-11-20 09:31", Lookback(0, 200), "2026-11-13"),  # five sessions are the most here
        ("2026-11-22 12:00", Lookback(60), "2026-11-20"),  # a Sunday
    ],
)
def test_bars_are_read_from_the_midnight_of_a_day_that_is_the_same_all_day(
    now: str, need: Lookback, first: str
) -> None:
    time_ns = int(datetime.fromisoformat(now).replace(tzinfo=NEW_YORK).timestamp()) * 10**9
    found = datetime.fromtimestamp(begin_of(calendar("XNYS"), time_ns, need, 5) // 10**9, UTC).astimezone(NEW_YORK)
    assert (found.date().isoformat(), found.hour, found.minute) == (first, 0, 0)
