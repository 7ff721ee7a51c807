"""Replaying the real minute bars and quotes that lie beside the project."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.calendars import calendar
from connectors.replay import ReplaySource
from engine.market.events import NANOS, Bar, Quote, Tick

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
EQUITIES = DATA / "equities"
NEW_YORK = ZoneInfo("America/New_York")

pytestmark = pytest.mark.skipif(not EQUITIES.is_dir(), reason="the real data (../shared/data/equities) is not here")


def local(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // NANOS, NEW_YORK)


def counts(ticks: list[Tick]) -> Counter[tuple[type, str]]:
    return Counter((type(event), event.symbol) for tick in ticks for event in tick.events)


def test_all_of_january_2011() -> None:
    ticks = list(ReplaySource(DATA, ["SPY"], date(2011, 1, 1), date(2011, 1, 31)).ticks())
    assert counts(ticks) == {(Bar, "SPY"): 14_180}
    assert len({local(tick.time_ns).date() for tick in ticks}) == 20
    first, last = ticks[0].events[0], ticks[-1].events[0]
    assert first == Bar("SPY", 1294045200 * NANOS, 60, 126.35, 126.39, 126.35, 126.39, 1579.0)
    assert local(last.start_ns).date() == date(2011, 1, 31)  # type: ignore[union-attr]
    sessions = calendar("XNYS")
    regular = [t for t in ticks if (day := sessions.day_at(t.time_ns)) is not None and day.contains(t.time_ns)]
    assert len(regular) == 20 * 390


def test_pre_market_and_after_hours_bars_are_delivered() -> None:
    source = ReplaySource(EQUITIES, ["SPY"], date(2011, 1, 3), date(2011, 1, 3))
    hours = [local(tick.time_ns) for tick in source.ticks()]
    assert (hours[0].hour, hours[0].minute) == (4, 1)
    assert hours[-1].hour == 20


def test_october_2013_has_four_stocks_and_their_quotes() -> None:
    source = ReplaySource(EQUITIES, ["AIG", "BAC", "IBM", "SPY"], date(2013, 10, 1), date(2013, 10, 31))
    ticks = list(source.ticks())
    found = counts(ticks)
    assert {symbol: n for (kind, symbol), n in found.items() if kind is Bar} == {
        "AIG": 2558, "BAC": 3466, "IBM": 2566, "SPY": 4839}
    assert {symbol for kind, symbol in found if kind is Quote} == {"AIG", "BAC", "IBM", "SPY"}
    order = [[(isinstance(event, Bar), event.symbol) for event in tick.events] for tick in ticks]
    assert all(events == sorted(events) for events in order)
    assert source.duplicates_dropped == 0


def test_missing_minutes_are_simply_not_there() -> None:
    times = [t.time_ns for t in ReplaySource(EQUITIES, ["AIG"], date(2013, 10, 4), date(2013, 10, 4)).ticks()
             if any(isinstance(event, Bar) for event in t.events)]
    assert any(later - earlier > 60 * NANOS for earlier, later in pairwise(times))


def test_an_index_day_has_no_volume_and_no_quotes() -> None:
    ticks = list(ReplaySource(DATA, ["I:SPX"], date(2021, 1, 4), date(2021, 1, 4)).ticks())
    assert counts(ticks) == {(Bar, "SPX"): 411}
    assert all(event.volume is None for tick in ticks for event in tick.events)  # type: ignore[union-attr]


def test_the_regular_bars_of_christmas_eve_2015_end_at_one() -> None:
    ticks = list(ReplaySource(EQUITIES, ["GOOG"], date(2015, 12, 24), date(2015, 12, 24)).ticks())
    assert counts(ticks)[Bar, "GOOG"] == 227
    day = calendar("XNYS").day_at(ticks[0].time_ns)
    assert day is not None
    bars = [tick.time_ns for tick in ticks if day.contains(tick.time_ns) and counts([tick])[Bar, "GOOG"]]
    assert (local(day.close_ns).hour, local(bars[-1]).hour, len(bars)) == (13, 13, 210)


def test_quotes_with_an_empty_ask_have_no_ask() -> None:
    ticks = ReplaySource(EQUITIES, ["NWSA"], date(2013, 6, 27), date(2013, 6, 28)).ticks()
    open_sides = [event for tick in ticks for event in tick.events if isinstance(event, Quote) and event.ask is None]
    assert [(quote.bid, quote.bid_size, quote.ask_size) for quote in open_sides] == [
        (30.0, 300.0, None), (30.0, 300.0, None), (32.01, 100.0, None)]


def test_a_layout_below_or_one_file_will_do() -> None:
    stocks = EQUITIES / "us_stocks_sip" / "minute_aggs_v1"
    for root in (EQUITIES / "us_stocks_sip", stocks, stocks / "2013" / "10",
                 stocks / "2013" / "10" / "2013-10-04.csv.gz"):
        ticks = list(ReplaySource(root, ["SPY"], date(2013, 10, 4), date(2013, 10, 4)).ticks())
        assert counts(ticks) == {(Bar, "SPY"): 711}


def test_everything_replays_in_strictly_increasing_time() -> None:
    source = ReplaySource(DATA)
    ticks = list(source.ticks())
    times = [tick.time_ns for tick in ticks]
    assert times == sorted(set(times))
    assert sum(counts(ticks).values()) == 37_250 + 24_142
    assert source.symbols_available() == [
        "AAPL", "AIG", "BAC", "FOXA", "GOOG", "IBM", "NWSA", "SHY", "SPX", "SPY", "TWX"]
