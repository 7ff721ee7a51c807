"""Rows that wait to be written together, in one transaction, in the order in which tables depend on one another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from state.connection import Connection
from state.translate import upsert

ROWS: Final = 512
Row = tuple[Any, ...]
Late = Callable[[], Iterable[tuple[str, Row]]]


class Batch:
    """``late``: who is asked for the newest state of things just before they are written."""

    def __init__(self, connection: Connection) -> None:
        self.late: list[Late] = []
        self._connection = connection
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
        with self._connection.transaction():
            for statement, text in STATEMENTS.items():
                rows = pending.get(statement)
                if rows:
                    self._connection.executemany(text, rows)


def _insert(table: str, columns: int) -> str:
    return f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})"


LIVE_INTENT: Final = (
    "client_id, symbol, side, quantity, type, leg, strategy, rule, created_ns, limit_price, stop_price, parent, "
    "order_group, expires_ns, fallback_market, reason, state, filled, triggered, at_market, withdrawn, why, "
    "entry_values, trigger_symbol"
)
ATTEMPT: Final = (
    "client_id, intent, venue_order_id, symbol, side, quantity, limit_price, immediate, reduce_only, expires_ns, "
    "guarded, sent_ns, state, ending, filled, total, told, over, why"
)


STATEMENTS: Final = {
    "inputs": _insert("inputs", 6),
    "decisions": _insert("decisions", 13),
    "traces": upsert("traces", "run symbol time_ns values", 3),
    "intents": _insert("intents", 27),
    "intent_events": _insert("intent_events", 8),
    "intent_states": "UPDATE intents SET state = ?, ending = ?, filled = ?, venue_order_id = ?, updated_ns = ? "
    "WHERE book = ? AND client_id = ?",
    "intent_stops": "UPDATE intents SET stop_price = ? WHERE book = ? AND client_id = ?",
    "live_intents": upsert("live_intents", f"book {LIVE_INTENT}", 2),
    "attempts": upsert("attempts", f"book {ATTEMPT}", 2),
    "about": upsert("about", "key value", 1),
    "transactions": _insert("ledger_transactions", 7),
    "entries": _insert("ledger_entries", 7),
    "fills": _insert("fills", 17),
    "balances": upsert("balances", "book account strategy symbol unit amount", 5),
    "marks": upsert("marks", "book symbol price time_ns", 2),
    "differences": "INSERT INTO differences (book, time_ns, what, strategy, symbol, venue_said, ledger_said, "
    'resolution, "transaction") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    "halts": "INSERT INTO halts (time_ns, by, book, reason, until_ns) VALUES (?, ?, ?, ?, ?)",
    "alerts": "INSERT INTO alerts (time_ns, book, run, level, kind, text) VALUES (?, ?, ?, ?, ?, ?)",
    "events": _insert("events", 6),
    "equity": upsert("equity", "run time_ns equity", 2),
    "no_positions": "DELETE FROM positions WHERE run = ?",
    "positions": _insert("positions", 9),
    "snapshots": upsert("snapshots", "run name time_ns state", 2),
}
