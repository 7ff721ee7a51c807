"""Rows that wait to be written together, in one transaction, in the order in which tables depend on one another."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from state.connection import transaction

ROWS: Final = 512
Row = tuple[Any, ...]
Late = Callable[[], Iterable[tuple[str, Row]]]


class Batch:
    """``late``: who is asked for the newest state of things just before they are written."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.late: list[Late] = []
        self._connection, self._path = connection, path
        self._pending: dict[str, list[Row]] = {}
        self._count = 0

    def add(self, statement: str, row: Row) -> None:
        """Keep a row for a statement of STATEMENTS."""
        self._pending.setdefault(statement, []).append(row)
        self._count += 1

    def flush_if_full(self) -> None:
        """Write when much waits. Only to be called between changes, because what belongs together goes together."""
        if self._count >= ROWS:
            self.flush()

    def flush(self) -> None:
        """Write all that waits; on disk when this returns. Raises StoreError."""
        # Taken out first: rows that cannot be written must not stand in the way of saying that the run crashed.
        pending, self._pending, self._count = self._pending, {}, 0
        for source in self.late:
            for statement, row in source():
                pending.setdefault(statement, []).append(row)
        if not pending:
            return
        with transaction(self._connection, self._path):
            for statement, text in STATEMENTS.items():
                rows = pending.get(statement)
                if rows:
                    self._connection.executemany(text, rows)


def _insert(table: str, columns: int, mode: str = "INSERT") -> str:
    return f"{mode} INTO {table} VALUES ({', '.join('?' * columns)})"


STATEMENTS: Final = {
    "inputs": _insert("inputs", 6),
    "decisions": _insert("decisions", 13),
    "traces": _insert("traces", 4, "INSERT OR REPLACE"),
    "intents": _insert("intents", 27),
    "intent_events": _insert("intent_events", 8),
    "intent_states": "UPDATE intents SET state = ?, ending = ?, filled = ?, venue_order_id = ?, updated_ns = ? "
    "WHERE book = ? AND client_id = ?",
    "intent_stops": "UPDATE intents SET stop_price = ? WHERE book = ? AND client_id = ?",
    "live_intents": _insert("live_intents", 25, "INSERT OR REPLACE"),
    "attempts": _insert("attempts", 20, "INSERT OR REPLACE"),
    "about": _insert("about", 2, "INSERT OR REPLACE"),
    "transactions": _insert("ledger_transactions", 7),
    "entries": _insert("ledger_entries", 7),
    "fills": _insert("fills", 17),
    "balances": _insert("balances", 6, "INSERT OR REPLACE"),
    "marks": _insert("marks", 4, "INSERT OR REPLACE"),
    "differences": "INSERT INTO differences (book, time_ns, what, strategy, symbol, venue_said, ledger_said, "
    'resolution, "transaction") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    "halts": "INSERT INTO halts (time_ns, by, book, reason, until_ns) VALUES (?, ?, ?, ?, ?)",
    "alerts": "INSERT INTO alerts (time_ns, book, run, level, kind, text) VALUES (?, ?, ?, ?, ?, ?)",
    "events": _insert("events", 6),
    "equity": _insert("equity", 3, "INSERT OR REPLACE"),
    "no_positions": "DELETE FROM positions WHERE run = ?",
    "positions": _insert("positions", 9),
    "snapshots": _insert("snapshots", 4, "INSERT OR REPLACE"),
}
