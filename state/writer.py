"""Writes one run. Orders are on disk before ``orders`` returns; all else is buffered and written in batches."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from engine.market.orders import Fill, Order, OrderState, OrderUpdate

BATCH = 512
TRACE_LEVEL = 1  # fast compression: traces are many and small


class RunWriter:
    """The record of one run. Use as a context manager: leaving it by an error marks the run crashed."""

    def __init__(self, connection: sqlite3.Connection, run_id: str) -> None:
        self.run_id = run_id
        self._connection = connection
        self._pending: dict[str, list[tuple[Any, ...]]] = {}
        self._count = 0
        self._sequence = 0
        self._last_ns = 0

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.end("crashed", self._last_ns, {"error": f"{kind.__name__}"})

    # -- what must be safe at once ---------------------------------------------------------------------------------

    def orders(self, orders: Sequence[Order]) -> None:
        """Write orders down before they are sent; committed when this returns."""
        for order in orders:
            self._add("orders", (
                self.run_id, order.client_id, self._sequence, order.symbol, order.side.value, str(order.quantity),
                order.type.value, order.leg.value, order.strategy, order.rule, order.created_ns, _text(order.limit),
                _text(order.stop), order.parent, order.group, order.expires_ns, int(order.fallback_market),
                order.reason, OrderState.WANTED.value, order.created_ns,
            ))  # fmt: skip
        self.flush()

    # -- what may wait a moment ------------------------------------------------------------------------------------

    def decision(
        self, time_ns: int, rule: str, strategy: str, symbol: str, trigger_symbol: str, verdict: str, guard: str,
        reason: str, guards: Mapping[str, str], actions: Sequence[str], values: bytes | None,
    ) -> int:  # fmt: skip
        """One decision with the node values it was taken on; returns its number within the run."""
        self._sequence += 1
        self._last_ns = time_ns
        self._add("decisions", (
            self.run_id, self._sequence, time_ns, rule, strategy, symbol, trigger_symbol, verdict, guard, reason,
            json.dumps(dict(guards)), json.dumps(list(actions)),
            None if values is None else zlib.compress(values, TRACE_LEVEL),
        ))  # fmt: skip
        return self._sequence

    def trace(self, time_ns: int, symbol: str, values: bytes) -> None:
        """All node values of a symbol after a tick (float64, in slot order)."""
        self._add("traces", (self.run_id, symbol, time_ns, zlib.compress(values, TRACE_LEVEL)))

    def fill(self, fill: Fill) -> None:
        self._add("fills", (
            self.run_id, fill.fill_id, fill.client_id, fill.symbol, fill.strategy, fill.side.value, str(fill.quantity),
            str(fill.price), str(fill.fee), fill.time_ns, fill.leg.value, fill.reason,
        ))  # fmt: skip

    def update(self, update: OrderUpdate) -> None:
        """A change in an order's life: kept as an event, and as the order's state."""
        self._add("order_events", (self.run_id, update.client_id, update.time_ns, update.state.value, update.reason))
        self._add("states", (update.state.value, update.time_ns, self.run_id, update.client_id))

    def event(self, time_ns: int, level: str, kind: str, symbol: str, text: str) -> None:
        self._add("events", (self.run_id, time_ns, level, kind, symbol, text))

    def equity(self, time_ns: int, equity: float) -> None:
        self._add("equity", (self.run_id, time_ns, equity))

    def positions(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace the snapshot of open positions."""
        self.flush()
        with transaction(self._connection):
            self._connection.execute("DELETE FROM positions WHERE run = ?", (self.run_id,))
            self._connection.executemany(
                "INSERT INTO positions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (self.run_id, r["strategy"], r["symbol"], str(r["quantity"]), str(r["entry"]), r["opened_ns"],
                     r["high"], r["low"], _text(r["stop"]))
                    for r in rows
                ],
            )  # fmt: skip

    def flush(self) -> None:
        """Write everything that waits, in one transaction, in the order in which tables depend on one another."""
        if not self._count:
            return
        with transaction(self._connection):
            for table, statement in _STATEMENTS.items():
                rows = self._pending.get(table)
                if rows:
                    self._connection.executemany(statement, rows)
        self._pending.clear()
        self._count = 0

    def end(self, status: str, ended_ns: int, summary: Mapping[str, Any]) -> None:
        """Close the run: ``done``, ``stopped`` or ``crashed``."""
        self.flush()
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE runs SET status = ?, ended_ns = ?, summary = ? WHERE id = ?",
                (status, ended_ns, json.dumps(summary, default=str), self.run_id),
            )

    def _add(self, table: str, row: tuple[Any, ...]) -> None:
        self._pending.setdefault(table, []).append(row)
        self._count += 1
        if self._count >= BATCH:
            self.flush()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction: all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _insert(table: str, columns: int, mode: str = "INSERT") -> str:
    return f"{mode} INTO {table} VALUES ({', '.join('?' * columns)})"


_STATEMENTS = {
    "decisions": _insert("decisions", 13),
    "traces": _insert("traces", 4, "INSERT OR REPLACE"),
    "orders": _insert("orders", 20),
    "order_events": _insert("order_events", 5),
    "states": "UPDATE orders SET state = ?, updated_ns = ? WHERE run = ? AND client_id = ?",
    "fills": _insert("fills", 12),
    "events": _insert("events", 6),
    "equity": _insert("equity", 3, "INSERT OR REPLACE"),
}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
