"""The tables of the store, as numbered migrations. Decimals are TEXT and so exact; times are UTC nanoseconds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from state.connection import transaction
from state.errors import StoreError

APPLICATION_ID: Final = 0x4154524F  # says in the file's header whose it is
FIRST_TABLES: Final = {"runs", "rulesets", "decisions", "orders"}  # how to know a store of schema 1, which had no id

MIGRATIONS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, mode TEXT NOT NULL, started_ns INTEGER NOT NULL, ended_ns INTEGER, status TEXT NOT NULL,
        source TEXT NOT NULL, packs TEXT NOT NULL, symbols TEXT NOT NULL, ruleset_sha TEXT NOT NULL,
        parameters TEXT NOT NULL, universe TEXT NOT NULL, execution TEXT NOT NULL,
        version TEXT NOT NULL, pid INTEGER NOT NULL, process_start INTEGER NOT NULL,
        summary TEXT
    );
    CREATE TABLE rulesets (sha256 TEXT PRIMARY KEY, files BLOB NOT NULL);
    CREATE TABLE decisions (
        run TEXT NOT NULL REFERENCES runs(id), seq INTEGER NOT NULL, time_ns INTEGER NOT NULL, rule TEXT NOT NULL,
        strategy TEXT NOT NULL, symbol TEXT NOT NULL, trigger_symbol TEXT NOT NULL, verdict TEXT NOT NULL,
        guard TEXT NOT NULL, reason TEXT NOT NULL, guards TEXT NOT NULL, actions TEXT NOT NULL, "values" BLOB,
        PRIMARY KEY (run, seq)
    );
    CREATE INDEX decisions_by_rule ON decisions (run, rule, time_ns);
    CREATE TABLE traces (
        run TEXT NOT NULL REFERENCES runs(id), symbol TEXT NOT NULL, time_ns INTEGER NOT NULL, "values" BLOB NOT NULL,
        PRIMARY KEY (run, symbol, time_ns)
    ) WITHOUT ROWID;
    CREATE TABLE orders (
        run TEXT NOT NULL REFERENCES runs(id), client_id TEXT NOT NULL, decision INTEGER NOT NULL, symbol TEXT NOT NULL,
        side TEXT NOT NULL, quantity TEXT NOT NULL, type TEXT NOT NULL, leg TEXT NOT NULL, strategy TEXT NOT NULL,
        rule TEXT NOT NULL, created_ns INTEGER NOT NULL, limit_price TEXT, stop_price TEXT, parent TEXT,
        order_group TEXT, expires_ns INTEGER, fallback_market INTEGER NOT NULL, reason TEXT NOT NULL,
        state TEXT NOT NULL, updated_ns INTEGER NOT NULL, PRIMARY KEY (run, client_id)
    );
    CREATE TABLE order_events (
        run TEXT NOT NULL, client_id TEXT NOT NULL, time_ns INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL
    );
    CREATE INDEX order_events_by_order ON order_events (run, client_id);
    CREATE TABLE fills (
        run TEXT NOT NULL REFERENCES runs(id), fill_id TEXT NOT NULL, client_id TEXT NOT NULL, symbol TEXT NOT NULL,
        strategy TEXT NOT NULL, side TEXT NOT NULL, quantity TEXT NOT NULL, price TEXT NOT NULL, fee TEXT NOT NULL,
        time_ns INTEGER NOT NULL, leg TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (run, fill_id)
    );
    CREATE TABLE positions (
        run TEXT NOT NULL REFERENCES runs(id), strategy TEXT NOT NULL, symbol TEXT NOT NULL, quantity TEXT NOT NULL,
        entry TEXT NOT NULL, opened_ns INTEGER NOT NULL, high REAL NOT NULL, low REAL NOT NULL, stop TEXT,
        PRIMARY KEY (run, strategy, symbol)
    );
    CREATE TABLE equity (
        run TEXT NOT NULL REFERENCES runs(id), time_ns INTEGER NOT NULL, equity REAL NOT NULL,
        PRIMARY KEY (run, time_ns)
    ) WITHOUT ROWID;
    CREATE TABLE events (
        run TEXT NOT NULL REFERENCES runs(id), time_ns INTEGER NOT NULL, level TEXT NOT NULL, kind TEXT NOT NULL,
        symbol TEXT NOT NULL, text TEXT NOT NULL
    );
    """,
    """
    PRAGMA application_id = 0x4154524F;
    CREATE TABLE snapshots (
        run TEXT NOT NULL REFERENCES runs(id), name TEXT NOT NULL, time_ns INTEGER NOT NULL, state TEXT NOT NULL,
        PRIMARY KEY (run, name)
    ) WITHOUT ROWID;
    CREATE TRIGGER order_events_are_not_changed BEFORE UPDATE ON order_events
    BEGIN SELECT RAISE(ABORT, 'the life of an order is only added to'); END;
    CREATE TRIGGER order_events_are_not_removed BEFORE DELETE ON order_events
    BEGIN SELECT RAISE(ABORT, 'the life of an order is only added to'); END;
    """,
)


def version_of(connection: sqlite3.Connection) -> int:
    """How many migrations a store has had."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a store up to date, all of it or nothing; raises StoreError when it is another program's or newer.

    It always takes the write lock, so that two engines do not both build a new file, and so that a store that
    cannot be written says so now and not at the first order.
    """
    with transaction(connection, path):
        version = version_of(connection)
        if not _is_ours(connection, version):
            raise StoreError(f"{path} is an SQLite file of another program; name another file")
        if version > len(MIGRATIONS):
            raise StoreError(
                f"{path} was written by a newer engine (schema {version}, this one knows {len(MIGRATIONS)}); "
                "use that engine, or another file"
            )
        for script in MIGRATIONS[version:]:
            for statement in _statements(script):
                connection.execute(statement)
        if version < len(MIGRATIONS):
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _is_ours(connection: sqlite3.Connection, version: int) -> bool:
    if connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID:
        return True
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return not tables if version == 0 else version == 1 and tables >= FIRST_TABLES


def _statements(script: str) -> Iterator[str]:
    """One by one, because SQLite's own way of running a script commits first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
