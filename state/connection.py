"""One way to open the file, one way to write to it, one place that says what went wrong with it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from state.errors import StoreError

BUSY_SECONDS = 10.0
RETRY_SECONDS = 0.01
MAGIC = b"SQLite format 3\0"


def connect(path: Path) -> sqlite3.Connection:
    """An open connection that is durable at each commit; raises StoreError, OSError or sqlite3.Error.

    Durable means ``synchronous = FULL``: in WAL mode each commit waits until the disk has it, so that an intent
    survives a kill of the process, a crash of the system and a loss of power (as far as the disk keeps its word).
    ``NORMAL`` would survive the kill alone: the last commits before a crash of the system or a power cut could be
    gone, and with them an order that the venue has. ``FULL`` costs what the disk takes to say that it has them: 0.2 to
    4 ms here, as busy as the disk is (``benchmarks/store.py``). Only orders and halts wait for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _refuse_other_files(path)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        _must_be_a_database(connection, path)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def read_while_written(connection: sqlite3.Connection) -> None:
    """WAL mode, which a file keeps. Not before it is known to be a store: another program's file is left as it is."""
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            # SQLite does not wait here by itself when another engine opens the same new file.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)


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


@contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """One transaction: all of it or nothing; raises StoreError when the file is the reason that it is nothing."""
    with explained(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite itself has rolled back when the disk is full
                connection.execute("ROLLBACK")
            raise


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What SQLite and the system say of a file, as a StoreError. Rows that contradict one another stay faults."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path} {_trouble(str(error))}") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error.strerror}; name a file in a writable folder") from None


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
