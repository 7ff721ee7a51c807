"""The store: what was written is read back exactly, crashes leave their traces, and two engines do not share it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.inputs import Resumed
from engine.market.orders import Fill, Leg, Order, OrderState, OrderType, OrderUpdate, Side
from state import Place, RunWriter, Store, StoreError, open_store
from state.connection import connect
from state.migrations import LEDGER
from tests.postgres import PASSWORD, Server, named, programs

START = 1_709_649_000_000_000_000


def begin(store: Store) -> RunWriter:
    files = {"p": {"a.yaml": "kind: strategy"}}
    universe = {"p.a": ["SPY"]}
    return store.begin_run("paper", START, "test", ["p"], ["SPY"], "sha", files, {"p.a.x": 1.5}, universe, {}, "1")


def order(client_id: str = "abc1", quantity: Decimal = Decimal("2.50"), limit: Decimal | None = None) -> Order:
    return Order(
        client_id, "SPY", Side.BUY, quantity, OrderType.LIMIT, Leg.ENTRY, "p.a", "p.a", START, limit=limit
    )  # fmt: skip


@pytest.fixture(scope="module")
def lasting(new_place: Callable[[], Place]) -> Iterator[Store]:
    opened = open_store(new_place())
    yield opened
    opened.close()


@given(
    quantity=st.decimals(allow_nan=False, allow_infinity=False, min_value=0, places=9),
    price=st.decimals(allow_nan=False, allow_infinity=False, places=4),
)
def test_decimals_come_back_exactly(lasting: Store, quantity: Decimal, price: Decimal) -> None:
    store, writer = lasting, begin(lasting)
    writer.orders([order(quantity=quantity, limit=price)])
    writer.fill(Fill("f", "abc1", "SPY", "p.a", Side.BUY, quantity, price, price, START, Leg.ENTRY))
    writer.end("done", START, {})
    row = store.order("abc1")
    assert (Decimal(row["quantity"]), Decimal(row["limit_price"])) == (quantity, price)
    (fill,) = store.fills(writer.run_id)
    assert (fill["quantity"], fill["price"]) == (str(quantity), str(price))


def test_a_run_is_read_back_whole(store: Store) -> None:
    writer = begin(store)
    guards = {"p.g": "true"}
    number = writer.decision(START, "p.a", "p.a", "SPY", "SPX", "fired", "", "why", guards, ["buy"], b"12345678")
    writer.orders([order()])
    writer.update(OrderUpdate("abc1", OrderState.WORKING, START + 1))
    writer.fill(Fill("f1", "abc1", "SPY", "p.a", Side.BUY, Decimal("2.50"), Decimal(4), Decimal(1), START, Leg.ENTRY))
    writer.update(OrderUpdate("abc1", OrderState.FILLED, START + 2, "done"))
    writer.trace(START, "SPY", b"values")
    writer.equity(START, 100.5)
    writer.event(START, "warning", "market_data", "SPY", "repeated bar, ignored")
    writer.positions([{"strategy": "p.a", "symbol": "SPY", "quantity": Decimal(5), "entry": Decimal("1.5"),
                       "opened_ns": START, "high": 2.0, "low": 1.0, "stop": 1.25}])  # fmt: skip
    writer.end("done", START + 9, {"trades": 1})
    run = store.run()
    assert (run["status"], run["summary"], run["symbols"]) == ("done", {"trades": 1}, ["SPY"])
    assert run["parameters"] == {"p.a.x": 1.5}
    assert store.ruleset("sha") == {"p": {"a.yaml": "kind: strategy"}}
    decision = store.decision(run["id"], number)
    assert (decision["guards"], decision["actions"], decision["values"]) == ({"p.g": "true"}, ["buy"], b"12345678")
    assert (store.order("abc")["state"], store.order("abc")["ending"]) == ("done", "filled")
    assert store.order("abc")["decision"] == number
    assert [e["state"] for e in store.order_events(run["id"], "abc1")] == ["wanted", "acknowledged", "done"]
    assert store.trace(run["id"], "SPY", START) == b"values"
    assert store.trace_times(run["id"], "SPY", START + 5) == [START]
    assert store.equity(run["id"]) == [(START, 100.5)]
    assert store.positions(run["id"])[0]["stop"] == "1.25"
    assert store.events(run["id"])[0]["text"] == "repeated bar, ignored"
    assert store.check() == []


def test_orders_are_on_disk_before_they_are_sent_also_when_the_process_is_killed(place: Place) -> None:
    script = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from decimal import Decimal
from pathlib import Path
from engine.market.orders import Leg, Order, OrderType, Side
from state import open_store, place_of
store = open_store(place_of(sys.argv[1], {PASSWORD!r}, Path(sys.argv[2])))
writer = store.begin_run("paper", {START}, "t", [], [], "s", {{}}, {{}}, {{}}, {{}}, "1")
writer.orders([Order("abc1", "SPY", Side.BUY, Decimal(1), OrderType.MARKET, Leg.ENTRY, "s", "r", {START})])
writer.equity({START}, 1.0)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", script, *named(place)], timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    store = open_store(place)
    assert store.order("abc1")["state"] == "wanted"
    assert store.run()["status"] == "crashed"
    begin(store).end("done", START, {})


def test_a_second_engine_on_a_store_is_refused(store: Store) -> None:
    begin(store)
    with pytest.raises(StoreError, match=f"process {os.getpid()}\\) is using .*; stop it first"):
        begin(open_store(store.path))


def test_an_error_marks_the_run_crashed(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), begin(store):
        raise ZeroDivisionError
    assert store.run()["status"] == "crashed"


def test_a_reader_works_while_a_run_writes(store: Store) -> None:
    writer = begin(store)
    writer.orders([order()])
    reader = open_store(store.path)
    assert reader.order("abc1")["symbol"] == "SPY"
    writer.orders([order("abd2")])
    assert len(reader.orders(writer.run_id)) == 2


def test_prefixes_must_name_one_order(store: Store) -> None:
    begin(store).orders([order("abc1"), order("abd2")])
    with pytest.raises(StoreError, match="ab could be 2 orders: abd2, abc1; write more of the id"):
        store.order("ab")
    with pytest.raises(StoreError, match="has no order x_"):
        store.order("x_")


@pytest.mark.parametrize("text", [b"this is no database at all, but long enough to be read as one" * 20, b"x"])
def test_a_file_that_is_no_store_is_refused_by_name(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(text)
    with pytest.raises(StoreError, match=r"s\.db is no store: .*move it away"):
        open_store(path)


def test_a_store_of_a_newer_engine_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA application_id = {LEDGER.application_id}")
        connection.execute(f"PRAGMA user_version = {len(LEDGER.migrations) + 1}")
    with pytest.raises(StoreError, match="was written by a newer engine"):
        open_store(path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="name a file in a writable folder"):
        open_store(tmp_path / "file" / "s.db")


def test_a_backup_is_a_store_of_its_own(tmp_path: Path) -> None:
    store = open_store(tmp_path / "s.db")
    begin(store).orders([order()])
    store.backup(tmp_path / "copy.db")
    assert open_store(tmp_path / "copy.db").order("abc1")["quantity"] == "2.50"


def test_a_backup_of_a_schema_can_be_restored_into_another_database(server: Server, tmp_path: Path) -> None:
    place = server.place("saved", tmp_path)
    store = open_store(place)
    begin(store).orders([order()])
    store.backup(tmp_path / "copy.dump")
    store.close()
    store._connection.close()
    with closing(connect(place)) as connection:
        connection.execute("CREATE DATABASE other")
    other = replace(place, server=place.server.replace("/postgres", "/other"))
    where = ["--host=127.0.0.1", f"--port={server.port}", "--username=autotrader", "--dbname=other"]
    environment = {**os.environ, "PGPASSWORD": PASSWORD}
    subprocess.run([*_pg_restore(), *where, str(tmp_path / "copy.dump")], env=environment, check=True)
    restored = open_store(other)
    assert restored.order("abc1")["quantity"] == "2.50"
    assert restored.check() == []
    begin(restored).orders([order("abc2")])
    restored.close()


def _pg_restore() -> list[str]:
    found = programs()
    assert found is not None
    return [str(found / "pg_restore")]


def test_without_the_servers_tools_a_backup_is_refused_in_words(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(server.place("unsaved", tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match=r"no pg_dump is here .*; install postgresql-client"):
        store.backup(tmp_path / "copy.dump")
    store.close()


def test_a_database_that_cannot_be_used_is_named_without_its_password(server: Server, tmp_path: Path) -> None:
    place = server.place("trouble", tmp_path)
    for wrong, said in (
        (replace(place, password="not-this-one"), "cannot be reached: .*password authentication failed"),
        (replace(place, server=place.server.replace(str(server.port), "1")), "cannot be reached: .*start the database"),
        (replace(place, server=place.server.replace("/postgres", "/nowhere")), 'database "nowhere" does not exist'),
    ):
        with pytest.raises(StoreError, match=said) as raised:
            open_store(wrong)
        assert PASSWORD not in str(raised.value) and "not-this-one" not in str(raised.value)
        assert PASSWORD not in repr(wrong)


def test_another_programs_schema_is_left_alone(server: Server, tmp_path: Path) -> None:
    place = server.place("theirs", tmp_path)
    with closing(connect(place)) as connection:
        connection.execute("CREATE SCHEMA theirs")
        connection.execute("CREATE TABLE theirs.notes (id INTEGER)")
        with pytest.raises(StoreError, match="has tables of another program; name another schema"):
            open_store(place)
        connection.execute("DROP TABLE theirs.notes")
    store = open_store(place)
    store._connection.execute("INSERT INTO store_migrations VALUES ('ledger', 99)")
    with pytest.raises(StoreError, match="was written by a newer engine"):
        open_store(place)
    store.close()


def test_a_user_who_may_not_is_told_so(server: Server, tmp_path: Path) -> None:
    place = server.place("kept", tmp_path)
    open_store(place).close()
    with closing(connect(place)) as connection:
        connection.execute(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    guest = replace(place, server=place.server.replace("autotrader@", "guest@"))
    with pytest.raises(StoreError, match=r"does not let its user do that: permission denied .*; grant it"):
        open_store(guest)


def test_an_engine_whose_connection_is_lost_writes_nothing_more(server: Server, tmp_path: Path) -> None:
    """Its lock went with its session: another engine may have the store by now."""
    place = server.place("lost", tmp_path)
    store = open_store(place)
    writer = begin(store)
    writer.orders([order()])
    with closing(connect(place)) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND application_name LIKE 'autotrader%'"
        )
    with pytest.raises(StoreError, match="cannot be reached"):
        writer.orders([order("abc2")])
    with pytest.raises(StoreError):
        store.halts.look()
    store.close()
    store = open_store(place)
    assert store.run()["status"] == "crashed"
    assert [row["client_id"] for row in store.orders(store.run()["id"])] == ["abc1"]
    begin(store).end("done", START, {})
    store.close()


def test_the_newest_run_of_a_venue_is_found_beside_those_of_others(store: Store) -> None:
    ids = {}
    for n, book in enumerate(["tradier sandbox VA1", "kalshi demo key", "kalshi demo paper", None]):
        writer = store.begin_run(
            "paper", START + n, "test", ["p"], ["SPY"], "sha", {"p": {"a.yaml": "kind: strategy"}}, {}, {}, {}, "1",
            book=book,
        )  # fmt: skip
        writer.end("done", START + n, {})
        ids[book] = writer.run_id
    assert store.venues() == ["kalshi", "tradier"]
    assert store.run()["id"] == ids[None]
    assert store.run(None, "kalshi")["id"] == ids["kalshi demo paper"]
    assert store.run(None, "tradier")["id"] == ids["tradier sandbox VA1"]
    with pytest.raises(StoreError, match="has no run on other yet; there are runs on kalshi, tradier"):
        store.run(None, "other")


def test_a_reader_follows_the_inputs_of_a_run_until_it_has_ended(place: Place) -> None:
    """As what records beside a run does."""
    writer = begin(open_store(place))
    reader = open_store(place, create=False)
    given = [Resumed(str(number)) for number in range(4)]
    for number, item in enumerate(given):
        writer.input(item)
        writer.flush()
        found = [(at, list(block)) for at, block in reader.input_blocks(writer.run_id, number)]
        assert found == [(number + 1, [item])], "only what is new"
    assert list(reader.inputs(writer.run_id)) == given
    assert reader.goes_on(writer.run_id)
    writer.end("done", 1, {})
    assert not reader.goes_on(writer.run_id)
