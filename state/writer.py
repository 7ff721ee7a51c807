"""Writes one run. Orders are on disk before ``orders`` returns; all else is buffered and written in batches."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.market.orders import Fill, Order, OrderState, OrderUpdate
from state.connection import transaction
from state.errors import StoreError

BATCH = 512
TRACE_LEVEL = 1  # fast compression: traces are many and small


class RunWriter:
    """The record of one run; every call may raise StoreError when the file fails.

    Use as a context manager: leaving it marks a run that was not ended ``stopped``, or ``crashed`` by an error.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, run_id: str) -> None:
        self.run_id = run_id
        self._connection = connection
        self._path = path
        self._pending: dict[str, list[tuple[Any, ...]]] = {}
        self._count = 0
        self._sequence = 0
        self._last_ns: int | None = None
        self._ended = False

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ended:
            return
        if kind is None or issubclass(kind, KeyboardInterrupt):
            self.end("stopped", self._last_ns, {})
            return
        with suppress(StoreError, sqlite3.Error):  # the first error is the one to tell
            self.end("crashed", self._last_ns, {"error": kind.__name__})

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
        self._last_ns = time_ns
        self._add("traces", (self.run_id, symbol, time_ns, zlib.compress(values, TRACE_LEVEL)))

    def fill(self, fill: Fill) -> None:
        """One execution; its Decimals are kept as they are."""
        self._add("fills", (
            self.run_id, fill.fill_id, fill.client_id, fill.symbol, fill.strategy, fill.side.value, str(fill.quantity),
            str(fill.price), str(fill.fee), fill.time_ns, fill.leg.value, fill.reason,
        ))  # fmt: skip

    def update(self, update: OrderUpdate) -> None:
        """A change in an order's life: kept as an event, and as the order's state."""
        self._add("order_events", (self.run_id, update.client_id, update.time_ns, update.state.value, update.reason))
        self._add("states", (update.state.value, update.time_ns, self.run_id, update.client_id))

    def event(self, time_ns: int, level: str, kind: str, symbol: str, text: str) -> None:
        """Something that the user should know of the run; ``symbol`` is empty when it concerns none."""
        self._add("events", (self.run_id, time_ns, level, kind, symbol, text))

    def equity(self, time_ns: int, equity: float) -> None:
        """Cash and open positions at their last prices (money); a later value of the same instant replaces it."""
        self._last_ns = time_ns
        self._add("equity", (self.run_id, time_ns, equity))

    def positions(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace what is open: ``strategy``, ``symbol``, ``quantity``, ``entry``, ``opened_ns``, ``high``, ``low``,
        ``stop`` (a price or None) of each position."""
        self.flush()
        with transaction(self._connection, self._path):
            self._connection.execute("DELETE FROM positions WHERE run = ?", (self.run_id,))
            self._connection.executemany(
                "INSERT INTO positions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (self.run_id, r["strategy"], r["symbol"], str(r["quantity"]), str(r["entry"]), r["opened_ns"],
                     r["high"], r["low"], _text(r["stop"]))
                    for r in rows
                ],
            )  # fmt: skip

    def snapshot(self, time_ns: int, name: str, state: Mapping[str, object]) -> None:
        """Keep the state of a part (JSON values) in place of its last one; written with all that came before it."""
        self._add("snapshots", (self.run_id, name, time_ns, json.dumps(state)))

    def flush(self) -> None:
        """Write everything that waits, in one transaction, in the order in which tables depend on one another."""
        if not self._count:
            return
        # Taken out first: rows that cannot be written must not stand in the way of saying that the run crashed.
        pending, self._pending, self._count = self._pending, {}, 0
        with transaction(self._connection, self._path):
            for table, statement in _STATEMENTS.items():
                rows = pending.get(table)
                if rows:
                    self._connection.executemany(statement, rows)

    def end(self, status: str, ended_ns: int | None, summary: Mapping[str, Any]) -> None:
        """Close the run: ``done``, ``stopped`` or ``crashed``; None when it saw no tick."""
        try:
            self.flush()
        finally:
            with transaction(self._connection, self._path):
                self._connection.execute(
                    "UPDATE runs SET status = ?, ended_ns = ?, summary = ? WHERE id = ?",
                    (status, ended_ns, json.dumps(summary, default=str), self.run_id),
                )
        self._ended = True

    def _add(self, table: str, row: tuple[Any, ...]) -> None:
        self._pending.setdefault(table, []).append(row)
        self._count += 1
        if self._count >= BATCH:
            self.flush()


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
    "snapshots": _insert("snapshots", 4, "INSERT OR REPLACE"),
}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
