"""The tables of the store, as numbered migrations. Decimals are TEXT and so exact; times are UTC nanoseconds.

A migration that has been released is never edited: a change is a new one. docs/store.md says what each table is for.
They are written for SQLite; ``state.translate`` says in which few ways PostgreSQL differs, and refuses all else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

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
    """
    CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO about SELECT 'mode', 'paper' WHERE EXISTS (SELECT 1 FROM runs);
    ALTER TABLE runs ADD COLUMN book TEXT NOT NULL DEFAULT '';
    ALTER TABLE runs ADD COLUMN conditions TEXT;
    UPDATE runs SET book = id;
    CREATE TABLE inputs (
        run TEXT NOT NULL REFERENCES runs(id), seq INTEGER NOT NULL, first_ns INTEGER NOT NULL,
        last_ns INTEGER NOT NULL, items INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (run, seq)
    );

    CREATE TABLE intents (
        book TEXT NOT NULL, client_id TEXT NOT NULL, run TEXT NOT NULL REFERENCES runs(id), decision INTEGER NOT NULL,
        venue TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, quantity TEXT NOT NULL, type TEXT NOT NULL,
        leg TEXT NOT NULL, strategy TEXT NOT NULL, rule TEXT NOT NULL, created_ns INTEGER NOT NULL, limit_price TEXT,
        stop_price TEXT, parent TEXT, order_group TEXT, expires_ns INTEGER, fallback_market INTEGER NOT NULL,
        reason TEXT NOT NULL, reference TEXT, spread TEXT,
        state TEXT NOT NULL, ending TEXT, filled TEXT NOT NULL, venue_order_id TEXT NOT NULL,
        updated_ns INTEGER NOT NULL, PRIMARY KEY (book, client_id)
    );
    CREATE INDEX intents_by_run ON intents (run);
    CREATE INDEX intents_by_client_id ON intents (client_id);
    CREATE INDEX intents_open ON intents (book) WHERE state NOT IN ('done', 'refused');
    CREATE TABLE intent_events (
        book TEXT NOT NULL, client_id TEXT NOT NULL, time_ns INTEGER NOT NULL, news TEXT NOT NULL, state TEXT NOT NULL,
        ending TEXT, filled TEXT NOT NULL, reason TEXT NOT NULL
    );
    CREATE INDEX intent_events_by_intent ON intent_events (book, client_id);

    CREATE TABLE ledger_transactions (
        id INTEGER PRIMARY KEY, book TEXT NOT NULL, run TEXT REFERENCES runs(id), time_ns INTEGER NOT NULL,
        kind TEXT NOT NULL, reference TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (book, kind, reference)
    );
    CREATE TABLE ledger_entries (
        "transaction" INTEGER NOT NULL REFERENCES ledger_transactions(id), line INTEGER NOT NULL,
        account TEXT NOT NULL, strategy TEXT NOT NULL, symbol TEXT NOT NULL, unit TEXT NOT NULL, amount TEXT NOT NULL,
        PRIMARY KEY ("transaction", line)
    ) WITHOUT ROWID;
    CREATE TABLE balances (
        book TEXT NOT NULL, account TEXT NOT NULL, strategy TEXT NOT NULL, symbol TEXT NOT NULL, unit TEXT NOT NULL,
        amount TEXT NOT NULL, PRIMARY KEY (book, account, strategy, symbol, unit)
    ) WITHOUT ROWID;
    CREATE TABLE marks (
        book TEXT NOT NULL, symbol TEXT NOT NULL, price TEXT NOT NULL, time_ns INTEGER NOT NULL,
        PRIMARY KEY (book, symbol)
    ) WITHOUT ROWID;
    ALTER TABLE fills RENAME TO run_fills;
    CREATE TABLE fills (
        book TEXT NOT NULL, fill_id TEXT NOT NULL, run TEXT NOT NULL REFERENCES runs(id), client_id TEXT NOT NULL,
        symbol TEXT NOT NULL, strategy TEXT NOT NULL, side TEXT NOT NULL, quantity TEXT NOT NULL, price TEXT NOT NULL,
        fee TEXT NOT NULL, time_ns INTEGER NOT NULL, leg TEXT NOT NULL, reason TEXT NOT NULL, reference TEXT,
        spread TEXT, slippage TEXT, "transaction" INTEGER REFERENCES ledger_transactions(id),
        PRIMARY KEY (book, fill_id)
    );
    CREATE INDEX fills_by_intent ON fills (book, client_id);
    CREATE INDEX fills_by_run ON fills (run);
    CREATE TABLE differences (
        id INTEGER PRIMARY KEY, book TEXT NOT NULL, time_ns INTEGER NOT NULL, what TEXT NOT NULL,
        strategy TEXT NOT NULL, symbol TEXT NOT NULL, venue_said TEXT NOT NULL, ledger_said TEXT NOT NULL,
        resolution TEXT NOT NULL, "transaction" INTEGER REFERENCES ledger_transactions(id)
    );
    CREATE TABLE halts (
        id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, by TEXT NOT NULL, book TEXT NOT NULL, reason TEXT NOT NULL,
        until_ns INTEGER NOT NULL, lifted_ns INTEGER
    );
    CREATE TABLE alerts (
        id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, book TEXT NOT NULL, run TEXT, level TEXT NOT NULL,
        kind TEXT NOT NULL, text TEXT NOT NULL
    );

    INSERT INTO intents
        SELECT run, client_id, run, decision, 'paper', symbol, side, quantity, type, leg, strategy, rule, created_ns,
            limit_price, stop_price, parent, order_group, expires_ns, fallback_market, reason, NULL, NULL,
            CASE state WHEN 'working' THEN 'acknowledged' WHEN 'filled' THEN 'done' WHEN 'cancelled' THEN 'done'
                WHEN 'expired' THEN 'done' ELSE state END,
            CASE WHEN state IN ('filled', 'cancelled', 'expired') THEN state END,
            coalesce((SELECT decimal_sum(f.quantity) FROM run_fills f
                WHERE f.run = o.run AND f.client_id = o.client_id), '0'),
            '', updated_ns
        FROM orders o ORDER BY rowid;
    INSERT INTO intent_events
        SELECT e.run, client_id, time_ns, 'update',
            CASE state WHEN 'working' THEN 'acknowledged' WHEN 'filled' THEN 'done' WHEN 'cancelled' THEN 'done'
                WHEN 'expired' THEN 'done' ELSE state END,
            CASE WHEN state IN ('filled', 'cancelled', 'expired') THEN state END,
            coalesce((SELECT decimal_sum(f.quantity) FROM run_fills f
                WHERE f.run = e.run AND f.client_id = e.client_id AND f.time_ns <= e.time_ns), '0'),
            reason
        FROM order_events e ORDER BY rowid;
    INSERT INTO fills
        SELECT run, fill_id, run, client_id, symbol, strategy, side, quantity, price, fee, time_ns, leg, reason,
            NULL, NULL, NULL, NULL
        FROM run_fills ORDER BY rowid;
    DROP TABLE order_events;
    DROP TABLE orders;
    DROP TABLE run_fills;

    CREATE TRIGGER intent_events_are_not_changed BEFORE UPDATE ON intent_events
    BEGIN SELECT RAISE(ABORT, 'the life of an order is only added to'); END;
    CREATE TRIGGER intent_events_are_not_removed BEFORE DELETE ON intent_events
    BEGIN SELECT RAISE(ABORT, 'the life of an order is only added to'); END;
    CREATE TRIGGER transactions_are_not_changed BEFORE UPDATE ON ledger_transactions
    BEGIN SELECT RAISE(ABORT, 'what is booked stays; book a correction'); END;
    CREATE TRIGGER transactions_are_not_removed BEFORE DELETE ON ledger_transactions
    BEGIN SELECT RAISE(ABORT, 'what is booked stays; book a correction'); END;
    CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON ledger_entries
    BEGIN SELECT RAISE(ABORT, 'what is booked stays; book a correction'); END;
    CREATE TRIGGER entries_are_not_removed BEFORE DELETE ON ledger_entries
    BEGIN SELECT RAISE(ABORT, 'what is booked stays; book a correction'); END;
    CREATE TRIGGER fills_are_not_changed BEFORE UPDATE ON fills
    BEGIN SELECT RAISE(ABORT, 'what is booked stays; book a correction'); END;
    CREATE TRIGGER fills_are_not_removed BEFORE DELETE ON fills
    BEGIN SELECT RAISE(ABORT, 'what is booked stays; book a correction'); END;
    """,
    """
    CREATE TABLE live_intents (
        book TEXT NOT NULL, client_id TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, quantity TEXT NOT NULL,
        type TEXT NOT NULL, leg TEXT NOT NULL, strategy TEXT NOT NULL, rule TEXT NOT NULL, created_ns INTEGER NOT NULL,
        limit_price TEXT, stop_price TEXT, parent TEXT, order_group TEXT, expires_ns INTEGER,
        fallback_market INTEGER NOT NULL, reason TEXT NOT NULL, state TEXT NOT NULL, filled TEXT NOT NULL,
        triggered INTEGER NOT NULL, at_market INTEGER NOT NULL, withdrawn TEXT, why TEXT NOT NULL,
        entry_values TEXT NOT NULL, trigger_symbol TEXT NOT NULL, PRIMARY KEY (book, client_id)
    );
    CREATE INDEX live_intents_by_position ON live_intents (book, strategy, symbol);
    CREATE TABLE attempts (
        book TEXT NOT NULL, client_id TEXT NOT NULL, intent TEXT NOT NULL, venue_order_id TEXT NOT NULL,
        symbol TEXT NOT NULL, side TEXT NOT NULL, quantity TEXT NOT NULL, limit_price TEXT NOT NULL,
        immediate INTEGER NOT NULL, reduce_only INTEGER NOT NULL, expires_ns INTEGER, guarded INTEGER NOT NULL,
        sent_ns INTEGER NOT NULL, state TEXT NOT NULL, ending TEXT, filled TEXT NOT NULL, total TEXT NOT NULL,
        told TEXT NOT NULL, over TEXT, why TEXT NOT NULL, PRIMARY KEY (book, client_id)
    );
    CREATE INDEX attempts_by_intent ON attempts (book, intent);
    """,
    """
    CREATE TABLE sweeps (
        id TEXT PRIMARY KEY, time_ns INTEGER NOT NULL, pack TEXT NOT NULL, ruleset_sha TEXT NOT NULL,
        data TEXT NOT NULL, described TEXT NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
        holdout_ns INTEGER NOT NULL, seed INTEGER NOT NULL, plan TEXT NOT NULL, version TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE trials (
        id INTEGER PRIMARY KEY, sweep TEXT NOT NULL REFERENCES sweeps(id), part TEXT NOT NULL, time_ns INTEGER NOT NULL,
        parameters_sha TEXT NOT NULL, parameters TEXT NOT NULL, decisions_sha TEXT NOT NULL, statistics TEXT NOT NULL,
        returns BLOB NOT NULL, UNIQUE (sweep, part, parameters_sha)
    );
    CREATE TABLE holdout_reads (
        id INTEGER PRIMARY KEY, sweep TEXT NOT NULL REFERENCES sweeps(id), time_ns INTEGER NOT NULL,
        parameters_sha TEXT NOT NULL, data TEXT NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
        UNIQUE (sweep, parameters_sha)
    );
    CREATE TRIGGER sweeps_are_not_replaced BEFORE INSERT ON sweeps
    WHEN EXISTS (SELECT 1 FROM sweeps WHERE id = NEW.id) BEGIN SELECT RAISE(IGNORE); END;
    CREATE TRIGGER trials_are_not_replaced BEFORE INSERT ON trials
    WHEN EXISTS (SELECT 1 FROM trials WHERE id = NEW.id
        OR (sweep = NEW.sweep AND part = NEW.part AND parameters_sha = NEW.parameters_sha))
    BEGIN SELECT RAISE(IGNORE); END;
    CREATE TRIGGER holdout_reads_are_not_replaced BEFORE INSERT ON holdout_reads
    WHEN EXISTS (SELECT 1 FROM holdout_reads WHERE id = NEW.id
        OR (sweep = NEW.sweep AND parameters_sha = NEW.parameters_sha))
    BEGIN SELECT RAISE(IGNORE); END;
    CREATE TRIGGER sweeps_are_not_changed BEFORE UPDATE ON sweeps
    BEGIN SELECT RAISE(ABORT, 'what was tried stays'); END;
    CREATE TRIGGER sweeps_are_not_removed BEFORE DELETE ON sweeps
    BEGIN SELECT RAISE(ABORT, 'what was tried stays'); END;
    CREATE TRIGGER trials_are_not_changed BEFORE UPDATE ON trials
    BEGIN SELECT RAISE(ABORT, 'what was tried stays'); END;
    CREATE TRIGGER trials_are_not_removed BEFORE DELETE ON trials
    BEGIN SELECT RAISE(ABORT, 'what was tried stays'); END;
    CREATE TRIGGER holdout_reads_are_not_changed BEFORE UPDATE ON holdout_reads
    BEGIN SELECT RAISE(ABORT, 'what was looked at stays'); END;
    CREATE TRIGGER holdout_reads_are_not_removed BEFORE DELETE ON holdout_reads
    BEGIN SELECT RAISE(ABORT, 'what was looked at stays'); END;
    """,
    """
    CREATE VIEW orders AS SELECT book, client_id, venue_order_id, run, venue, symbol, side, quantity, type, leg,
        strategy, rule, limit_price, stop_price, state, ending, filled, created_ns, updated_ns, reason FROM intents;
    CREATE VIEW signals AS SELECT run, seq, time_ns, rule, strategy, symbol, trigger_symbol, verdict, guard, reason
        FROM decisions;
    CREATE VIEW account_snapshots AS SELECT r.book, e.run, e.time_ns, e.equity
        FROM equity e JOIN runs r ON r.id = e.run;
    """,
)

MARKET_MIGRATIONS: Final[tuple[str, ...]] = (
    """
    PRAGMA application_id = 0x41544D44;
    CREATE TABLE ticks (
        symbol TEXT NOT NULL, time_ns INTEGER NOT NULL, source TEXT NOT NULL, sequence INTEGER NOT NULL,
        price DECIMAL_TEXT NOT NULL, size DECIMAL_TEXT, PRIMARY KEY (symbol, time_ns, source, sequence)
    ) WITHOUT ROWID;
    CREATE TABLE bars_1m (
        symbol TEXT NOT NULL, start_ns INTEGER NOT NULL, source TEXT NOT NULL, open DECIMAL_TEXT NOT NULL,
        high DECIMAL_TEXT NOT NULL, low DECIMAL_TEXT NOT NULL, close DECIMAL_TEXT NOT NULL, volume DECIMAL_TEXT,
        transactions INTEGER, PRIMARY KEY (symbol, start_ns, source)
    ) WITHOUT ROWID;
    CREATE TABLE features (
        symbol TEXT NOT NULL, name TEXT NOT NULL, time_ns INTEGER NOT NULL, source TEXT NOT NULL, value REAL,
        PRIMARY KEY (symbol, name, time_ns, source)
    ) WITHOUT ROWID;
    CREATE TABLE session_labels (
        calendar TEXT NOT NULL, start_ns INTEGER NOT NULL, label TEXT NOT NULL, end_ns INTEGER NOT NULL,
        PRIMARY KEY (calendar, start_ns, label)
    ) WITHOUT ROWID;
    """,
)


class Table(NamedTuple):
    """A table that much is written to at once. The first ``key`` of its columns are its key; ``time`` is one of them,
    and a database with partitions has one for each ``width_ns`` of it (0: none)."""

    name: str
    columns: tuple[str, ...]
    key: int
    time: str
    width_ns: int


class Family(NamedTuple):
    """The stores of one kind: what they are made of, and the number in an SQLite file's header that says so."""

    name: str
    migrations: tuple[str, ...]
    application_id: int
    tables: tuple[Table, ...] = ()


WEEK_NS: Final = 7 * 86_400 * 10**9
TICKS: Final = Table("ticks", ("symbol", "time_ns", "source", "sequence", "price", "size"), 4, "time_ns", WEEK_NS)
BARS: Final = Table(
    "bars_1m",
    ("symbol", "start_ns", "source", "open", "high", "low", "close", "volume", "transactions"),
    3, "start_ns", 4 * WEEK_NS,
)  # fmt: skip
FEATURES: Final = Table("features", ("symbol", "name", "time_ns", "source", "value"), 4, "time_ns", 0)
SESSION_LABELS: Final = Table("session_labels", ("calendar", "start_ns", "label", "end_ns"), 3, "start_ns", 0)

LEDGER: Final = Family("ledger", MIGRATIONS, 0x4154524F)
MARKET: Final = Family("market", MARKET_MIGRATIONS, 0x41544D44, (TICKS, BARS, FEATURES, SESSION_LABELS))


def statements(script: str) -> Iterator[str]:
    """One by one, because SQLite's own way of running a script commits first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
