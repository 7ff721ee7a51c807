"""What the store asks of a database: SQL with ``?`` for values, transactions, and one place that says what went wrong.

The SQL of the store is what SQLite and PostgreSQL both understand, with ``ON CONFLICT`` for upserts. Where they differ
for good (who else runs, who wrote, how a copy is made), it is a method here. ``rowid`` is the order of writing in both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from state.place import Place

if TYPE_CHECKING:
    from state.migrations import Family, Table

BUSY_SECONDS = 10.0
Row = dict[str, Any]


class Cursor(Protocol):
    """The answer to a statement."""

    @property
    def rowcount(self) -> int: ...

    @property
    def description(self) -> Sequence[Any] | None: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Shape(NamedTuple):
    """A table: its columns with ``rowid`` where it has one, and those by which its rows are ordered."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


class Lock(ABC):
    """One engine's claim on a store. It ends with ``release``, or with its process, however that dies."""

    @property
    @abstractmethod
    def held(self) -> bool:
        """Whether it has not been released."""

    @abstractmethod
    def release(self) -> None:
        """Let another engine have the store; harmless when done twice."""


class Connection(ABC):
    """An open database, durable at each commit. ``faults`` are its own errors, of which some become StoreError."""

    place: Place
    faults: tuple[type[Exception], ...]

    # -- statements --------------------------------------------------------------------------------------------------

    @abstractmethod
    def execute(self, sql: str, values: Sequence[object] = ()) -> Cursor:
        """Run one statement; outside a transaction it is committed at once."""

    @abstractmethod
    def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run one statement for each row."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """All of it or nothing; raises StoreError when the database is the reason that it is nothing."""

    @abstractmethod
    def explained(self) -> AbstractContextManager[None]:
        """What the database says of itself, as a StoreError. Rows that contradict one another stay faults."""

    @abstractmethod
    def upsert(self, table: Table, rows: Iterable[Sequence[str | int | float | None]]) -> int:
        """Write all rows or none, in place of those of the same key; returns how many were given. Raises StoreError."""

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """The answer, by name of column; raises StoreError."""
        with self.explained():
            return list(self.iterate(sql, values))

    def iterate(self, sql: str, values: Sequence[object] = ()) -> Iterator[Row]:
        """As ``rows``, one by one. The number by which rows are ordered is never part of the answer."""
        cursor = self.execute(sql, values)
        names = [str(column[0]) for column in cursor.description or ()]
        for row in cursor:
            named = dict(zip(names, row, strict=True))
            named.pop("rowid", None)
            yield named

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""

    # -- what differs ------------------------------------------------------------------------------------------------

    @abstractmethod
    def migrate(self, family: Family) -> list[int]:
        """Bring the tables up to date, all of it or nothing, and say which migrations that took; raises StoreError
        when they are another program's or newer."""

    @abstractmethod
    def prepare(self) -> None:
        """What is kept with the database once it is known to be a store."""

    @abstractmethod
    def lock(self) -> Lock:
        """Take the store for this engine; raises TakenError while another has it."""

    @abstractmethod
    def is_taken(self) -> bool:
        """Whether an engine has the store's lock now; raises StoreError when that cannot be known."""

    @abstractmethod
    def is_running(self, pid: int, started: int) -> bool:
        """Whether the engine that wrote this process id and start still runs."""

    @abstractmethod
    def may_have_changed(self) -> bool:
        """False when nobody else has written since it was last asked."""

    @abstractmethod
    def damage(self, family: Family) -> list[str]:
        """What is wrong with the database itself, and with tables that are not as the migrations made them."""

    @abstractmethod
    def backup(self, path: Path) -> None:
        """A consistent copy in a new file, also while an engine writes; raises StoreError."""

    @abstractmethod
    def shapes(self) -> list[Shape]:
        """All tables, each after those that it refers to."""

    @abstractmethod
    def continue_numbers(self) -> None:
        """New rows are to be numbered after those that are there, whoever numbered them."""

    @abstractmethod
    def size(self) -> int:
        """Bytes that it takes."""


def connect(place: Place) -> Connection:
    """An open connection; raises StoreError."""
    if isinstance(place, Path):
        from state.sqlite import SqliteConnection

        return SqliteConnection(place)
    from state.postgres import PostgresConnection

    return PostgresConnection(place)
