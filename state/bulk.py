"""Much at once into PostgreSQL: COPY into a table of the session's own, and from there in place of what was there.

Tables that grow are hypertables where the TimescaleDB extension is installed, and else partitioned by time natively.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from state.migrations import Family, Table
from state.session import wait_for_migrations

if TYPE_CHECKING:
    from state.postgres import PostgresConnection

Value = str | int | float | None
AT_ONCE: Final = 50_000  # rows; what of them is in memory twice
_ESCAPED: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def upsert(connection: PostgresConnection, table: Table, rows: Iterable[Sequence[Value]]) -> int:
    """See ``Connection.upsert``; to be called in a transaction."""
    given, stream = 0, iter(rows)
    incoming, time = f"incoming_{table.name}", table.columns.index(table.time)
    connection.raw.execute(
        f"CREATE TEMP TABLE IF NOT EXISTS {incoming} (LIKE {table.name} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
    )
    while chunk := list(islice(stream, AT_ONCE)):
        given += len(chunk)
        if table.width_ns:
            _make_room(connection, table, {int(row[time] or 0) // table.width_ns for row in chunk})
        # Twice the same key in one statement is an error there; the later one counts.
        latest = {tuple(row[: table.key]): row for row in chunk}
        with connection.raw.cursor() as cursor, cursor.copy(f"COPY {incoming} FROM STDIN") as copy:
            copy.write("".join(_lines(latest.values())))
        connection.raw.execute(_move(table, incoming))
        connection.raw.execute(f"TRUNCATE {incoming}")
    return given


def _lines(rows: Iterable[Sequence[Value]]) -> Iterator[str]:
    for row in rows:
        yield "\t".join([
            "\\N" if value is None else value.translate(_ESCAPED) if type(value) is str else str(value) for value in row
        ]) + "\n"  # fmt: skip


def _move(table: Table, incoming: str) -> str:
    """Rows that say the same as before are not written again."""
    key, rest = ", ".join(table.columns[: table.key]), table.columns[table.key :]
    new, before = (", ".join(f"{where}.{name}" for name in rest) for where in ("excluded", table.name))
    return (
        f"INSERT INTO {table.name} SELECT * FROM {incoming} ON CONFLICT ({key}) DO UPDATE SET "
        + ", ".join(f"{name} = excluded.{name}" for name in rest)
        + f" WHERE ({before}) IS DISTINCT FROM ({new})"
    )


# -- partitions --------------------------------------------------------------------------------------------------------


def hypertables_schema(connection: PostgresConnection) -> str | None:
    """Where TimescaleDB's functions are; None where it is not installed."""
    query = (
        "SELECT n.nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
        "WHERE p.proname = 'create_hypertable' LIMIT 1"
    )
    row = connection.execute(query).fetchone()
    return str(row[0]) if row else None


def make_hypertables(connection: PostgresConnection, family: Family) -> None:
    """Give the tables that grow to TimescaleDB."""
    schema = hypertables_schema(connection)
    for table in family.tables:
        if table.width_ns:
            connection.execute(
                f"SELECT {schema}.create_hypertable(?::regclass, ?::name, chunk_time_interval => ?::bigint, "
                "create_default_indexes => false)",  # the key is index enough
                (table.name, table.time, table.width_ns),
            )


def partitioned(statement: str, family: Family) -> str:
    """The statement that makes a table, with partitions where it is one that grows."""
    for table in family.tables:
        if table.width_ns and statement.startswith(f"CREATE TABLE {table.name} "):
            return f"{statement} PARTITION BY RANGE ({table.time})"
    return statement


def _make_room(connection: PostgresConnection, table: Table, numbers: set[int]) -> None:
    """Make the partitions that these rows need, each known by how many widths after 1970 it begins."""
    known = connection.partitions.setdefault(table.name, set())
    if numbers <= known:
        return
    kind = connection.execute("SELECT relkind FROM pg_class WHERE oid = ?::regclass", (table.name,)).fetchone()[0]
    if kind in ("p", b"p"):
        wait_for_migrations(connection)
        for number in sorted(numbers - known):
            first = number * table.width_ns
            connection.raw.execute(
                f"CREATE TABLE IF NOT EXISTS {table.name}_{number} PARTITION OF {table.name} "
                f"FOR VALUES FROM ({first}) TO ({first + table.width_ns})"
            )
    known |= numbers
