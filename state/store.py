"""Opens a store, begins runs, keeps engines apart."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from state.batch import Batch
from state.book import Book
from state.connection import Connection, Lock, connect
from state.errors import StoreError
from state.halts import Halts
from state.migrations import LEDGER
from state.place import Place, is_there
from state.process import start_of
from state.reading import Reader
from state.trials import TrialLedger
from state.writer import RunWriter

NANOS = 1_000_000_000


class Mode(StrEnum):
    """Whose money a store is about. It is said once, and a store of one mode is never used for another."""

    PAPER = "paper"
    DEMO = "demo"
    LIVE = "live"


def open_store(path: Place, mode: Mode | None = None, *, create: bool = True) -> Store:
    """Open or create the store at ``path`` (a file, or a schema of a database) and bring it up to date.

    Raises StoreError.

    ``mode``: what it is to be used for; a new store becomes one for that, another one's is refused. None reads any.
    Runs whose process is gone are marked crashed.
    """
    if not create and not is_there(path):
        raise StoreError(f"there is no store at {path}; `engine db init` or `engine run --paper` makes one")
    connection = connect(path)
    try:
        with connection.explained():
            migrated = connection.migrate(LEDGER)
            connection.prepare()
            store = Store(connection, migrated)
            if mode is not None:
                store.use_for(mode)
            store.mark_crashed()
    except BaseException:
        connection.close()
        raise
    return store


class Store(Reader):
    """One SQLite file, or one schema of a PostgreSQL database. Reading works while an engine writes; writing takes the
    store's lock. ``migrated``: the migrations that opening it took."""

    def __init__(self, connection: Connection, migrated: Sequence[int] = ()) -> None:
        super().__init__(connection)
        self.migrated = migrated
        self._lock: Lock | None = None

    def close(self) -> None:
        """Let go of it and of its lock."""
        if self._lock is not None:
            self._lock.release()
        self._connection.close()

    @cached_property
    def halts(self) -> Halts:
        """The kill switch."""
        return Halts(self._connection)

    @cached_property
    def trials(self) -> TrialLedger:
        """Every parameter set that was ever evaluated, and every look at a holdout."""
        return TrialLedger(self._connection)

    # -- what it is for ----------------------------------------------------------------------------------------------

    @property
    def mode(self) -> Mode | None:
        """None until it is said."""
        rows = self._connection.rows("SELECT value FROM about WHERE key = 'mode'")
        return Mode(rows[0]["value"]) if rows else None

    def use_for(self, mode: Mode) -> None:
        """Say what a new store is for; raises StoreError when it is for something else."""
        with self._connection.transaction():
            if self.mode is None:  # another engine may come at the same moment; the first one's word counts
                self._connection.execute(
                    "INSERT INTO about VALUES ('mode', ?) ON CONFLICT DO NOTHING", (mode.value,)
                )
            known = self.mode
        if known is not mode:
            raise StoreError(
                f"{self.path} is a {known} store and cannot be used for {mode}: "
                "name another file with AUTOTRADER__STORE__PATH, or another schema with AUTOTRADER__STORE__URL"
            )

    # -- writing -----------------------------------------------------------------------------------------------------

    def claim(self) -> Lock:
        """Take the store for this engine; raises TakenError while another has it. Harmless when done twice."""
        if self._lock is None or not self._lock.held:
            self._lock = self._connection.lock()
        return self._lock

    def book(self, name: str, venue: str) -> Book:
        """A book to write to outside any run, as recovery does; takes the store's lock until ``close``.

        Only the newest book of a store may be written to: a run has one of its own, made when it begins.
        """
        self.claim()
        return Book(self._connection, name, venue, Batch(self._connection))

    def mark_crashed(self) -> None:
        """Runs whose process is gone without ending them."""
        query = "SELECT id, pid, process_start FROM runs WHERE status = 'running'"
        for run_id, pid, started in self._connection.execute(query).fetchall():
            if not self._connection.is_running(pid, started):
                self._connection.execute("UPDATE runs SET status = 'crashed' WHERE id = ?", (run_id,))

    def begin_run(
        self, mode: str, started_ns: int, source: str, packs: Sequence[str], symbols: Sequence[str], ruleset_sha: str,
        ruleset_files: Mapping[str, Mapping[str, str]], parameters: Mapping[str, float],
        universe: Mapping[str, Sequence[str]], execution: Mapping[str, str], version: str, *,
        conditions: Mapping[str, Any] | None = None, cash: Decimal | None = None, venue: str = "paper",
        book: str | None = None,
    ) -> RunWriter:  # fmt: skip
        """Begin a run; raises StoreError while another engine runs on this store, or when it is for another mode.

        ``universe``: the symbols that each strategy looked at; ``execution``: which symbol was ordered for which.
        ``conditions``: what else decisions depend on (JSON values), for a replay. ``book``: the venue's account that
        it trades on; None opens a book of the run's own with ``cash`` (money) in it.
        """
        self.use_for(Mode(mode))
        row: dict[str, Any] = {
            "mode": mode, "started_ns": started_ns, "status": "running", "source": source,
            "packs": json.dumps(list(packs)), "symbols": json.dumps(list(symbols)), "ruleset_sha": ruleset_sha,
            "parameters": json.dumps(dict(parameters)),
            "universe": json.dumps({k: list(v) for k, v in universe.items()}),
            "execution": json.dumps(dict(execution)), "version": version, "pid": os.getpid(),
            "process_start": start_of(os.getpid()), "book": book,
            "conditions": None if conditions is None else json.dumps(conditions, default=str),
        }  # fmt: skip
        lock = self.claim()
        try:
            self._insert_run(row, zlib.compress(json.dumps(ruleset_files).encode()))
            writer = RunWriter(self._connection, row["id"], row["book"], venue, lock)
            if cash is not None:
                writer.book.transfer(cash, started_ns, "opening", writer.run_id)
                writer.flush()
        except BaseException:
            lock.release()
            raise
        return writer

    def _insert_run(self, row: dict[str, Any], files: bytes) -> None:
        """Name the run and write it down; fills in ``id``, and ``book`` where the run has one of its own."""
        with self._connection.transaction():
            # Whoever has the lock knows that no other run goes on, whatever its process id says.
            self._connection.execute("UPDATE runs SET status = 'crashed' WHERE status = 'running'")
            row["id"] = self._new_id(row["started_ns"])
            row["book"] = row["book"] or row["id"]
            rules = (row["ruleset_sha"], files)
            self._connection.execute("INSERT INTO rulesets VALUES (?, ?) ON CONFLICT DO NOTHING", rules)
            marks = ", ".join("?" * len(row))
            self._connection.execute(f"INSERT INTO runs ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))

    def _new_id(self, started_ns: int) -> str:
        stem = datetime.fromtimestamp(started_ns // NANOS, UTC).strftime("%Y%m%d-%H%M%S")
        taken = self._connection.execute("SELECT count(*) FROM runs WHERE id LIKE ?", (f"{stem}-%",)).fetchone()[0]
        return f"{stem}-{taken + 1}"

    # -- upkeep ------------------------------------------------------------------------------------------------------

    def check(self) -> list[str]:
        """What is wrong with the file and its books, in words; empty when all is sound."""
        from state.checks import problems

        return problems(self._connection)

    def backup(self, path: Path) -> None:
        """A consistent copy in a new file, also while an engine writes; raises StoreError."""
        if path.exists():
            raise StoreError(f"{path} is there already; name a new file for the backup")
        if not path.parent.is_dir():
            raise StoreError(f"there is no folder {path.parent} for the backup; make it, or name another file")
        self._connection.backup(path)

    def size(self) -> int:
        """Bytes that it takes."""
        with self._connection.explained():
            return self._connection.size()
