"""Exported ticks and bars, read by programs that nobody here wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from engine.market.marketdata import BarRow, TickRow
from state import Place, StoreError
from state.marketdata import MarketData, open_market_data

pytest.importorskip("pyarrow")
from state.export import export_parquet

DAY = 86_400 * 10**9
START = 1_709_596_800 * 10**9  # 2024-03-05, midnight UTC


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
    assert export_parquet(data, tmp_path / "out") == {"ticks": 20, "bars_1m": 3}
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
