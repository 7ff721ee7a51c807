"""A store that moves: from file to database and back, with every row, also when it is interrupted on the way."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from engine.market.events import Bar, Tick
from engine.market.marketdata import BarRow, TickRow
from engine.market.orders import Fill, Order, OrderState, OrderUpdate
from state import Mode, RunWriter, Store, StoreError, SweepRow, Trial, open_store
from state.connection import connect
from state.copying import UNDER_WAY, copy, in_order
from state.marketdata import FeatureRow, SessionLabel, open_market_data
from state.migrations import LEDGER, MARKET
from state.place import Place
from tests import postgres

NOW = 1_709_649_000_000_000_000
Begin = Callable[[Store], RunWriter]
_number = count(1)


@pytest.fixture
def database(server: postgres.Server, tmp_path: Path) -> Place:
    return server.place(f"copy{next(_number)}", tmp_path)


@pytest.fixture
def full(tmp_path: Path, begin: Begin, order: Callable[..., Order], fill: Callable[..., Fill]) -> Path:
    """A store with something in nearly every table."""
    store = open_store(tmp_path / "s.db", Mode.PAPER)
    for number in range(3):
        writer = begin(store)
        writer.input(Tick(5, [Bar("SPY", 0, 60, 1.0, 1.0, 1.0, 1.0, None)]))
        writer.decision(5, "p.a", "p.a", "SPY", "SPY", "fired", "", "naïve €", {}, ["buy"], b"\x00\xff")
        writer.orders([order(f"a{number}"), order(f"b{number}")])
        writer.fill(fill(f"f{number}", f"a{number}", price="100.10"))
        writer.update(OrderUpdate(f"a{number}", OrderState.FILLED, 6))
        writer.trace(5, "SPY", b"values")
        writer.equity(6, 1 / 3)
        writer.event(6, "warning", "x", "SPY", "tab\tnew\nline")
        writer.halted(7, "p.loss", "enough", 99)
        writer.mark("SPY", 100.25, 7)
        writer.snapshot(7, "part", {"a": [1, None]})
        writer.end("done", 7, {"trades": 1})
    sweep = SweepRow("s1", "p", "rules", "data", "bars", 1, 9, 7, 7, {}, "1")
    store.trials.begin(sweep, 1)
    store.trials.append("s1", [Trial("development", {"p.a.x": 1.0}, "sha", {}, array("d", [0.1, -0.2]))], 2)
    store.trials.look_at_holdout(sweep, [{"p.a.x": 1.0}], 3)
    store.halts.halt("a word", 8)
    store.close()
    return tmp_path / "s.db"


def dump(place: Place) -> dict[str, list[tuple[object, ...]]]:
    connection = connect(place)
    found = {}
    for shape in connection.shapes():
        names = ", ".join(f'"{name}"' for name in shape.columns)
        key = ", ".join(f'"{name}"' for name in shape.key)
        found[shape.name] = [
            tuple(row) for row in connection.execute(f"SELECT {names} FROM {shape.name} ORDER BY {key}").fetchall()
        ]
    connection.close()
    return found


def test_a_store_goes_to_a_database_and_back_with_every_row(
    full: Path, database: Place, tmp_path: Path, begin: Begin, order: Callable[..., Order]
) -> None:
    before = dump(full)
    told: dict[str, int] = {}
    copied = copy(full, database, LEDGER, lambda table, rows: told.update({table: told.get(table, 0) + rows}))
    assert {one.table: one.rows for one in copied} == {name: len(rows) for name, rows in before.items()}
    assert told == {name: len(rows) for name, rows in before.items() if rows}
    assert sum(told.values()) > 60
    assert dump(database) == before
    back = copy(database, tmp_path / "back.db", LEDGER)
    assert back == copied
    assert dump(tmp_path / "back.db") == before
    for place in (database, tmp_path / "back.db"):
        store = open_store(place, Mode.PAPER)
        assert store.check() == []
        writer = begin(store)  # numbering goes on after what came along
        writer.orders([order("new")])
        writer.alert(9, "warning", "x", "y")
        writer.end("done", 9, {})
        assert store.run()["id"] == writer.run_id
        assert [row["client_id"] for row in store.orders(writer.run_id)] == ["new"]
        assert store.check() == []
        store.close()


@pytest.mark.parametrize("stop_at", ["rulesets", "intent_events", "trials"])
def test_a_copy_that_was_interrupted_goes_on(full: Path, database: Place, stop_at: str) -> None:
    def interrupt(table: str, rows: int) -> None:
        if table == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(full, database, LEDGER, interrupt)
    told: list[str] = []
    copied = copy(full, database, LEDGER, lambda table, rows: told.append(table))
    assert stop_at not in told
    assert sum(one.rows for one in copied) == sum(len(rows) for rows in dump(full).values())
    assert dump(database) == dump(full)


def test_a_target_that_has_something_is_refused(full: Path, tmp_path: Path, begin: Begin) -> None:
    other = open_store(tmp_path / "other.db", Mode.PAPER)
    begin(other).end("done", 1, {})
    other.close()
    with pytest.raises(StoreError, match=r"other\.db is not empty: it has rows in \w+; name an empty one"):
        copy(full, tmp_path / "other.db", LEDGER)
    open_store(tmp_path / "live.db", Mode.LIVE).close()
    with pytest.raises(StoreError, match=r"live\.db is a live store, and .*s\.db is none"):
        copy(full, tmp_path / "live.db", LEDGER)
    open_store(tmp_path / "half.db").close()
    connection = connect(tmp_path / "half.db")
    connection.execute("INSERT INTO about VALUES (?, 'another.db')", (UNDER_WAY,))
    connection.close()
    with pytest.raises(StoreError, match=r"half\.db is half a copy of another\.db"):
        copy(full, tmp_path / "half.db", LEDGER)


def test_a_store_that_is_in_use_is_not_copied(full: Path, tmp_path: Path) -> None:
    store = open_store(full)
    lock = store.claim()
    with pytest.raises(StoreError, match=r"another engine .* is using"):
        copy(full, tmp_path / "b.db", LEDGER)
    lock.release()
    assert copy(full, tmp_path / "b.db", LEDGER)
    store.close()


def test_a_row_that_changed_on_the_way_is_found(
    full: Path, tmp_path: Path, tamper: Callable[[Place, str], None]
) -> None:
    def spoil(table: str, rows: int) -> None:
        if table == "fills":
            tamper(tmp_path / "b.db", "UPDATE fills SET price = '1' WHERE fill_id = 'f1'")

    with pytest.raises(StoreError, match="the rows of fills are not the same"):
        copy(full, tmp_path / "b.db", LEDGER, spoil)


def test_market_data_goes_to_a_database_and_back(database: Place, tmp_path: Path) -> None:
    data = open_market_data(tmp_path / "m.db")
    numbers = [Decimal(text) for text in ("1.50", "1E+3", "-0.000000001", "12345678901234567890.5")]
    data.upsert_ticks([TickRow("SPY", NOW + n * 10**15, number, None, "x", n) for n, number in enumerate(numbers)])
    data.upsert_bars([BarRow("SPX", NOW, *numbers, None, None, "x")])
    data.upsert_features([FeatureRow("SPY", "ema", NOW, "x", 0.1)])
    data.upsert_session_labels([SessionLabel("XNYS", NOW, "open", NOW + 1)])
    ticks, bars = list(data.ticks("SPY", 0, 2 * NOW)), list(data.bars("SPX", 0, 2 * NOW))
    data.close()
    first = copy(tmp_path / "m.db", database, MARKET)
    assert copy(tmp_path / "m.db", database, MARKET) == first  # nothing is left to do
    assert copy(database, tmp_path / "back.db", MARKET) == first
    for place in (database, tmp_path / "back.db"):
        data = open_market_data(place)
        assert list(data.ticks("SPY", 0, 2 * NOW)) == ticks
        assert list(data.bars("SPX", 0, 2 * NOW)) == bars
        data.upsert_ticks([TickRow("ZZZ", 1, Decimal(1), None, "mine", 0)])
        data.close()
    with pytest.raises(StoreError, match=r"has rows in ticks that .* has not; name an empty one"):
        copy(tmp_path / "m.db", database, MARKET)


def test_tables_come_after_those_that_they_refer_to() -> None:
    assert in_order({"a": {"c"}, "b": {"b"}, "c": {"b"}, "d": set()}) == ["b", "d", "c", "a"]
    with pytest.raises(StoreError, match="in a circle: a, b"):
        in_order({"a": {"b"}, "b": {"a"}})
