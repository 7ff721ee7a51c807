"""Exported ticks and bars, read by programs that nobody here wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.replay import ReplaySource
from engine.market.events import Bar
from engine.market.marketdata import BarRow, TickRow
from state import Place, StoreError
from state.export import export_parquet
from state.flatfiles import export_flatfiles
from state.marketdata import FeatureRow, MarketData, SessionLabel, open_market_data

pytest.importorskip("pyarrow")

DAY = 86_400 * 10**9
START = 1_709_596_800 * 10**9  # 2024-03-05, midnight UTC
MINUTE = 60 * 10**9


@pytest.fixture
def data(place: Place) -> MarketData:
    data = open_market_data(place)
    data.upsert_ticks([
        TickRow(symbol, START + day * DAY + n * 10**9 + 7, Decimal("512.25") + n, Decimal(n) / 8 if n else None, "x", n)
        for symbol in ("SPY", "O:SPX/1") for day in range(2) for n in range(5)
    ])  # fmt: skip
    prices = (Decimal("5.1"), Decimal("6"), Decimal("4.999999999999"), Decimal("5.5"))
    data.upsert_bars([BarRow("SPY", START + n * 60 * 10**9, *prices, Decimal(100), 7, "x") for n in range(3)])
    return data


def test_duckdb_reads_it(data: MarketData, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    assert export_parquet(data, tmp_path / "out") == {"ticks": 20, "bars_1m": 3, "features": 0, "session_labels": 0}
    files = tmp_path / "out" / "ticks" / "**" / "*.parquet"
    query = (
        "SELECT symbol, count(*), max(price), sum(size), min(epoch_ns(time)) FROM "
        f"read_parquet('{files}', hive_partitioning = true) WHERE date = '2024-03-06' GROUP BY symbol ORDER BY symbol"
    )
    found = duckdb.sql(query).fetchall()
    assert [(row[0], row[1], row[2], row[3], row[4]) for row in found] == [
        (name, 5, Decimal("516.25"), Decimal("1.25"), START + DAY + 7) for name in ("O:SPX/1", "SPY")
    ]


def test_polars_reads_it(data: MarketData, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    export_parquet(data, tmp_path / "out", ["bars_1m"], ["SPY"])
    frame = polars.read_parquet(tmp_path / "out" / "bars_1m", hive_partitioning=True).sort("start")
    assert frame.columns[-2:] == ["symbol", "date"]
    assert frame["low"].to_list() == [Decimal("4.999999999999")] * 3
    assert frame["start"].to_list()[1] == datetime(2024, 3, 5, 0, 1, tzinfo=UTC)
    assert frame["transactions"].sum() == 21


def test_features_and_labels_stand_beside_the_bars(data: MarketData, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    data.upsert_features([
        FeatureRow("SPY", name, START + minute * MINUTE, "x", value)
        for minute in (1, 2, 24 * 60) for name, value in (("vwap()", 0.1 * minute), ("ema(close, 20)", None))
    ])  # fmt: skip
    data.upsert_session_labels([SessionLabel("XNYS", START, "regular", START + 90 * 10**9)])
    counts = export_parquet(data, tmp_path / "out", notice=(told := list[str]()).append)
    assert counts == {"ticks": 20, "bars_1m": 3, "features": 6, "session_labels": 1} and told[-2:] == ["SPY", "XNYS"]
    bars, features, labels = (
        f"read_parquet('{tmp_path}/out/{table}/**/*.parquet', hive_partitioning = true)"
        for table in ("bars_1m", "features", "session_labels")
    )
    query = (
        f"SELECT epoch_ns(b.start), f.name, f.value, l.label FROM {bars} b JOIN {features} f "
        f"ON f.symbol = b.symbol AND epoch_ns(f.time) = epoch_ns(b.start) + 60000000000 LEFT JOIN {labels} l "
        'ON b.start >= l.start AND b.start < l."end" ORDER BY 1, 2'
    )
    assert duckdb.sql(query).fetchall() == [
        (START, "ema(close, 20)", None, "regular"), (START, "vwap()", 0.1, "regular"),
        (START + MINUTE, "ema(close, 20)", None, "regular"), (START + MINUTE, "vwap()", 0.2, "regular"),
    ]  # fmt: skip
    later = tmp_path / "out" / "features" / "symbol=SPY" / "date=2024-03-06" / "part-0.parquet"
    assert later.exists()


def test_only_what_is_asked_for_is_written(data: MarketData, tmp_path: Path) -> None:
    counts = export_parquet(data, tmp_path / "out", ["ticks"], ["SPY"], START + DAY, START + DAY + 3 * 10**9)
    assert counts == {"ticks": 3}
    files = [str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*") if file.is_file()]
    assert files == ["ticks/symbol=SPY/date=2024-03-06/part-0.parquet"]


def test_what_cannot_be_written_exactly_is_refused(data: MarketData, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "x").touch()
    with pytest.raises(StoreError, match="is there already, and not empty"):
        export_parquet(data, tmp_path / "there")
    data.upsert_ticks([TickRow("FINE", START, Decimal("0.1234567890123"), None, "x", 0)])
    with pytest.raises(StoreError, match="a number has more than 12 places"):
        export_parquet(data, tmp_path / "out", ["ticks"], ["FINE"])


# -- minute files ------------------------------------------------------------------------------------------------------

OPENING = 1_709_649_000 * 10**9  # 2024-03-05, half past nine in New York


def minute(number: int, symbol: str = "SPY", volume: str | None = "100.5", source: str = "x") -> BarRow:
    prices = (Decimal("512.10"), Decimal("513"), Decimal("511.5"), Decimal("5.1205E+2"))
    count = None if volume is None else 7
    start_ns = OPENING + number * MINUTE
    return BarRow(symbol, start_ns, *prices, None if volume is None else Decimal(volume), count, source)


def test_a_replay_reads_the_bars_again(place: Place, tmp_path: Path) -> None:
    kept = open_market_data(place)
    next_day = 24 * 60
    given = [minute(n) for n in (0, 1, next_day)] + [minute(n, "SPX", None) for n in (0, 1)]
    kept.upsert_bars(given)
    told: list[str] = []
    assert export_flatfiles(kept, tmp_path / "out", notice=lambda day: told.append(str(day))) == 5
    assert told == ["2024-03-05", "2024-03-06"]
    files = sorted(str(file.relative_to(tmp_path / "out")) for file in (tmp_path / "out").rglob("*.gz"))
    assert files == [
        "us_indices/minute_aggs_v1/2024/03/2024-03-05.csv.gz", "us_stocks_sip/minute_aggs_v1/2024/03/2024-03-05.csv.gz",
        "us_stocks_sip/minute_aggs_v1/2024/03/2024-03-06.csv.gz",
    ]  # fmt: skip
    events = [event for tick in ReplaySource(tmp_path / "out").ticks() for event in tick.events]
    found = {(event.symbol, event.start_ns): event for event in events if isinstance(event, Bar)}
    assert len(found) == len(given)
    for bar in given:
        event = found[bar.symbol, bar.start_ns]
        assert (event.open, event.high, event.low, event.close) == (512.1, 513.0, 511.5, 512.05)
        assert event.volume == (None if bar.volume is None else 100.5)
    kept.close()


def test_one_of_two_sources_has_to_be_chosen(place: Place, tmp_path: Path) -> None:
    kept = open_market_data(place)
    kept.upsert_bars([minute(0, source="a"), minute(0, source="b"), minute(1, source="b")])
    with pytest.raises(StoreError, match=r"a and b both told the minute .* of SPY; choose one with --source a"):
        export_flatfiles(kept, tmp_path / "out")
    assert export_flatfiles(kept, tmp_path / "chosen", source="b") == 2
    with pytest.raises(StoreError, match="is there already, and not empty"):
        export_flatfiles(kept, tmp_path / "chosen")
    assert export_flatfiles(kept, tmp_path / "none", ["QQQ"]) == 0
    kept.close()
