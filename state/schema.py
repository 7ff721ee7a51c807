"""Brings the tables of an SQLite file up to date, and knows a store from another program's file."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from state.errors import StoreError
from state.migrations import LEDGER, Family, statements

if TYPE_CHECKING:
    from state.sqlite import SqliteConnection

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


def migrate(connection: SqliteConnection, family: Family) -> list[int]:
    """See ``Connection.migrate``.

    It always takes the write lock, so that two engines do not both build a new file, and so that a store that
    cannot be written says so now and not at the first order.
    """
    raw, path, last = connection.raw, connection.place, len(family.migrations)
    with connection.transaction():
        version = version_of(raw)
        if not _is_ours(raw, version, family):
            raise StoreError(f"{path} is an SQLite file of another program; name another file")
        if version > last:
            raise StoreError(
                f"{path} was written by a newer engine (schema {version}, this one knows {last}); "
                "use that engine, or another file"
            )
        _run(raw, family.migrations[version:])
        if version < last:
            raw.execute(f"PRAGMA user_version = {last}")
    return list(range(version + 1, last + 1))


def tables_and_triggers(connection: sqlite3.Connection) -> dict[str, str]:
    """What a store is made of: the SQL of every table, index and trigger by its name."""
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    return {name: " ".join(sql.split()) for name, sql in connection.execute(query)}


def as_it_should_be(family: Family) -> dict[str, str]:
    """``tables_and_triggers`` of a new store."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        _run(connection, family.migrations)
        return tables_and_triggers(connection)
    finally:
        connection.close()


def _run(connection: sqlite3.Connection, scripts: tuple[str, ...]) -> None:
    connection.create_aggregate("decimal_sum", 1, _DecimalSum)  # type: ignore[arg-type]  # typeshed knows only int
    for script in scripts:
        for statement in statements(script):
            connection.execute(statement)


def _is_ours(connection: sqlite3.Connection, version: int, family: Family) -> bool:
    if connection.execute("PRAGMA application_id").fetchone()[0] == family.application_id:
        return True
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return not tables if version == 0 else family is LEDGER and version == 1 and tables >= FIRST_TABLES
