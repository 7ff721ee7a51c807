"""A store that an older engine wrote: brought up to date, with everything that it had."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from state import Mode, StoreError, open_store
from state.migrations import LEDGER, MIGRATIONS, statements
from state.schema import as_it_should_be, tables_and_triggers

START = 1_709_649_000_000_000_000
RUN = "20240305-143000-1"


def old_store(path: Path, version: int) -> None:
    """A file as the engine of that schema left it: one run with three orders, and a fill in two parts."""
    connection = sqlite3.connect(path, isolation_level=None)
    for script in MIGRATIONS[:version]:
        for statement in statements(script):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("INSERT INTO rulesets VALUES ('sha', x'00')")
    connection.execute(
        "INSERT INTO runs VALUES (?, 'paper', ?, NULL, 'done', 't', ?, '[]', 'sha', '{}', '{}', '{}', '1', 1, 1, NULL)",
        (RUN, START, json.dumps(["p"])),
    )
    for client_id, state in (("a1", "filled"), ("a2", "working"), ("a3", "refused")):
        connection.execute(
            "INSERT INTO orders VALUES (?, ?, 1, 'SPY', 'buy', '2.50', 'market', 'entry', 'p.a', 'p.a', ?, NULL, NULL, "
            "NULL, NULL, NULL, 0, '', ?, ?)",
            (RUN, client_id, START, state, START + 5),
        )
    for client_id, time_ns, state in (("a1", 1, "working"), ("a2", 1, "working"), ("a3", 2, "refused"),
                                      ("a1", 3, "filled")):  # fmt: skip
        connection.execute(
            "INSERT INTO order_events VALUES (?, ?, ?, ?, '')", (RUN, client_id, START + time_ns, state)
        )
    for fill_id, quantity in (("f1", "1.10"), ("f2", "1.40")):
        connection.execute(
            "INSERT INTO fills VALUES (?, ?, 'a1', 'SPY', 'p.a', 'buy', ?, '4', '0.1', ?, 'entry', '')",
            (RUN, fill_id, quantity, START + 3),
        )
    connection.close()


@pytest.mark.parametrize("version", [1, 2])
def test_nothing_of_an_old_store_is_lost(tmp_path: Path, version: int) -> None:
    old_store(tmp_path / "s.db", version)
    store = open_store(tmp_path / "s.db")
    found = [(r["client_id"], r["state"], r["ending"], r["filled"], r["book"]) for r in store.orders(RUN)]
    assert found == [
        ("a1", "done", "filled", "2.50", RUN), ("a2", "acknowledged", None, "0", RUN), ("a3", "refused", None, "0", RUN)
    ]  # fmt: skip
    assert [(e["state"], e["filled"]) for e in store.order_events(RUN, "a1")] == [
        ("acknowledged", "0"), ("done", "2.50")
    ]  # fmt: skip
    assert [(f["fill_id"], f["quantity"], f["price"]) for f in store.fills(RUN, "a1")] == [
        ("f1", "1.10", "4"), ("f2", "1.40", "4")
    ]  # fmt: skip
    assert store.run(RUN)["book"] == RUN
    assert store.mode is Mode.PAPER
    assert store.check() == []


def test_an_upgraded_store_is_made_like_a_new_one(tmp_path: Path) -> None:
    old_store(tmp_path / "s.db", 2)
    open_store(tmp_path / "s.db").close()
    with sqlite3.connect(tmp_path / "s.db") as connection:
        assert tables_and_triggers(connection) == as_it_should_be(LEDGER)


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    old_store(tmp_path / "s.db", 2)
    with sqlite3.connect(tmp_path / "s.db") as connection:
        connection.execute("CREATE TABLE intents (mine TEXT)")
    with pytest.raises(StoreError, match="already exists"):
        open_store(tmp_path / "s.db")
    with sqlite3.connect(tmp_path / "s.db") as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3,)
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_store_of_another_mode_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path / "s.db", Mode.LIVE).close()
    with pytest.raises(StoreError, match=r"is a live store and cannot be used for paper: name another file"):
        open_store(tmp_path / "s.db", Mode.PAPER)
    store = open_store(tmp_path / "s.db")
    assert store.mode is Mode.LIVE
    with pytest.raises(StoreError, match="is a live store"):
        store.begin_run("paper", START, "t", [], [], "s", {}, {}, {}, {}, "1")
