"""Recorded candles and quotes: what they tell, what they do not, and one clear error for each broken row."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from connectors.candles.files import candle_files, quote_file
from connectors.candles.quotes import QuotedMarkets
from connectors.candles.source import CandleMarkets
from connectors.days import ALL_TIME, DayRange
from engine.market.events import NANOS, SETTLEMENT, Bar, Observation, Quote, SourceError, Tick

HEADER = "game_id,ticker,timestamp,datetime,open,high,low,close,volume"
T0 = 1_766_534_400  # 2025-12-24 00:00 UTC
NAMES = ("yes.bid", "yes.ask", "no.bid", "no.ask", "yes.bid_size", "market.spread", "market.last", "market.tradable",
         "market.hours_to_close", "book.imbalance", "venue.fee_rate")  # fmt: skip
GOOD = f"1,KX-A,{T0},2025-12-24 00:00:00,66.0,67.0,65.0,66.0,10"


def folder(tmp_path: Path, *rows: str, name: str = "a_candles.csv", header: str = HEADER) -> Path:
    (tmp_path / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return tmp_path


def ticks(
    root: Path, spread: str | None = None, names: tuple[str, ...] = NAMES, days: DayRange = ALL_TIME
) -> list[Tick]:
    markets = CandleMarkets(root, None if spread is None else Decimal(spread))
    return list(markets.ticks_of(list(markets.instruments), names, days).ticks())


def told(tick: Tick) -> dict[str, object]:
    return {e.name: e.value for e in tick.events if isinstance(e, Observation)}


def test_a_candle_tells_what_traded_once_its_minute_is_over(tmp_path: Path) -> None:
    (tick,) = ticks(folder(tmp_path, GOOD))
    assert tick.time_ns == (T0 + 60) * NANOS
    assert [e for e in tick.events if isinstance(e, Bar)] == [Bar("KX-A", T0 * NANOS, 60, 0.66, 0.67, 0.65, 0.66, 10.0)]
    seen = told(tick)
    assert (seen["market.last"], seen["market.tradable"], seen["venue.fee_rate"]) == (0.66, True, 0.07)


def test_nothing_is_assumed_about_the_book_unless_it_is_asked_for(tmp_path: Path) -> None:
    (tick,) = ticks(folder(tmp_path, GOOD))
    assert not [e for e in tick.events if isinstance(e, Quote)]
    unknown = {e.name: e.reason for e in tick.events if isinstance(e, Observation) and e.value is None}
    assert unknown["yes.bid"] == unknown["book.imbalance"] == "a candle does not tell it"
    assert "spread assumed: none" in CandleMarkets(tmp_path, None).words
    assert CandleMarkets(tmp_path, None).origin == "candles kalshi"
    assert CandleMarkets(tmp_path, Decimal("0.02")).origin.endswith(" assumed"), "no evidence for a gate"


@pytest.mark.parametrize(
    ("close", "spread", "bid", "ask"),
    [
        ("66.0", "0.02", 0.65, 0.67),
        ("66.0", "0.01", 0.65, 0.67),  # half a cent is no price: rounded apart
        ("99.0", "0.02", 0.98, None),
        ("1.0", "0.04", None, 0.03),
    ],
)
def test_an_assumed_spread_lies_around_the_last_price(
    tmp_path: Path, close: str, spread: str, bid: float | None, ask: float | None
) -> None:
    row = f"1,KX-A,{T0},,{close},{close},{close},{close},10"
    (tick,) = ticks(folder(tmp_path, row), spread)
    assert [e[2:] for e in tick.events if isinstance(e, Quote)] == [(bid, None, ask, None)]
    seen = told(tick)
    assert (seen["yes.bid"], seen["yes.ask"]) == (bid, ask)
    assert seen["no.ask"] == (None if bid is None else pytest.approx(1 - bid))
    assert seen["yes.bid_size"] is None
    assert (seen["market.spread"] is None) == (bid is None or ask is None)


def test_a_minute_without_a_trade_is_a_tick_that_tells_no_price(tmp_path: Path) -> None:
    root = folder(tmp_path, GOOD, f"1,KX-A,{T0 + 60},,,,,,0", f"1,KX-A,{T0 + 240},,66,66,66,66,1")
    first, quiet, later = ticks(root)
    assert quiet.events == []
    assert [t.time_ns // NANOS - T0 for t in (first, quiet, later)] == [60, 120, 300]


def test_markets_of_several_files_go_by_time(tmp_path: Path) -> None:
    folder(tmp_path, f"1,KX-B,{T0 + 60},,50,50,50,50,1", name="b.csv")
    found = ticks(folder(tmp_path, GOOD, f"1,KX-A,{T0 + 60},,60,60,60,60,1"))
    assert [sorted(e.symbol for e in t.events if isinstance(e, Bar)) for t in found] == [["KX-A"], ["KX-A", "KX-B"]]


def test_days_are_chosen(tmp_path: Path) -> None:
    root = folder(tmp_path, GOOD, f"1,KX-A,{T0 + 86_400},,60,60,60,60,1")
    assert seconds(root, None, date(2025, 12, 24), "UTC") == [T0 + 60]
    assert seconds(root, date(2025, 12, 25), None, "UTC") == [T0 + 86_400 + 60]
    assert seconds(root, date(2025, 12, 24), date(2025, 12, 24), "America/New_York") == [T0 + 86_400 + 60]
    with pytest.raises(SourceError, match=r"from 2025-12-25 00:00 EST; it covers 2025-12-23 to 2025-12-24$"):
        seconds(root, date(2025, 12, 25), None, "America/New_York")


def seconds(root: Path, first: date | None, last: date | None, zone: str) -> list[int]:
    return [tick.time_ns // NANOS for tick in ticks(root, days=DayRange(first, last, zone))]


def test_finer_prices_make_a_finer_grid(tmp_path: Path) -> None:
    folder(tmp_path, f"1,KX-B,{T0},,50.5,50.5,50.5,50.5,1", name="b.csv")
    grids = {t: i.tick_size for t, i in CandleMarkets(folder(tmp_path, GOOD), None).instruments.items()}
    assert grids == {"KX-A": Decimal("0.01"), "KX-B": Decimal("0.001")}


def test_a_known_result_is_paid_after_the_last_candle(tmp_path: Path) -> None:
    records = "ticker,event_ticker,close_time,status,result,settlement_value_dollars"
    folder(tmp_path, "KX-A,KX,2025-12-24T02:00:00Z,finalized,yes,1.0000", "KX-C,KX,2025-12-24T02:00:00Z,active,,",
           name="markets.csv", header=records)  # fmt: skip
    first, last = ticks(folder(tmp_path, GOOD), names=("market.hours_to_close",))
    assert told(first)["market.hours_to_close"] == pytest.approx(2 - 1 / 60)
    assert last.time_ns == (T0 + 7200) * NANOS
    assert told(last) == {SETTLEMENT: 1.0}
    assert "results known: 1 of 1" in CandleMarkets(tmp_path, None).words


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        (f"1,KX-A,{T0},,66,66,66,66", "8 fields where the header has 9"),
        (f"1,,{T0},,66,66,66,66,1", "ticker is empty"),
        ("1,KX-A,soon,,66,66,66,66,1", "timestamp 'soon': seconds since 1970"),
        (f"1,KX-A,{T0}000,,66,66,66,66,1", "seconds since 1970"),
        (f"1,KX-A,{T0 + 1},,66,66,66,66,1", "of a whole minute"),
        (f"1,KX-A,{T0},2025-12-23 19:00:00,66,66,66,66,1", "datetime '2025-12-23 19:00:00' is not timestamp"),
        (f"1,KX-A,{T0},,0.66,0.66,0.66,0.661,1", "close 0.661: a price has at most two decimals"),
        (f"1,KX-A,{T0},,66,66,66,100,1", "close 100: a price in cents, above 0 and below 100"),
        (f"1,KX-A,{T0},,66,66,66,x,1", "close 'x' is not a number"),
        (f"1,KX-A,{T0},,66,65,66,66,1", "high 65 is below low 66"),
        (f"1,KX-A,{T0},,66,67,66,68,1", "close 68 lies outside low 66 to high 67"),
        (f"1,KX-A,{T0},,66,,66,66,1", "high is empty, and open is not"),
        (f"1,KX-A,{T0},,,,,,5", "open is empty, but the volume is 5"),
        (f"1,KX-A,{T0},,66,66,66,66,0", "volume is 0, but there are prices"),
        (f"1,KX-A,{T0},,66,66,66,66,-1", "volume -1 is not a number of 0 or more"),
        (f"1,KX-A,{T0},,66,66,66,66,nan", "volume nan is not a number of 0 or more"),
    ],
)
def test_a_wrong_row_is_named_by_file_line_and_field(tmp_path: Path, row: str, wrong: str) -> None:
    before = f"1,KX-A,{T0 - 60},,66,66,66,66,1"
    with pytest.raises(SourceError) as error:
        CandleMarkets(folder(tmp_path, before, row), None)
    assert wrong in str(error.value)
    assert f"{tmp_path / 'a_candles.csv'}:3: " in str(error.value)


def test_times_must_rise_and_a_market_be_in_one_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a_candles\.csv:3: .* comes twice"):
        CandleMarkets(folder(tmp_path, GOOD, GOOD), None)
    with pytest.raises(SourceError, match=r"a_candles\.csv:3: .* goes back in time"):
        CandleMarkets(folder(tmp_path, GOOD, f"1,KX-A,{T0 - 60},,66,66,66,66,1"), None)
    folder(tmp_path, GOOD, name="b.csv")
    with pytest.raises(SourceError, match=r"b\.csv: KX-A is in .*a_candles\.csv, too"):
        CandleMarkets(folder(tmp_path, GOOD), None)


def test_files_are_told_apart(tmp_path: Path) -> None:
    bars = tmp_path / "bars"
    bars.mkdir()
    folder(bars, "SPY,1,1,1,1,60000000000", header="ticker,open,close,high,low,window_start")
    assert candle_files(bars) == []
    assert quote_file(bars) is None
    folder(tmp_path, GOOD)
    with pytest.raises(SourceError, match=r"bars.*neither candles .* nor records of markets"):
        candle_files(tmp_path)
    with pytest.raises(SourceError, match="no candle is in it"):
        CandleMarkets(folder(bars, name="a_candles.csv"), None)


# -- quotes of 2024 ----------------------------------------------------------------------------------------------------


def quotes(tmp_path: Path, *rows: dict[str, Any], markets: list[dict[str, Any]] | None = None) -> Path:
    (tmp_path / "market_history.json").write_text(json.dumps([{"KX-A": list(rows)}]), encoding="utf-8")
    if markets is not None:
        (tmp_path / "market_data.json").write_text(json.dumps([{"KX": markets}]), encoding="utf-8")
    return tmp_path


def row(ts: int, bid: int, ask: int, **changes: Any) -> dict[str, Any]:
    return {
        "_ts": ts, "_yes_bid": bid, "_yes_ask": ask, "_no_bid": 100 - ask, "_no_ask": 100 - bid, "_yes_price": 0,
        "_volume": 0, "_open_interest": 0, **changes,
    }  # fmt: skip


def quote_ticks(root: Path, days: DayRange = ALL_TIME) -> list[Tick]:
    markets = QuotedMarkets(root)
    return list(markets.ticks_of(list(markets.instruments), NAMES, days).ticks())


def test_days_of_which_there_are_no_quotes_are_refused(tmp_path: Path) -> None:
    root = quotes(tmp_path, row(T0, 35, 44), row(T0 + 86_400, 35, 44))
    assert len(quote_ticks(root, DayRange(date(2025, 12, 25), None, "UTC"))) == 1
    with pytest.raises(SourceError, match=r"until 2025-12-24 00:00 UTC; it covers 2025-12-24 to 2025-12-25$"):
        quote_ticks(root, DayRange(None, date(2025, 12, 23), "UTC"))


def test_quotes_of_one_second_are_one_tick_and_empty_sides_unknown(tmp_path: Path) -> None:
    root = quotes(tmp_path, row(T0, 0, 100), row(T0, 35, 44), row(T0 + 1, 0, 44, _yes_price=40, _volume=3))
    both, one = quote_ticks(root)
    assert [e[2:] for e in both.events if isinstance(e, Quote)] == [(0.35, None, 0.44, None)]
    assert told(both)["market.spread"] == pytest.approx(0.09)
    assert "market.last" not in {n for n, v in told(both).items() if v is not None}
    assert [e[2:] for e in one.events if isinstance(e, Quote)] == [(None, None, 0.44, None)]
    assert told(one)["market.last"] == 0.4


def test_quoted_markets_pay_what_their_record_says(tmp_path: Path) -> None:
    record = {"_ticker": "KX-A", "_close_time": "2025-12-24T01:00:00Z", "_result": "no", "_status": "finalized"}
    _, last = quote_ticks(quotes(tmp_path, row(T0, 35, 44), markets=[record]))
    assert (last.time_ns // NANOS, told(last)[SETTLEMENT]) == (T0 + 3600, 0.0)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"_yes_bid": "35"}, '_yes_bid "35": a whole number of 0 or more is wanted'),
        ({"_yes_ask": 101}, "_yes_ask 101: cents from 0 to 100"),
        ({"_no_ask": 1}, "_no_bid and _no_ask are not 100 less"),
        ({"_yes_bid": 50, "_no_ask": 50}, "_yes_bid 50 is not below _yes_ask 44"),
        ({"_ts": T0 - 9}, f"_ts {T0 - 9} goes back in time"),
        ({"_volume": None}, "_volume null"),
    ],
)
def test_a_wrong_quote_is_named_by_file_market_row_and_field(
    tmp_path: Path, changes: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(SourceError) as error:
        QuotedMarkets(quotes(tmp_path, row(T0, 35, 44), row(T0 + 1, 35, 44, **changes)))
    assert wrong in str(error.value)
    assert "market_history.json: KX-A, row 2" in str(error.value)


# -- real markets ------------------------------------------------------------------------------------------------------


def test_real_candles_are_read_to_the_last_row(shared_data: Path) -> None:
    root = shared_data / "kalshi" / "candles"
    found = ticks(root, "0.02")
    bars = [e for t in found for e in t.events if isinstance(e, Bar)]
    rows = [line for path in root.glob("*.csv") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    assert len(bars) == sum(1 for line in rows if not line.endswith(",,,,,0"))
    assert all(0 < bar.low <= bar.high < 1 for bar in bars)
    assert all(a.time_ns < b.time_ns for a, b in pairwise(found))


def test_real_quotes_of_2024_are_read(shared_data: Path) -> None:
    root = shared_data / "kalshi" / "quotes-2024"
    found = quote_ticks(root)
    history = json.loads((root / "market_history.json").read_bytes())
    seconds = {row["_ts"] for one in history for rows in one.values() for row in rows}
    assert {t.time_ns // NANOS for t in found} == seconds
    assert all(a.time_ns < b.time_ns for a, b in pairwise(found))
