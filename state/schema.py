"""The tables of the store, as numbered migrations. Decimals are TEXT and so exact; times are UTC nanoseconds."""

from __future__ import annotations

import sqlite3
from typing import Final

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
)


def version_of(connection: sqlite3.Connection) -> int:
    """How many migrations a store has had."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a store up to date; each migration is one transaction."""
    for number, script in enumerate(MIGRATIONS[version_of(connection) :], version_of(connection) + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
