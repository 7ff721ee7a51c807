"""Brings the tables of a store up to date, and knows a store from another program's file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

from state.connection import transaction
from state.errors import StoreError
from state.migrations import MIGRATIONS

APPLICATION_ID: Final = 0x4154524F  # says in the file's header whose it is
FIRST_TABLES: Final = {"runs", "rulesets", "decisions", "orders"}  # how to know a store of schema 1, which had no id

class _DecimalSum:
    """An aggregate for migrations: SQLite itself would add text as floats."""

    def __init__(self) -> None:
        self._sum = Decimal(0)

    def step(self, value: str) -> None:
        self._sum += Decimal(value)

    def finalize(self) -> str:
        return str(self._sum)


def version_of(connection: sqlite3.Connection) -> int:
    """How many migrations a store has had."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a store up to date, all of it or nothing; raises StoreError when it is another program's or newer.

    It always takes the write lock, so that two engines do not both build a new file, and so that a store that
    cannot be written says so now and not at the first order.
    """
    with transaction(connection, path):
        version = version_of(connection)
        if not _is_ours(connection, version):
            raise StoreError(f"{path} is an SQLite file of another program; name another file")
        if version > len(MIGRATIONS):
            raise StoreError(
                f"{path} was written by a newer engine (schema {version}, this one knows {len(MIGRATIONS)}); "
                "use that engine, or another file"
            )
        _run(connection, MIGRATIONS[version:])
        if version < len(MIGRATIONS):
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def tables_and_triggers(connection: sqlite3.Connection) -> dict[str, str]:
    """What a store is made of: the SQL of every table, index and trigger by its name."""
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    return {name: " ".join(sql.split()) for name, sql in connection.execute(query)}


def as_it_should_be() -> dict[str, str]:
    """``tables_and_triggers`` of a new store."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        _run(connection, MIGRATIONS)
        return tables_and_triggers(connection)
    finally:
        connection.close()


def _run(connection: sqlite3.Connection, scripts: tuple[str, ...]) -> None:
    connection.create_aggregate("decimal_sum", 1, _DecimalSum)  # type: ignore[arg-type]  # typeshed knows only int
    for script in scripts:
        for statement in _statements(script):
            connection.execute(statement)


def _is_ours(connection: sqlite3.Connection, version: int) -> bool:
    if connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID:
        return True
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return not tables if version == 0 else version == 1 and tables >= FIRST_TABLES


def _statements(script: str) -> Iterator[str]:
    """One by one, because SQLite's own way of running a script commits first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
