"""One engine on a schema at a time: an advisory lock, which the server frees when the session of its holder ends.

The lock lives in the connection that writes. An engine that lost its connection has lost both; it can never write after
another has taken the store.
"""

from __future__ import annotations

import os
import socket
import time
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from state.connection import BUSY_SECONDS, Lock
from state.errors import TakenError
from state.process import is_alive, start_of

if TYPE_CHECKING:
    from state.postgres import PostgresConnection

ENGINES: Final = 0x4154524F  # the first half of the lock's number: an engine runs on a schema
MIGRATIONS: Final = 0x41544D47  # somebody changes the tables of a schema
RETRY_SECONDS: Final = 0.01


class Holder(NamedTuple):
    """Who has a lock, as far as the server shows it; zeros and empty where it does not."""

    pid: int
    started: int
    machine: str

    @property
    def is_gone(self) -> bool:
        """Whether it was a process of this machine, and has ended: the server will notice in a moment."""
        return self.machine == _machine() and not is_alive(self.pid, self.started)

    def __str__(self) -> str:
        if not self.machine:
            return "of another user of the database"
        here = self.machine == _machine()
        return f"process {self.pid}" if here else f"process {self.pid} on {self.machine}"


class SessionLock(Lock):
    """Held from its making until ``release``, or until the session ends; raises TakenError while another has it."""

    def __init__(self, connection: PostgresConnection) -> None:
        self._connection = connection
        self._held = False
        deadline = time.monotonic() + BUSY_SECONDS
        while not self._take():
            other = holder(connection)
            if other is None:
                continue
            if not other.is_gone or time.monotonic() > deadline:
                raise TakenError(
                    f"another engine ({other}) is using {connection.place}; "
                    "stop it first, or give this one another schema with AUTOTRADER__STORE__URL"
                )
            time.sleep(RETRY_SECONDS)
        self._held = True

    def _take(self) -> bool:
        with self._connection.explained():
            if holder(self._connection, of_this=True) is not None:
                return False  # a second lock of one session would be granted
            found = self._connection.execute("SELECT pg_try_advisory_lock(?, ?)", _key(ENGINES, self._connection))
            return bool(found.fetchone()[0])

    @property
    def held(self) -> bool:
        return self._held and not self._connection.raw.closed

    def release(self) -> None:
        if self.held:
            self._held = False
            with suppress(*self._connection.faults):  # a session that is gone has no lock any more
                self._connection.execute("SELECT pg_advisory_unlock(?, ?)", _key(ENGINES, self._connection))


def name_of_this() -> str:
    """What the server calls this session: who it is, for those who find the store taken."""
    return f"autotrader {os.getpid()} {start_of(os.getpid())} {_machine()}"[:63]


def holder(connection: PostgresConnection, *, of_this: bool = False) -> Holder | None:
    """Who runs on a schema; None when nobody does. ``of_this``: only whether it is this session."""
    query = (
        "SELECT a.application_name FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid "
        "WHERE l.locktype = 'advisory' AND l.granted AND l.classid = ?::bigint::oid AND l.objid = ?::bigint::oid "
        "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    query += " AND l.pid = pg_backend_pid()" if of_this else ""
    with connection.explained():
        first, second = _key(ENGINES, connection)
        row = connection.execute(query, (first, second & 0xFFFFFFFF)).fetchone()
    if row is None:
        return None
    words = (row[0] or "").split()
    if len(words) != 4 or not words[1].isdigit() or not words[2].isdigit():
        return Holder(0, 0, "")
    return Holder(int(words[1]), int(words[2]), words[3])


def wait_for_migrations(connection: PostgresConnection) -> None:
    """Until the end of the transaction nobody else changes the tables of the schema."""
    connection.execute("SELECT pg_advisory_xact_lock(?, ?)", _key(MIGRATIONS, connection))


def _key(what: int, connection: PostgresConnection) -> tuple[int, int]:
    """The two halves of an advisory lock's number, each a signed word of 32 bits."""
    number = zlib.crc32(connection.place.schema.encode())
    return what, number - (1 << 32) if number >= 1 << 31 else number


def _machine() -> str:
    return socket.gethostname().split(".")[0][:24] or "?"
