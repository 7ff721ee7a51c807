"""Opens a store, begins runs, answers questions about them."""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from state.connection import connect, explained, read_while_written, transaction
from state.errors import StoreError
from state.process import is_alive, start_of
from state.schema import migrate
from state.writer import RunWriter

if TYPE_CHECKING:
    from sqlite_utils import Database

Row = dict[str, Any]
LISTED = 5  # candidates in an error
NANOS = 1_000_000_000


def open_store(path: Path) -> Store:
    """Open or create the store at ``path`` and bring it up to date; raises StoreError.

    Runs whose process is gone are marked crashed.
    """
    with explained(path):
        connection = connect(path)
        try:
            migrate(connection, path)
            read_while_written(connection)
            store = Store(path, connection)
            store.mark_crashed()
        except BaseException:
            connection.close()
            raise
    return store


class Store:
    """One SQLite file. Reading works while an engine writes."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @cached_property
    def _database(self) -> Database:
        from sqlite_utils import Database  # a third of a second: not for runs, which only write

        return Database(self._connection)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    # -- runs --------------------------------------------------------------------------------------------------------

    def mark_crashed(self) -> None:
        """Runs whose process is gone without ending them."""
        for run_id, pid, started in self._running():
            if not is_alive(pid, started):
                self._connection.execute("UPDATE runs SET status = 'crashed' WHERE id = ?", (run_id,))

    def _running(self) -> list[tuple[str, int, int]]:
        query = "SELECT id, pid, process_start FROM runs WHERE status = 'running'"
        return self._connection.execute(query).fetchall()

    def begin_run(
        self, mode: str, started_ns: int, source: str, packs: Sequence[str], symbols: Sequence[str], ruleset_sha: str,
        ruleset_files: Mapping[str, Mapping[str, str]], parameters: Mapping[str, float],
        universe: Mapping[str, Sequence[str]], execution: Mapping[str, str], version: str,
    ) -> RunWriter:  # fmt: skip
        """Begin a run; raises StoreError while another engine runs on this store.

        ``universe``: the symbols that each strategy looked at; ``execution``: which symbol was ordered for which.
        """
        with transaction(self._connection, self.path):
            self.mark_crashed()
            for running, pid, _ in self._running():
                raise StoreError(
                    f"run {running} (process {pid}) is using {self.path}; "
                    "stop it first, or give this one another store with AUTOTRADER__STORE__PATH"
                )
            run_id = self._new_id(started_ns)
            files = zlib.compress(json.dumps(ruleset_files).encode())
            self._connection.execute("INSERT OR IGNORE INTO rulesets VALUES (?, ?)", (ruleset_sha, files))
            self._connection.execute(
                "INSERT INTO runs VALUES (?, ?, ?, NULL, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                (run_id, mode, started_ns, source, json.dumps(list(packs)), json.dumps(list(symbols)), ruleset_sha,
                 json.dumps(dict(parameters)), json.dumps({k: list(v) for k, v in universe.items()}),
                 json.dumps(dict(execution)), version, os.getpid(), start_of(os.getpid())),
            )  # fmt: skip
        return RunWriter(self._connection, self.path, run_id)

    def _new_id(self, started_ns: int) -> str:
        stem = datetime.fromtimestamp(started_ns // NANOS, UTC).strftime("%Y%m%d-%H%M%S")
        taken = self._connection.execute("SELECT count(*) FROM runs WHERE id LIKE ?", (f"{stem}-%",)).fetchone()[0]
        return f"{stem}-{taken + 1}"

    def runs(self) -> list[Row]:
        """All runs, the newest first."""
        return [_run(row) for row in self._rows("SELECT * FROM runs ORDER BY started_ns DESC, rowid DESC")]

    def run(self, run_id: str | None = None) -> Row:
        """One run by id, or the newest; raises StoreError that lists what there is."""
        newest = "ORDER BY started_ns DESC, rowid DESC"
        if run_id is None:
            rows = self._rows(f"SELECT * FROM runs {newest} LIMIT 1")
        else:
            rows = self._rows("SELECT * FROM runs WHERE id = ?", (run_id,))
        if rows:
            return _run(rows[0])
        known = [row["id"] for row in self._rows(f"SELECT id FROM runs {newest} LIMIT {LISTED}")]
        if not known:
            raise StoreError(f"{self.path} has no run yet; `engine run --paper` makes one")
        raise StoreError(f"{self.path} has no run {run_id}; its newest: {', '.join(known)}")

    def ruleset(self, sha256: str) -> dict[str, dict[str, str]]:
        """The text of all rule files of a ruleset, by pack and file name."""
        rows = self._rows("SELECT files FROM rulesets WHERE sha256 = ?", (sha256,))
        if not rows:
            raise StoreError(f"{self.path} does not have the rules {sha256[:12]}")
        found: dict[str, dict[str, str]] = json.loads(self._unpack(rows[0]["files"]))
        return found

    # -- what happened in a run --------------------------------------------------------------------------------------

    def order(self, client_id: str, run_id: str | None = None) -> Row:
        """An order by its client id or the beginning of it, of the newest run that has it.

        Raises StoreError with the candidates when none or several match; a whole id is never ambiguous.
        """
        where, of_run = ("AND run = ?", (run_id,)) if run_id else ("", ())
        newest = "ORDER BY created_ns DESC, rowid DESC"
        match = "substr(client_id, 1, length(?)) = ?"
        rows = self._rows(f"SELECT * FROM orders WHERE {match} {where} {newest}", (client_id, client_id, *of_run))
        whole = [row for row in rows if row["client_id"] == client_id]
        names = list(dict.fromkeys(row["client_id"] for row in whole or rows))
        if len(names) == 1:
            return (whole or rows)[0]
        if names:
            listed = ", ".join(names[:LISTED])
            raise StoreError(f"{client_id} could be {len(names)} orders: {listed}; write more of the id")
        known = self._rows(f"SELECT client_id FROM orders WHERE true {where} {newest} LIMIT {LISTED}", of_run)
        there = f"its newest: {', '.join(row['client_id'] for row in known)}" if known else "it has none at all"
        raise StoreError(f"{self.path} has no order {client_id}; {there}")

    def orders(self, run_id: str) -> list[Row]:
        """All orders of a run, as written; quantities and prices are exact text."""
        return self._rows("SELECT * FROM orders WHERE run = ? ORDER BY rowid", (run_id,))

    def order_events(self, run_id: str, client_id: str) -> list[Row]:
        """The life of an order, in order."""
        query = "SELECT * FROM order_events WHERE run = ? AND client_id = ? ORDER BY rowid"
        return self._rows(query, (run_id, client_id))

    def fills(self, run_id: str, client_id: str | None = None) -> list[Row]:
        """Executions of a run, or of one of its orders; quantities, prices and fees are exact text."""
        rows = self._rows("SELECT * FROM fills WHERE run = ? ORDER BY rowid", (run_id,))
        return [r for r in rows if client_id is None or r["client_id"] == client_id]

    def decision(self, run_id: str, number: int) -> Row:
        """A decision by its number; ``values`` are float64 bytes or None."""
        rows = self._rows("SELECT * FROM decisions WHERE run = ? AND seq = ?", (run_id, number))
        if not rows:
            raise StoreError(f"{self.path} has no decision {number} in run {run_id}")
        return self._decision(rows[0])

    def decision_for_order(self, run_id: str, client_id: str) -> Row:
        """The decision that wanted an order."""
        return self.decision(run_id, self.order(client_id, run_id)["decision"])

    def decisions(
        self, run_id: str, rule: str | None = None, time_ns: int | None = None, symbol: str | None = None,
        start_ns: int | None = None, end_ns: int | None = None,
    ) -> list[Row]:  # fmt: skip
        """Decisions of a run, in order: of one rule, at one instant, on one symbol, from start up to before end."""
        tests = {
            "rule = ?": rule, "time_ns = ?": time_ns, "symbol = ?": symbol, "time_ns >= ?": start_ns,
            "time_ns < ?": end_ns,
        }  # fmt: skip
        asked = {test: value for test, value in tests.items() if value is not None}
        where = "".join(f" AND {test}" for test in asked)
        rows = self._rows(f"SELECT * FROM decisions WHERE run = ?{where} ORDER BY seq", (run_id, *asked.values()))
        return [self._decision(row) for row in rows]

    def trace(self, run_id: str, symbol: str, time_ns: int) -> bytes | None:
        """Node values (float64 bytes) of a symbol at exactly that tick; None when none are kept."""
        query = 'SELECT "values" FROM traces WHERE run = ? AND symbol = ? AND time_ns = ?'
        rows = self._rows(query, (run_id, symbol, time_ns))
        return self._unpack(rows[0]["values"]) if rows else None

    def trace_times(self, run_id: str, symbol: str, around_ns: int) -> list[int]:
        """The kept ticks of a symbol just before and just after an instant."""
        before = "SELECT max(time_ns) AS t FROM traces WHERE run = ? AND symbol = ? AND time_ns <= ?"
        after = "SELECT min(time_ns) AS t FROM traces WHERE run = ? AND symbol = ? AND time_ns > ?"
        found = [self._rows(q, (run_id, symbol, around_ns))[0]["t"] for q in (before, after)]
        return [t for t in found if t is not None]

    def positions(self, run_id: str) -> list[Row]:
        """What is open, or was when the run ended."""
        return self._rows("SELECT * FROM positions WHERE run = ? ORDER BY strategy, symbol", (run_id,))

    def snapshot(self, run_id: str, name: str) -> dict[str, Any] | None:
        """The last kept state of a part (JSON values); None when it kept none."""
        rows = self._rows("SELECT state FROM snapshots WHERE run = ? AND name = ?", (run_id, name))
        return json.loads(rows[0]["state"]) if rows else None

    def equity(self, run_id: str) -> list[tuple[int, float]]:
        """Time and equity (money) of every tick."""
        rows = self._rows("SELECT time_ns, equity FROM equity WHERE run = ? ORDER BY time_ns", (run_id,))
        return [(r["time_ns"], r["equity"]) for r in rows]

    def events(self, run_id: str) -> list[Row]:
        """What the user should know of a run, in order."""
        return self._rows("SELECT * FROM events WHERE run = ? ORDER BY rowid", (run_id,))

    # -- upkeep ------------------------------------------------------------------------------------------------------

    def check(self) -> list[str]:
        """Problems that SQLite finds in the file; empty when it is sound."""
        try:
            found = [str(r[0]) for r in self._connection.execute("PRAGMA integrity_check")]
            broken = [
                f"a row of {r[0]} refers to nothing" for r in self._connection.execute("PRAGMA foreign_key_check")
            ]
        except sqlite3.DatabaseError as error:
            return [str(error)]
        return [text for text in found if text != "ok"] + broken

    def backup(self, path: Path) -> None:
        """A consistent copy in a new file, also while an engine writes; raises StoreError."""
        if path.exists():
            raise StoreError(f"{path} is there already; name a new file for the backup")
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            target = sqlite3.connect(path)
            try:
                self._connection.backup(target)
            finally:
                target.close()

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        with explained(self.path):
            return list(self._database.query(query, tuple(values)))

    def _decision(self, row: Row) -> Row:
        values = self._unpack(row["values"]) if row["values"] is not None else None
        return {**row, "guards": json.loads(row["guards"]), "actions": json.loads(row["actions"]), "values": values}

    def _unpack(self, packed: bytes) -> bytes:
        try:
            return zlib.decompress(packed)
        except zlib.error as error:
            raise StoreError(f"{self.path} is damaged: {error}; go on with a backup") from None


def _run(row: Row) -> Row:
    summary = json.loads(row["summary"]) if row["summary"] else None
    parsed = {name: json.loads(row[name]) for name in ("packs", "symbols", "parameters", "universe", "execution")}
    return {**row, **parsed, "summary": summary}
