"""The simulated market: the same from the same seed, on real sessions, believable, and tradable within a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, pairwise
from statistics import mean
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.calendars import CalendarError, calendar
from connectors.simulated import SimulatedSource
from engine.market.calendar import TradingDay
from engine.market.events import NANOS, Bar, Quote, SourceError, Tick

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = datetime(2024, 1, 8, tzinfo=NEW_YORK)


def run(*symbols: str, start: datetime = MONDAY, **options: object) -> list[Tick]:
    if not options.keys() & {"days", "bars"}:
        options["days"] = 1
    return list(SimulatedSource(symbols, start, **options).ticks())  # type: ignore[arg-type]


def bars(ticks: list[Tick], symbol: str) -> list[Bar]:
    return [event for tick in ticks for event in tick.events if isinstance(event, Bar) and event.symbol == symbol]


def quotes(ticks: list[Tick], symbol: str) -> list[Quote]:
    return [event for tick in ticks for event in tick.events if isinstance(event, Quote) and event.symbol == symbol]


def local(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // NANOS, NEW_YORK)


def test_the_same_seed_gives_the_same_market_and_another_seed_another() -> None:
    source = SimulatedSource(["SPY", "NDX"], MONDAY, days=1, seed=7)
    again = run("SPY", "NDX", seed=7)
    assert list(source.ticks()) == list(source.ticks()) == again
    assert run("SPY", "NDX", seed=8) != again


def test_a_symbols_path_does_not_depend_on_what_else_is_asked_for() -> None:
    assert bars(run("SPY"), "SPY") == bars(run("AAPL", "NDX", "QQQ", "SPX", "SPY"), "SPY")


def test_a_later_start_shows_the_same_day_from_there_on() -> None:
    late = run("SPY", start=MONDAY.replace(hour=11))
    assert late == [tick for tick in run("SPY") if tick.time_ns > int(MONDAY.replace(hour=11).timestamp()) * NANOS]
    assert local(late[0].time_ns).strftime("%H:%M") == "11:01"


def test_ticks_fill_the_sessions_of_the_exchange_half_day_and_holidays_included() -> None:
    ticks = run("SPY", start=datetime(2015, 12, 23, 8, 0, tzinfo=NEW_YORK), days=3)
    closes = [local(a.time_ns) for a, b in pairwise([*ticks, Tick(0, [])]) if b.time_ns - a.time_ns != 60 * NANOS]
    assert [when.strftime("%m-%d %H:%M") for when in closes] == ["12-23 16:00", "12-24 13:00", "12-28 16:00"]
    assert len(ticks) == 390 + 210 + 390


def test_an_evening_start_waits_for_the_next_session() -> None:
    first = run("SPY", start=datetime(2024, 1, 5, 17, 0, tzinfo=NEW_YORK), bars=1)
    assert local(first[0].time_ns).strftime("%Y-%m-%d %H:%M") == "2024-01-08 09:31"


def test_sessions_may_be_given_and_a_market_may_never_close() -> None:
    day = TradingDay(1, 0, 600 * NANOS)
    assert len(run("SPY", start=datetime(1970, 1, 1, tzinfo=UTC), calendar=[day])) == 10
    round_the_clock = run("BTC", start=datetime(2024, 1, 6, tzinfo=UTC), calendar="24/7", days=2)
    assert [b.time_ns - a.time_ns for a, b in pairwise(round_the_clock)] == [60 * NANOS] * (2 * 1440 - 1)


def test_bars_and_interval_say_how_many_and_how_long() -> None:
    ticks = run("SPX", bars=30, interval_s=300)
    assert len(ticks) == 30
    assert {event.seconds for tick in ticks for event in tick.events if isinstance(event, Bar)} == {300}
    assert [b.time_ns - a.time_ns for a, b in pairwise(ticks)] == [300 * NANOS] * 29


def test_without_an_end_it_goes_on_to_the_end_of_the_calendar() -> None:
    def endless(start: datetime) -> Iterator[Tick]:
        return SimulatedSource(["SPX"], start, interval_s=3600).ticks()

    assert local(list(islice(endless(MONDAY), 200))[-1].time_ns).strftime("%Y-%m") == "2024-02"
    with pytest.raises(CalendarError, match="covers 1990-01-02 to 2035-12-31"):
        list(endless(datetime(2035, 12, 27, tzinfo=UTC)))


def test_indices_have_neither_volume_nor_quotes_and_shares_have_both() -> None:
    ticks = run("SPX", "SPY")
    assert {bar.volume for bar in bars(ticks, "SPX")} == {None}
    assert quotes(ticks, "SPX") == []
    assert all(bar.volume is not None and bar.volume >= 1 for bar in bars(ticks, "SPY"))
    assert len(bars(ticks, "SPX")) == len(quotes(ticks, "SPY")) == 390


def test_proxies_follow_their_index_at_their_ratio() -> None:
    ticks = run("SPX", "SPY", "NDX", "QQQ", days=3)
    for proxy, index, ratio in (("SPY", "SPX", 0.1), ("QQQ", "NDX", 0.025)):
        at = {bar.start_ns: bar.close for bar in bars(ticks, index)}
        assert all(abs(bar.close - at[bar.start_ns] * ratio) <= 0.0051 for bar in bars(ticks, proxy))


def test_each_tick_has_quotes_then_bars_by_symbol() -> None:
    for tick in run("SPY", "AAPL", "SPX"):
        order = [(isinstance(event, Bar), event.symbol) for event in tick.events]
        assert order == sorted(order)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["SPY", "SPX", "AAPL", "X"]), st.sampled_from([5, 60, 900]))
def test_every_bar_and_quote_is_possible(seed: int, symbol: str, interval_s: int) -> None:
    ticks = run(symbol, seed=seed, interval_s=interval_s, bars=60)
    for bar in bars(ticks, symbol):
        assert 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
        assert all(price == round(price, 2) for price in bar[3:7])
    for quote in quotes(ticks, symbol):
        assert quote.bid is not None
        assert quote.ask is not None
        assert 0.009 < quote.ask - quote.bid < 0.01 + quote.bid * 10 / 10_000
    times = [tick.time_ns for tick in ticks]
    assert times == sorted(set(times))


def test_volume_and_range_are_largest_at_the_ends_of_the_day() -> None:
    ticks = run("SPY", days=10)
    by_hour: dict[int, list[float]] = {}
    for bar in bars(ticks, "SPY"):
        by_hour.setdefault(local(bar.start_ns).hour, []).append(bar.volume or 0.0)
    assert mean(by_hour[9]) > 2 * mean(by_hour[12])
    assert mean(by_hour[15]) > mean(by_hour[12])


def test_a_few_minutes_are_missing_but_their_quotes_are_there() -> None:
    ticks = run("AAPL", days=10)
    assert 0 < 3900 - len(bars(ticks, "AAPL")) < 60
    assert len(quotes(ticks, "AAPL")) == 3900


def test_sessions_open_with_a_gap() -> None:
    ticks = run("SPX", days=5)
    gaps = [abs(b.open / a.close - 1) for a, b in pairwise(bars(ticks, "SPX")) if b.start_ns - a.start_ns > 60 * NANOS]
    assert len(gaps) == 4
    assert max(gaps) > 0.001
    inside = [abs(b.open - a.close) for a, b in pairwise(bars(ticks, "SPX")) if b.start_ns - a.start_ns == 60 * NANOS]
    assert max(inside) == 0


def ema(values: list[float], length: int) -> list[float]:
    smoothed = [mean(values[:length])]
    for value in values[length:]:
        smoothed.append(smoothed[-1] + (value - smoothed[-1]) * 2 / (length + 1))
    return smoothed[-(len(values) - 50):]


def test_the_default_day_has_something_for_crosses_vwap_and_opening_range() -> None:
    day = bars(run("SPY", start=datetime(2024, 1, 2, tzinfo=NEW_YORK), seed=1), "SPY")
    closes = [bar.close for bar in day]
    above = [fast > slow for fast, slow in zip(ema(closes, 20), ema(closes, 50), strict=True)]
    assert sum(b and not a for a, b in pairwise(above)) >= 1
    traded = money = 0.0
    over_vwap = []
    for bar in day:
        traded += bar.volume or 0.0
        money += (bar.high + bar.low + bar.close) / 3 * (bar.volume or 0.0)
        over_vwap.append(bar.close > money / traded)
    assert sum(b and not a for a, b in pairwise(over_vwap)) >= 2
    assert any(close > max(bar.high for bar in day[:30]) for close in closes[30:])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"days": 0}, "a simulation needs days of 1 or more, not 0"),
        ({"bars": -1}, "a simulation needs bars of 1 or more, not -1"),
        ({"interval_s": 0}, "a simulation needs interval_s of 1 or more, not 0"),
        ({"interval_s": 86_400}, "bars of 86400 s do not fit into a session of 23400 s; choose a shorter interval"),
        ({"calendar": "XNYSE"}, "there is no calendar 'XNYSE'; did you mean XNYS?"),
    ],
)
def test_a_simulation_that_cannot_be_is_refused(options: dict[str, object], text: str) -> None:
    with pytest.raises(SourceError) as caught:
        run("SPY", **options)  # type: ignore[arg-type]
    assert str(caught.value) == text


def test_a_simulation_of_nothing_is_refused() -> None:
    with pytest.raises(SourceError, match="a simulation needs at least one symbol, such as SPY"):
        SimulatedSource([], MONDAY)


def test_the_sessions_are_those_of_the_calendar() -> None:
    day = calendar("XNYS").day_at(int(MONDAY.replace(hour=12).timestamp()) * NANOS)
    assert day is not None
    assert all(day.contains(tick.time_ns) for tick in run("SPX"))
