"""The store in a schema of a PostgreSQL database, by psycopg 3 (the extra ``postgres``)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from state import bulk, catalog, translate
from state.connection import BUSY_SECONDS, Connection, Cursor, Shape
from state.errors import StoreError, StoreUnreachableError
from state.migrations import Family, Table
from state.place import PostgresPlace
from state.session import SessionLock, holder, name_of_this

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS: Final = 10
OLDEST: Final = 130000  # server_version_num
# A server learns by these that a machine is gone, and frees what it had locked, after a minute and not after hours.
_SESSION: Final = """
    SET client_min_messages = warning; SET TimeZone = 'UTC'; SET default_transaction_isolation = 'read committed';
    SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')
"""


class PostgresConnection(Connection):
    """Durable means ``synchronous_commit = on`` (or more, where the server asks for more): each commit waits until the
    server's log is on its disk. A connection that is lost stays lost: with it went the lock, so nothing may be written
    as if it were still held.
    """

    def __init__(self, place: PostgresPlace) -> None:
        """Raises StoreError."""
        self._psycopg = driver()
        self.partitions: dict[str, set[int]] = {}  # that are known to be there, by table
        self.faults = (self._psycopg.Error,)
        self.place: PostgresPlace = place
        with self.explained():
            self.raw = _open(place)
            try:
                self._begin()
            except BaseException:
                self.raw.close()
                raise

    def _begin(self) -> None:
        if self.raw.info.server_version < OLDEST:
            raise StoreError(f"{self.place}: its server is older than PostgreSQL {OLDEST // 10000}; use a newer one")
        self.raw.execute(_SESSION)
        self.raw.execute(f"SET lock_timeout = '{BUSY_SECONDS:g}s'")
        self.raw.execute(f"SET search_path = {self.place.schema}")

    def execute(self, sql: str, values: Sequence[object] = ()) -> Cursor:
        return self.raw.execute(translate.query(sql), values or None)

    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        with self.raw.cursor() as cursor:
            cursor.executemany(translate.query(sql), rows)

    def upsert(self, table: Table, rows: Iterable[Sequence[str | int | float | None]]) -> int:
        with self.transaction():
            return bulk.upsert(self, table, rows)

    def close(self) -> None:
        self.raw.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.explained(), self.raw.transaction():
            yield

    @contextmanager
    def explained(self) -> Iterator[None]:
        psycopg = self._psycopg
        try:
            yield
        except psycopg.errors.InsufficientPrivilege as error:
            said = f"does not let its user do that: {_line(error)}; grant it, or name another user"
            raise StoreError(f"{self.place} {said}") from None
        except (psycopg.IntegrityError, psycopg.ProgrammingError, psycopg.DataError):
            raise
        except psycopg.Error as error:
            raise _trouble(psycopg, self.place, error) from None

    # -- the database ------------------------------------------------------------------------------------------------

    def migrate(self, family: Family) -> list[int]:
        return catalog.migrate(self, family)

    def prepare(self) -> None:
        """Nothing: readers never wait for writers here."""

    def lock(self) -> SessionLock:
        return SessionLock(self)

    def is_taken(self) -> bool:
        found = holder(self)
        return found is not None and not found.is_gone

    def is_running(self, pid: int, started: int) -> bool:
        """The process may be another machine's, so only the lock can tell: whoever runs has it."""
        return holder(self) is not None

    def may_have_changed(self) -> bool:
        return True

    def damage(self, family: Family) -> list[str]:
        """Pages are the server's to check (its data checksums, pg_amcheck); here it is what the tables are made of."""
        return catalog.rebuilt(self, family)

    def backup(self, path: Path) -> None:
        tool = shutil.which("pg_dump")
        if tool is None:
            raise StoreError(f"no pg_dump is here to copy {self.place} with; install postgresql-client")
        asked = [tool, "--format=custom", f"--schema={self.place.schema}", f"--file={path}", _conninfo(self.place)]
        self._run(asked, path)
        self._run([tool.replace("pg_dump", "pg_restore"), "--list", str(path)], path)

    def _run(self, command: list[str], path: Path) -> None:
        secret = {} if self.place.password is None else {"PGPASSWORD": self.place.password}
        ended = subprocess.run(command, env={**os.environ, **secret}, capture_output=True, text=True, check=False)
        if ended.returncode:
            path.unlink(missing_ok=True)
            said = " ".join(ended.stderr.split())
            raise StoreError(f"{self.place} could not be copied to {path}: {Path(command[0]).name} said: {said}")

    def shapes(self) -> list[Shape]:
        return catalog.shapes(self)

    def continue_numbers(self) -> None:
        catalog.continue_numbers(self)

    def size(self) -> int:
        query = (
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class "
            "WHERE relnamespace = to_regnamespace(?) AND relkind IN ('r', 'm')"
        )
        return int(self.execute(query, (self.place.schema,)).fetchone()[0])


def driver() -> Any:
    """psycopg; raises StoreError where it is not installed."""
    try:
        import psycopg
    except ImportError:
        raise StoreError(
            "a store in PostgreSQL needs psycopg: pip install -e '.[postgres]' in the engine's folder, "
            "or use [store] path"
        ) from None
    return psycopg


def schema_is_there(place: PostgresPlace) -> bool:
    """Whether a schema has a store; raises StoreError."""
    connection = PostgresConnection(place)
    try:
        return catalog.family_of(connection) is not None
    finally:
        connection.close()


def _open(place: PostgresPlace) -> psycopg.Connection[Any]:
    import psycopg

    asked: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, **dict(place.parameters)}
    if place.password is not None:
        asked["password"] = place.password
    return psycopg.connect(
        place.server, autocommit=True, cursor_factory=psycopg.RawCursor, application_name=name_of_this(), **asked
    )


def _conninfo(place: PostgresPlace) -> str:
    """For the server's own tools, without the password: what stands in a command line, everybody may read."""
    from psycopg.conninfo import make_conninfo

    return make_conninfo(place.server, **dict(place.parameters))


def _trouble(psycopg: Any, place: PostgresPlace, error: Exception) -> StoreError:
    said = _line(error)
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return StoreError(
            f"{place} is locked by another program ({said}, after {BUSY_SECONDS:g} s); stop that program first"
        )
    if isinstance(error, psycopg.errors.DiskFull):
        return StoreError(f"{place} cannot be written: {said}; make room on the server")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return StoreError(f"{place} cannot be written: {said}; name the primary server")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return StoreUnreachableError(
            f"{place} cannot be reached: {said}; start the database, or mend the address in [store] url"
        )
    return StoreError(f"{place} cannot be used: {said}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
