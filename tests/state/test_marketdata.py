"""Market data on both back ends: written once however often it is told, and read back exactly and in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.marketdata import BarRow, MarketDataStore, TickRow
from state import StoreError, open_store
from state.connection import connect
from state.marketdata import FEATURE_PAGE, PAGE, FeatureRow, FeatureSeries, MarketData, SessionLabel, open_market_data
from state.place import Place
from tests import postgres

WEEK = 7 * 86_400 * 10**9
START = 1_709_649_000_000_000_000
END = START + 100 * WEEK


def tick(
    time_ns: int = START, price: str = "512.25", size: str | None = "100", symbol: str = "SPY", source: str = "ws",
    sequence: int = 0,
) -> TickRow:  # fmt: skip
    return TickRow(symbol, time_ns, Decimal(price), None if size is None else Decimal(size), source, sequence)


def bar(start_ns: int = START, close: str = "5.1", source: str = "ws", volume: str | None = "9.5") -> BarRow:
    prices = (Decimal("5"), Decimal("6.00"), Decimal("4.99"), Decimal(close))
    return BarRow("SPX", start_ns, *prices, None if volume is None else Decimal(volume), 3 if volume else None, source)


@pytest.fixture
def data(place: Place) -> Iterator[MarketData]:
    opened = open_market_data(place)
    yield opened
    opened.close()


def test_it_is_the_store_that_connectors_write_to(data: MarketData) -> None:
    kept: MarketDataStore = data
    assert kept.upsert_ticks([]) == 0
    assert kept.last_tick_ns("SPY", "ws") is None
    assert kept.last_bar_ns("SPY", "ws") is None


def test_a_tick_told_again_is_written_over_and_not_added(data: MarketData) -> None:
    rows = [tick(), tick(sequence=1, price="512.30"), tick(source="flatfile"), tick(START + WEEK, size=None)]
    assert data.upsert_ticks(rows) == 4
    assert data.upsert_ticks([*rows, tick(price="512.26")]) == 5
    assert list(data.ticks("SPY", START, END)) == [
        tick(source="flatfile"), tick(price="512.26"), tick(sequence=1, price="512.30"), tick(START + WEEK, size=None)
    ]  # fmt: skip
    assert list(data.ticks("SPY", START + 1, START + WEEK)) == []
    assert list(data.ticks("QQQ", START, END)) == []
    assert data.last_tick_ns("SPY", "ws") == START + WEEK
    assert data.last_tick_ns("SPY", "flatfile") == START


def test_a_bar_told_again_is_written_over_and_not_added(data: MarketData) -> None:
    data.upsert_bars([bar(), bar(close="5.2"), bar(START + 60, volume=None)])
    data.upsert_bars([bar(START + 60, volume=None), bar(source="flatfile")])
    assert list(data.bars("SPX", START, END)) == [
        bar(source="flatfile"), bar(close="5.2"), bar(START + 60, volume=None)
    ]  # fmt: skip
    assert data.last_bar_ns("SPX", "ws") == START + 60
    assert (data.symbols("bars_1m"), data.symbols("ticks")) == (["SPX"], [])
    assert data.span("bars_1m", "SPX") == (START, START + 60)
    assert data.span("ticks", "SPX") is None


def test_all_rows_are_written_or_none(data: MarketData) -> None:
    def broken() -> Iterator[TickRow]:
        yield tick()
        yield tick(START + 1, price="NaN")

    with pytest.raises(ValueError, match="NaN is no price"):
        data.upsert_ticks(broken())
    assert list(data.ticks("SPY", START, END)) == []
    data.upsert_ticks([tick()])
    assert list(data.ticks("SPY", START, END)) == [tick()]


def test_what_is_longer_than_a_page_comes_whole_and_in_order(data: MarketData) -> None:
    rows = [tick(START + number // 3, sequence=number % 3) for number in range(PAGE + 7)]
    data.upsert_ticks(reversed(rows))
    assert list(data.ticks("SPY", START, END)) == rows


def test_names_with_odd_signs_come_back(data: MarketData) -> None:
    rows = [tick(symbol=name, source="a\tb\\N\n") for name in ("\\N", "O:SPX\\", "é\r", "$1", "?", "'")]
    data.upsert_ticks(rows)
    assert [row for name in data.symbols("ticks") for row in data.ticks(name, START, END)] == sorted(rows)


def test_features_and_session_labels_are_kept_by_their_keys(data: MarketData) -> None:
    rows = [FeatureRow("SPY", "ema", START, "engine", 1.5), FeatureRow("SPY", "ema", START + 1, "engine", None)]
    data.upsert_features(rows)
    data.upsert_features([rows[0]._replace(value=2.5)])
    assert data.features("SPY", "ema", START, END) == [rows[0]._replace(value=2.5), rows[1]]
    labels = [SessionLabel("XNYS", START, "open", START + 10), SessionLabel("XNYS", START + 10, "lunch", START + 20)]
    data.upsert_session_labels(labels)
    data.upsert_session_labels(labels)
    assert data.session_labels("XNYS", START, END) == labels


def test_features_that_are_there_just_so_are_not_written_again(data: MarketData) -> None:
    values = [0.0, None, 2 / 3, 1.0, 4 / 3]
    times = range(START, START + 5)
    series = [
        FeatureSeries(symbol, name, source, times, values)
        for symbol in ("SPY", "QQQ") for name in ("a", "b") for source in ("ws", "run")
    ]  # fmt: skip
    assert data.note_features([series[0]._replace(times_ns=times[1:3], values=values[1:3])]) == 2
    assert data.note_features(series) == 8 * 5 - 2
    assert data.note_features(series) == data.note_features([]) == 0
    other = [None, 0.5, *values[2:]]
    assert data.note_features([series[0]._replace(values=other)]) == 2, "unknown is not zero, and known not unknown"
    wanted = [
        FeatureRow(one.symbol, one.name, time_ns, one.source, value)
        for one in [series[0]._replace(values=other), *series[1:]]
        for time_ns, value in zip(times, one.values, strict=True)
    ]  # fmt: skip
    assert [row for symbol in data.symbols("features") for row in data.all_features(symbol, START, END)] == sorted(
        wanted, key=lambda row: (row.symbol, row.time_ns, row.name, row.source)
    )
    assert data.feature_names("SPY") == ["a", "b"]
    assert (data.feature_names("DIA"), data.span("features", "SPY")) == ([], (START, START + 4))
    assert list(data.all_features("SPY", START + 4, START + 4)) == []


def test_features_longer_than_a_page_come_whole(data: MarketData) -> None:
    rows = [FeatureRow("SPY", name, START + n, "x", float(n)) for name in "ab" for n in range(FEATURE_PAGE + 3)]
    data.upsert_features(rows)
    assert data.features("SPY", "b", START, END) == rows[FEATURE_PAGE + 3 :]
    found = list(data.all_features("SPY", START, END))
    assert len(found) == len(rows) and found[-1] == rows[-1] and found[:2] == [rows[0], rows[FEATURE_PAGE + 3]]


def test_labels_that_are_dropped_are_gone_and_others_stay(data: MarketData) -> None:
    labels = [SessionLabel(name, START, label, END) for name in ("XLON", "XNYS") for label in ("p.a", "regular")]
    data.upsert_session_labels(labels)
    data.drop_session_labels([labels[0], labels[3], SessionLabel("XNYS", START + 1, "regular", END)])
    assert [row for name in data.calendars() for row in data.session_labels(name, START, END)] == labels[1:3]


@pytest.fixture(scope="module")
def lasting(new_place: Callable[[], Place]) -> Iterator[MarketData]:
    opened = open_market_data(new_place())
    yield opened
    opened.close()


@given(
    price=st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-10**12, max_value=10**12),
    time_ns=st.integers(0, 4 * 10**18),
)
def test_numbers_come_back_exactly(lasting: MarketData, price: Decimal, time_ns: int) -> None:
    lasting.upsert_ticks([TickRow("A", time_ns, price, price, "x", 0)])
    (found,) = lasting.ticks("A", time_ns, time_ns + 1)
    assert (found.price, found.size) == (price, price)


def test_market_data_and_orders_are_never_taken_for_one_another(
    data: MarketData, new_place: Callable[[], Place]
) -> None:
    with pytest.raises(StoreError, match=r"of another (program|kind)"):
        open_store(data.path)
    orders = new_place()
    open_store(orders).close()
    with pytest.raises(StoreError, match=r"of another (program|kind)"):
        open_market_data(orders)
    with pytest.raises(StoreError, match="there is no market data at"):
        open_market_data(new_place(), create=False)


def test_a_sound_store_has_no_problems_and_a_rebuilt_one_is_told(data: MarketData) -> None:
    data.upsert_ticks([tick(), tick(START + 9 * WEEK)])
    assert data.check() == []
    connection = connect(data.path)
    connection.execute("DROP TABLE session_labels")
    connection.close()
    assert any("session_labels" in problem and "missing" in problem for problem in data.check())


def test_a_database_has_a_partition_for_each_week_of_ticks(server: postgres.Server, tmp_path: Path) -> None:
    data = open_market_data(server.place("weeks", tmp_path))
    data.upsert_ticks([tick(), tick(START + 1), tick(START + 9 * WEEK)])
    connection = connect(data.path)
    query = "SELECT count(*) AS n FROM pg_inherits WHERE inhparent = 'ticks'::regclass"
    assert connection.rows(query) == [{"n": 2}]
    plan = "EXPLAIN SELECT * FROM ticks WHERE symbol = 'SPY' AND time_ns = 1709649000000000000"
    assert sum("Index Scan" in row["QUERY PLAN"] for row in connection.rows(plan)) == 1
    connection.close()
    data.close()


def test_tables_that_grow_are_given_to_timescale_where_it_is_installed(server: postgres.Server, tmp_path: Path) -> None:
    """The extension itself is not in Debian: a function in its place notes what it is asked."""
    connection = connect(server.place("public", tmp_path))
    connection.execute("CREATE TABLE asked (name TEXT, time TEXT, width BIGINT)")
    connection.execute(
        "CREATE FUNCTION create_hypertable(relation REGCLASS, time_column_name NAME, "
        "chunk_time_interval ANYELEMENT = NULL::bigint, create_default_indexes BOOLEAN = TRUE) "
        "RETURNS VOID LANGUAGE SQL AS $$ INSERT INTO public.asked "
        "SELECT relation::text, time_column_name, chunk_time_interval WHERE NOT create_default_indexes $$"
    )
    try:
        data = open_market_data(server.place("hyper", tmp_path))
        data.upsert_ticks([tick()])
        assert list(data.ticks("SPY", START, END)) == [tick()]
        data.close()
        rows = connection.rows("SELECT * FROM asked ORDER BY name")
    finally:
        connection.execute("DROP FUNCTION create_hypertable; DROP TABLE asked")
        connection.close()
    assert [(row["name"], row["time"], row["width"]) for row in rows] == [
        ("bars_1m", "start_ns", 4 * WEEK), ("ticks", "time_ns", WEEK)
    ]  # fmt: skip
