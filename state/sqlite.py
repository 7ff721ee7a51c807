"""The store in one SQLite file: the default, which needs no server."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from state.connection import BUSY_SECONDS, Connection, Cursor, Shape
from state.copying import in_order
from state.errors import StoreError
from state.lock import FileLock, engine_on
from state.migrations import Family, Table
from state.process import is_alive
from state.schema import as_it_should_be, migrate, tables_and_triggers, version_of
from state.translate import upsert

RETRY_SECONDS: Final = 0.01
MAGIC: Final = b"SQLite format 3\0"


class SqliteConnection(Connection):
    """Durable means ``synchronous = FULL``: in WAL mode each commit waits until the disk has it, so that an intent
    survives a kill of the process, a crash of the system and a loss of power (as far as the disk keeps its word).
    ``NORMAL`` would survive the kill alone: the last commits before a crash of the system or a power cut could be
    gone, and with them an order that the venue has. ``FULL`` costs what the disk takes to say that it has them: 0.2 to
    4 ms here, as busy as the disk is (``benchmarks/store.py``). Only orders and halts wait for it.
    """

    faults = (sqlite3.Error,)

    def __init__(self, place: Path) -> None:
        """Raises StoreError."""
        self.place: Path = place
        self._version = -1
        with self.explained():
            place.parent.mkdir(parents=True, exist_ok=True)
            _refuse_other_files(place)
            self.raw = sqlite3.connect(place, timeout=BUSY_SECONDS, isolation_level=None)
            try:
                _must_be_a_database(self.raw, place)
                self.raw.execute("PRAGMA synchronous = FULL")
                self.raw.execute("PRAGMA foreign_keys = ON")
            except BaseException:
                self.raw.close()
                raise

    def execute(self, sql: str, values: Sequence[object] = ()) -> Cursor:
        return self.raw.execute(sql, tuple(values))

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        self.raw.executemany(sql, rows)

    def upsert(self, table: Table, rows: Iterable[Sequence[str | int | float | None]]) -> int:
        before = self.raw.total_changes
        with self.transaction():
            self.raw.executemany(upsert(table.name, " ".join(table.columns), table.key), rows)
        return self.raw.total_changes - before

    def close(self) -> None:
        self.raw.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.explained():
            self.raw.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.raw.execute("COMMIT")
            except BaseException:
                if self.raw.in_transaction:  # SQLite itself has rolled back when the disk is full
                    self.raw.execute("ROLLBACK")
                raise

    @contextmanager
    def explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self.place} {_trouble(str(error))}") from None
        except OSError as error:
            said = f"cannot be opened: {error.strerror}; name a file in a writable folder"
            raise StoreError(f"{self.place} {said}") from None

    # -- the file ----------------------------------------------------------------------------------------------------

    def migrate(self, family: Family) -> list[int]:
        return migrate(self, family)

    def prepare(self) -> None:
        """WAL mode, which a file keeps. Not before it is known to be a store: another program's file is left alone."""
        deadline = time.monotonic() + BUSY_SECONDS
        while self.raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            try:
                self.raw.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                # SQLite does not wait here by itself when another engine opens the same new file.
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_SECONDS)

    def lock(self) -> FileLock:
        return FileLock(self.place)

    def is_taken(self) -> bool:
        return engine_on(self.place) is not None

    def is_running(self, pid: int, started: int) -> bool:
        """An engine in another container is no process that is seen from here, and still has the lock."""
        return is_alive(pid, started) or engine_on(self.place) == (pid, started)

    def may_have_changed(self) -> bool:
        """Costs two system calls while nobody else writes."""
        before = self._version
        (self._version,) = self.raw.execute("PRAGMA data_version").fetchone()
        return self._version != before

    def damage(self, family: Family) -> list[str]:
        try:
            found = [str(row[0]) for row in self.raw.execute("PRAGMA integrity_check")]
            broken = [f"a row of {row[0]} refers to nothing" for row in self.raw.execute("PRAGMA foreign_key_check")]
        except sqlite3.DatabaseError as error:
            return [str(error)]
        return [*(text for text in found if text != "ok"), *broken, *self._rebuilt(family)]

    def _rebuilt(self, family: Family) -> list[str]:
        version, wanted = version_of(self.raw), as_it_should_be(family)
        if version != len(family.migrations):
            return [f"it has had {version} of {len(family.migrations)} migrations"]
        there = tables_and_triggers(self.raw)
        return [
            f"{name} is {'missing' if name not in there else 'not as the migrations made it'}"
            for name, sql in wanted.items()
            if there.get(name) != sql
        ]

    def backup(self, path: Path) -> None:
        target = sqlite3.connect(path)
        try:
            self.raw.backup(target)
        except sqlite3.Error as error:
            raise StoreError(f"{path} {_trouble(str(error))}") from None
        finally:
            target.close()

    def shapes(self) -> list[Shape]:
        tables = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        texts = dict(self.raw.execute(tables).fetchall())
        references = {name: {row[2] for row in self.raw.execute(f"PRAGMA foreign_key_list({name})")} for name in texts}
        return [self._shape(name, texts[name]) for name in in_order(references)]

    def _shape(self, name: str, sql: str) -> Shape:
        rows = self.raw.execute(f"PRAGMA table_info({name})").fetchall()
        columns = tuple(row[1] for row in rows)
        key = tuple(row[1] for row in sorted(rows, key=lambda row: int(row[5])) if row[5])
        if "WITHOUT ROWID" in sql or (key == ("id",) and "id INTEGER PRIMARY KEY" in sql):
            return Shape(name, columns, key)
        return Shape(name, ("rowid", *columns), ("rowid",))

    def continue_numbers(self) -> None:
        """Nothing: the next number is one more than the largest."""

    def size(self) -> int:
        return self.place.stat().st_size


def _refuse_other_files(path: Path) -> None:
    """SQLite takes a file of a few bytes for an empty database and would overwrite it.

    The file is not opened here to look into it: closing it again would take away the locks that other connections of
    this process have on it, as POSIX has it, and SQLite in another process would then remove the log under them.
    """
    if path.is_dir():
        raise StoreError(f"{path} is a folder; name a file in it")
    if path.is_file() and 0 < path.stat().st_size < len(MAGIC):
        raise _other_kind(path)


def _must_be_a_database(connection: sqlite3.Connection, path: Path) -> None:
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error):
            raise _other_kind(path) from None
        raise


def _other_kind(path: Path) -> StoreError:
    return StoreError(f"{path} is no store: it is another kind of file; move it away, or name another file")


def _trouble(said: str) -> str:
    if "not a database" in said or "malformed" in said:
        return f"is damaged: {said}; move it away and go on with a backup, or name another file"
    if "readonly" in said or "unable to open" in said:
        return f"cannot be written: {said}; make the file and its folder writable, or name another file"
    if "full" in said:
        return f"cannot be written: {said}; make room, or name a file on another disk"
    if "locked" in said:
        return f"is locked by another program ({said}, after {BUSY_SECONDS:g} s); stop that program first"
    return f"cannot be used: {said}; go on with a backup, or name another file"
