"""Writes one run. Orders are on disk before ``orders`` returns; all else is written together in batches.

A batch is one transaction, and it always holds the inputs up to its last decision. So whatever a crash leaves behind,
a decision that is there can be decided again from what is there.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from types import TracebackType
from typing import Any

from engine.market.inputs import Input
from engine.market.intents import news_of
from engine.market.orders import Fill, Order, OrderUpdate, Seen
from state.batch import Batch, Row
from state.book import Book
from state.connection import Connection, Lock
from state.errors import StoreError
from state.inputs import InputEncoder
from state.orders import LiveOrders

TRACE_LEVEL = 1  # fast compression: traces are many and small
PRICE_DIGITS = 10  # decimals of a price that was computed in floats


class RunWriter:
    """The record of one run; every call may raise StoreError when the file fails.

    Use as a context manager: leaving it marks a run that was not ended ``stopped``, or ``crashed`` by an error.
    ``book`` is where its orders and money are kept, also after the run.
    """

    def __init__(
        self, connection: Connection, run_id: str, book: str, venue: str, lock: Lock
    ) -> None:
        self.run_id = run_id
        self._connection, self._lock = connection, lock
        self._batch = Batch(connection)
        self._batch.late.append(self._late)
        self.book = Book(connection, book, venue, self._batch)
        self._inputs = InputEncoder()
        self._blocks = 0
        self._sequence = 0
        self._last_ns: int | None = None
        self._ended = self._live = False
        self._positions: list[Row] | None = None
        self._parts: dict[str, tuple[Callable[[], Mapping[str, object]], str]] = {}

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
        with suppress(StoreError, *self._connection.faults):  # the first error is the one to tell
            self.end("crashed", self._last_ns, {"error": kind.__name__})

    # -- what must be safe at once ---------------------------------------------------------------------------------

    def orders(self, orders: Sequence[Order], seen: Mapping[str, Seen] | None = None) -> None:
        """Write orders down before they are sent; on disk when this returns. ``seen``: the market by symbol.

        Where ``live_orders`` is in use they are on disk when that saves, which is before anything is sent.
        """
        self.book.want(orders, self.run_id, self._sequence, seen, at_once=not self._live)

    def halted(self, time_ns: int, by: str, reason: str, until_ns: int) -> None:
        """A guard stopped entries; on disk when this returns, so that a restart cannot forget it."""
        self._batch.add("halts", (time_ns, by, self.book.name, reason, until_ns))
        self.alert(time_ns, "warning", "halt", f"{by} stopped entries: {reason}")
        self.flush()

    # -- what may wait a moment ------------------------------------------------------------------------------------

    def input(self, item: Input) -> None:
        """Something that reached the run from outside; to be told before anything is decided on it."""
        if self._inputs.full:
            self.flush()
        self._inputs.add(item)

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
        """One execution, booked once; its Decimals are kept as they are."""
        self.book.fill(fill, self.run_id)
        self._batch.flush_if_full()

    def update(self, update: OrderUpdate) -> None:
        """A change in an order's life."""
        news = news_of(update)
        if news is not None:
            self.book.tell(update.client_id, news, update.time_ns, update.reason)
        self._batch.flush_if_full()

    def amended(self, client_id: str, time_ns: int, stop: Decimal) -> None:
        """The stop price of a resting order is to be changed."""
        self.book.amended(client_id, time_ns, stop)

    def mark(self, symbol: str, price: float, time_ns: int) -> None:
        """The last price of something held; it may be the middle of two, so that it is on no grid."""
        self.book.mark(symbol, Decimal(repr(round(price, PRICE_DIGITS))), time_ns)

    def event(self, time_ns: int, level: str, kind: str, symbol: str, text: str) -> None:
        """Something that the user should know of the run; ``symbol`` is empty when it concerns none."""
        self._add("events", (self.run_id, time_ns, level, kind, symbol, text))

    def alert(self, time_ns: int, level: str, kind: str, text: str) -> None:
        """Something that a person should look at, whichever run it came from."""
        self.book.alert(time_ns, level, kind, text, self.run_id)

    def equity(self, time_ns: int, equity: float) -> None:
        """Cash and open positions at their last prices (money); a later value of the same instant replaces it."""
        self._last_ns = time_ns
        self._add("equity", (self.run_id, time_ns, equity))

    def positions(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace what is open: ``strategy``, ``symbol``, ``quantity``, ``entry``, ``opened_ns``, ``high``, ``low``,
        ``stop`` (a price or None) of each position."""
        self._positions = [
            (self.run_id, r["strategy"], r["symbol"], str(r["quantity"]), str(r["entry"]), r["opened_ns"], r["high"],
             r["low"], None if r["stop"] is None else str(r["stop"]))
            for r in rows
        ]  # fmt: skip

    def snapshot(self, time_ns: int, name: str, state: Mapping[str, object]) -> None:
        """Keep the state of a part (JSON values) in place of its last one; written with all that came before it."""
        self._add("snapshots", (self.run_id, name, time_ns, json.dumps(state)))

    def keep(self, name: str, state: Callable[[], Mapping[str, object]]) -> None:
        """From now on every commit holds the newest ``state`` of a part (JSON values), together with everything that
        made it so. See ``Store.last_kept``."""
        self._parts[name] = (state, "")

    def live_orders(self) -> LiveOrders:
        """What the broker of a venue keeps of its orders, in the run's book and in the run's own transactions."""
        self._live = True
        return LiveOrders(self._connection, self.book, self._batch, self.run_id)

    def flush(self) -> None:
        """Write everything that waits, in one transaction."""
        self._batch.flush()

    def end(self, status: str, ended_ns: int | None, summary: Mapping[str, Any]) -> None:
        """Close the run: ``done``, ``stopped`` or ``crashed``; None when it saw no tick. Frees the store's lock."""
        try:
            self.flush()
        finally:
            with self._connection.transaction():
                self._connection.execute(
                    "UPDATE runs SET status = ?, ended_ns = ?, summary = ? WHERE id = ?",
                    (status, ended_ns, json.dumps(summary, default=str), self.run_id),
                )
        self._ended = True
        self._lock.release()

    def _add(self, statement: str, row: Row) -> None:
        self._batch.add(statement, row)
        self._batch.flush_if_full()

    def _late(self) -> Iterable[tuple[str, Row]]:
        """The block of inputs, and the positions as they are now."""
        if self._inputs.items:
            self._blocks += 1
            yield "inputs", (self.run_id, self._blocks, *self._inputs.take())
        for name, (state, before) in self._parts.items():
            text = json.dumps(state())
            if text != before:
                self._parts[name] = (state, text)
                yield "snapshots", (self.run_id, name, self._last_ns or 0, text)
        positions, self._positions = self._positions, None
        if positions is not None:
            yield "no_positions", (self.run_id,)
            for row in positions:
                yield "positions", row
