"""Opens a store, begins runs, answers questions about them."""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlite_utils

from state.errors import StoreError
from state.process import is_alive, start_of
from state.schema import MIGRATIONS, migrate, version_of
from state.writer import RunWriter, transaction

Row = dict[str, Any]
BUSY_SECONDS = 10.0
MAGIC = b"SQLite format 3\0"
PREFIX_LISTED = 5


def open_store(path: Path) -> Store:
    """Open or create the store at ``path`` and bring it up to date; raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _refuse_other_files(path)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        version = version_of(connection)
        if version > len(MIGRATIONS):
            connection.close()
            raise StoreError(
                f"{path} was written by a newer engine (schema {version}, this one knows {len(MIGRATIONS)}); "
                "use that engine, or another file"
            )
        migrate(connection)
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error) or "malformed" in str(error):
            raise StoreError(f"{path} is no store: {error}; move it away, or name another file") from None
        raise StoreError(f"{path} cannot be opened: {error}; check its permissions, or name another file") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be created: {error.strerror}; name a file in a writable folder") from None
    store = Store(path, connection)
    store.mark_crashed()
    return store


def _refuse_other_files(path: Path) -> None:
    """SQLite takes a file of a few bytes for an empty database and would overwrite it."""
    if path.is_file() and path.stat().st_size > 0:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise StoreError(f"{path} is no store: it is another kind of file; move it away, or name another file")


class Store:
    """One SQLite file. Reading works while an engine writes."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._database = sqlite_utils.Database(connection)

    def close(self) -> None:
        self._connection.close()

    # -- runs --------------------------------------------------------------------------------------------------------

    def mark_crashed(self) -> None:
        """Runs whose process is gone without ending them."""
        for run in self._rows("SELECT id, pid, process_start FROM runs WHERE status = 'running'"):
            if not is_alive(run["pid"], run["process_start"]):
                self._connection.execute("UPDATE runs SET status = 'crashed' WHERE id = ?", (run["id"],))

    def begin_run(
        self, mode: str, started_ns: int, source: str, packs: Sequence[str], symbols: Sequence[str], ruleset_sha: str,
        ruleset_files: Mapping[str, Mapping[str, str]], parameters: Mapping[str, float],
        universe: Mapping[str, Sequence[str]], execution: Mapping[str, str], version: str,
    ) -> RunWriter:  # fmt: skip
        """Begin a run; raises StoreError while another engine runs on this store.

        ``universe``: the symbols that each strategy looked at; ``execution``: which symbol was ordered for which.
        """
        with transaction(self._connection):
            running = self._rows("SELECT id, pid FROM runs WHERE status = 'running'")
            if running:
                raise StoreError(
                    f"run {running[0]['id']} (process {running[0]['pid']}) is using {self.path}; "
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
        return RunWriter(self._connection, run_id)

    def _new_id(self, started_ns: int) -> str:
        stem = datetime.fromtimestamp(started_ns / 1e9, UTC).strftime("%Y%m%d-%H%M%S")
        taken = self._connection.execute("SELECT count(*) FROM runs WHERE id LIKE ?", (f"{stem}-%",)).fetchone()[0]
        return f"{stem}-{taken + 1}"

    def runs(self) -> list[Row]:
        """All runs, the newest first."""
        return [_run(row) for row in self._rows("SELECT * FROM runs ORDER BY started_ns DESC, rowid DESC")]

    def run(self, run_id: str | None = None) -> Row:
        """One run by id, or the newest."""
        found = self.runs()
        if run_id is not None:
            found = [r for r in found if r["id"] == run_id]
        if not found:
            what = f"no run {run_id}" if run_id else "no run yet"
            raise StoreError(f"{self.path} has {what}; `engine run --paper` makes one")
        return found[0]

    def ruleset(self, sha256: str) -> dict[str, dict[str, str]]:
        """The text of all rule files of a ruleset, by pack and file name."""
        rows = self._rows("SELECT files FROM rulesets WHERE sha256 = ?", (sha256,))
        if not rows:
            raise StoreError(f"{self.path} does not have the rules {sha256[:12]}")
        found: dict[str, dict[str, str]] = json.loads(zlib.decompress(rows[0]["files"]))
        return found

    # -- what happened in a run --------------------------------------------------------------------------------------

    def order(self, client_id: str, run_id: str | None = None) -> Row:
        """An order by its client id or the beginning of it; raises StoreError when none or several match."""
        where, values = ("AND run = ?", (run_id,)) if run_id else ("", ())
        escaped = client_id.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rows = self._rows(
            f"SELECT * FROM orders WHERE client_id LIKE ? ESCAPE '\\' {where} ORDER BY created_ns DESC, rowid DESC",
            (f"{escaped}%", *values),
        )
        names = list(dict.fromkeys(r["client_id"] for r in rows))
        if not names:
            raise StoreError(f"{self.path} has no order {client_id}; `engine orders` lists what there is")
        if len(names) > 1:
            listed = ", ".join(names[:PREFIX_LISTED])
            raise StoreError(f"{client_id} could be {len(names)} orders: {listed}; write more of the id")
        return rows[0]

    def orders(self, run_id: str) -> list[Row]:
        return self._rows("SELECT * FROM orders WHERE run = ? ORDER BY rowid", (run_id,))

    def order_events(self, run_id: str, client_id: str) -> list[Row]:
        """The life of an order, in order."""
        query = "SELECT * FROM order_events WHERE run = ? AND client_id = ? ORDER BY rowid"
        return self._rows(query, (run_id, client_id))

    def fills(self, run_id: str, client_id: str | None = None) -> list[Row]:
        rows = self._rows("SELECT * FROM fills WHERE run = ? ORDER BY rowid", (run_id,))
        return [r for r in rows if client_id is None or r["client_id"] == client_id]

    def decision(self, run_id: str, number: int) -> Row:
        """A decision by its number; ``values`` are float64 bytes or None."""
        rows = self._rows("SELECT * FROM decisions WHERE run = ? AND seq = ?", (run_id, number))
        if not rows:
            raise StoreError(f"{self.path} has no decision {number} in run {run_id}")
        return _decision(rows[0])

    def decisions(self, run_id: str, rule: str | None = None, time_ns: int | None = None) -> list[Row]:
        """Decisions of a run, of one rule, at one instant."""
        query, values = "SELECT * FROM decisions WHERE run = ?", [run_id]
        for column, value in (("rule", rule), ("time_ns", time_ns)):
            if value is not None:
                query += f" AND {column} = ?"
                values.append(value)  # type: ignore[arg-type]
        return [_decision(row) for row in self._rows(query + " ORDER BY seq", values)]

    def trace(self, run_id: str, symbol: str, time_ns: int) -> bytes | None:
        """Node values (float64 bytes) of a symbol at exactly that tick; None when none are kept."""
        query = 'SELECT "values" FROM traces WHERE run = ? AND symbol = ? AND time_ns = ?'
        rows = self._rows(query, (run_id, symbol, time_ns))
        return zlib.decompress(rows[0]["values"]) if rows else None

    def trace_times(self, run_id: str, symbol: str, around_ns: int) -> list[int]:
        """The kept ticks of a symbol just before and just after an instant."""
        before = "SELECT max(time_ns) AS t FROM traces WHERE run = ? AND symbol = ? AND time_ns <= ?"
        after = "SELECT min(time_ns) AS t FROM traces WHERE run = ? AND symbol = ? AND time_ns > ?"
        found = [self._rows(q, (run_id, symbol, around_ns))[0]["t"] for q in (before, after)]
        return [t for t in found if t is not None]

    def positions(self, run_id: str) -> list[Row]:
        return self._rows("SELECT * FROM positions WHERE run = ? ORDER BY strategy, symbol", (run_id,))

    def equity(self, run_id: str) -> list[tuple[int, float]]:
        rows = self._rows("SELECT time_ns, equity FROM equity WHERE run = ? ORDER BY time_ns", (run_id,))
        return [(r["time_ns"], r["equity"]) for r in rows]

    def events(self, run_id: str) -> list[Row]:
        return self._rows("SELECT * FROM events WHERE run = ? ORDER BY rowid", (run_id,))

    # -- upkeep ------------------------------------------------------------------------------------------------------

    def check(self) -> list[str]:
        """Problems that SQLite finds in the file; empty when it is sound."""
        found = [str(r[0]) for r in self._connection.execute("PRAGMA integrity_check")]
        broken = [f"a row of {r[0]} refers to nothing" for r in self._connection.execute("PRAGMA foreign_key_check")]
        return [text for text in found if text != "ok"] + broken

    def backup(self, path: Path) -> None:
        """A consistent copy, also while an engine writes."""
        with sqlite3.connect(path) as target:
            self._connection.backup(target)
        target.close()

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        return list(self._database.query(query, tuple(values)))


def _run(row: Row) -> Row:
    summary = json.loads(row["summary"]) if row["summary"] else None
    parsed = {name: json.loads(row[name]) for name in ("packs", "symbols", "parameters", "universe", "execution")}
    return {**row, **parsed, "summary": summary}


def _decision(row: Row) -> Row:
    values = zlib.decompress(row["values"]) if row["values"] is not None else None
    return {**row, "guards": json.loads(row["guards"]), "actions": json.loads(row["actions"]), "values": values}
