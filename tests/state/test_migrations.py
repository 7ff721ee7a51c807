"""Tables on both back ends: alike, made once whoever comes at the same time, brought up to date with what they hold."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from engine.market.orders import Fill, Order
from state import Mode, Place, RunWriter, Store, StoreError, open_store
from state.connection import connect
from state.migrations import LEDGER, MARKET, MIGRATIONS, Family
from state.translate import ddl
from tests import postgres


def test_what_an_older_schema_holds_is_there_after_the_upgrade(place: Place) -> None:
    older = LEDGER._replace(migrations=MIGRATIONS[:5])
    with closing(connect(place)) as connection:
        with connection.explained():
            assert connection.migrate(older) == [1, 2, 3, 4, 5]
            assert connection.migrate(older) == []
        connection.execute("INSERT INTO about VALUES ('mode', 'demo')")
    store = open_store(place)
    assert store.migrated == list(range(6, len(MIGRATIONS) + 1))
    assert store.mode is Mode.DEMO
    assert store.check() == []
    store.close()
    again = open_store(place)
    assert again.migrated == []
    again.close()


def test_engines_that_come_at_the_same_time_make_one_store(place: Place) -> None:
    def come(number: int) -> list[int]:
        store = open_store(place, Mode.PAPER)
        store.close()
        return list(store.migrated)

    with ThreadPoolExecutor(4) as pool:
        took = sorted(pool.map(come, range(4)))
    assert took == [[], [], [], list(range(1, len(MIGRATIONS) + 1))]


def test_a_migration_that_fails_leaves_nothing_behind(place: Place) -> None:
    broken = LEDGER._replace(migrations=(*MIGRATIONS[:5], "DROP TABLE marks;\nDROP TABLE gone;"))
    with closing(connect(place)) as connection:
        with pytest.raises((StoreError, *connection.faults)):
            connection.migrate(broken)
        assert connection.migrate(LEDGER) == list(range(1, len(MIGRATIONS) + 1))


def test_the_views_of_orders_signals_and_accounts_say_what_the_tables_say(
    store: Store, begin: Callable[[Store], RunWriter], order: Callable[..., Order], fill: Callable[..., Fill]
) -> None:
    writer = begin(store)
    writer.decision(5, "p.a", "p.a", "SPY", "SPX", "blocked", "p.g", "too late", {"p.g": "false"}, [], None)
    writer.orders([order("a1"), order("a2")])
    writer.fill(fill("f1", "a1"))
    writer.equity(6, 10_001.5)
    writer.end("done", 6, {})
    connection = store._connection
    orders = connection.rows("SELECT book, client_id, state, filled FROM orders ORDER BY client_id")
    assert [(row["book"], row["client_id"], row["state"], Decimal(row["filled"])) for row in orders] == [
        (writer.book.name, "a1", "done", Decimal(10)), (writer.book.name, "a2", "wanted", Decimal(0))
    ]  # fmt: skip
    (signal,) = connection.rows("SELECT * FROM signals")
    said = (signal["rule"], signal["verdict"], signal["guard"], signal["reason"])
    assert said == ("p.a", "blocked", "p.g", "too late")
    assert connection.rows("SELECT book, time_ns, equity FROM account_snapshots") == [
        {"book": writer.book.name, "time_ns": 6, "equity": 10_001.5}
    ]


@pytest.mark.parametrize("family", [LEDGER, MARKET], ids=lambda family: str(family.name))
def test_both_back_ends_have_the_same_tables(family: Family, server: postgres.Server, tmp_path: Path) -> None:
    found = []
    for place in (tmp_path / "s.db", server.place(f"alike_{family.name}", tmp_path)):
        with closing(connect(place)) as connection:
            connection.migrate(family)
            found.append({shape.name: (sorted(shape.columns), shape.key) for shape in connection.shapes()})
    assert found[0] == found[1]
    assert set(found[0]) >= ({"ticks", "bars_1m"} if family is MARKET else {"intents", "fills", "trials"})


def test_a_statement_that_cannot_be_translated_is_refused_and_not_passed_over() -> None:
    with pytest.raises(NotImplementedError, match="migration 7 has a statement with no translation: CREATE TRIGGER x"):
        ddl("CREATE TRIGGER x AFTER UPDATE ON fills BEGIN SELECT 1; END;", 7)
