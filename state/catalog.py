"""Brings the tables of a schema up to date, and tells what they are made of from the server's own catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from state import bulk, translate
from state.connection import Shape
from state.copying import in_order
from state.errors import StoreError
from state.migrations import Family, statements
from state.session import wait_for_migrations

if TYPE_CHECKING:
    from state.postgres import PostgresConnection

_KEPT: Final = (
    "CREATE TABLE store_migrations (family TEXT NOT NULL, version BIGINT PRIMARY KEY, "
    "at TIMESTAMPTZ NOT NULL DEFAULT now())"
)
# Each gives a name and a text. {oid} is the schema; partitions are made as they are needed and say nothing.
_MADE_OF: Final = (
    "SELECT c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull::text || "
    "a.attidentity::text || coalesce(' ' || pg_get_expr(d.adbin, d.adrelid), '') || coalesce(' ' || l.collname, '') "
    "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum LEFT JOIN pg_collation l ON l.oid = "
    "a.attcollation WHERE c.relnamespace = {oid} AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition",
    "SELECT c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid "
    "WHERE c.connamespace = {oid} AND NOT t.relispartition",
    "SELECT i.relname, pg_get_indexdef(x.indexrelid) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid "
    "WHERE i.relnamespace = {oid} AND NOT i.relispartition",
    "SELECT t.tgname, pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text FROM pg_trigger t "
    "JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = {oid} AND NOT t.tgisinternal "
    "AND NOT c.relispartition",
    "SELECT c.relname, pg_get_viewdef(c.oid) FROM pg_class c WHERE c.relnamespace = {oid} AND c.relkind = 'v'",
    "SELECT p.proname, p.prosrc FROM pg_proc p WHERE p.pronamespace = {oid}",
)
_TABLES: Final = "c.relnamespace = {oid} AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
_COLUMNS: Final = (
    "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
    f"AND NOT a.attisdropped WHERE {_TABLES} ORDER BY 1, a.attname <> 'rowid', a.attnum"
)
_KEYS: Final = (
    "SELECT c.relname, a.attname FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary "
    "CROSS JOIN unnest(i.indkey) WITH ORDINALITY k(number, place) "
    f"JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number WHERE {_TABLES} ORDER BY 1, k.place"
)
_REFERENCES: Final = (
    "SELECT c.relname, f.confrelid::regclass::text FROM pg_class c JOIN pg_constraint f ON f.conrelid = c.oid "
    f"AND f.contype = 'f' WHERE {_TABLES}"
)
_NUMBERED: Final = (
    "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attidentity <> '' "
    f"WHERE {_TABLES}"
)
_WANTED: dict[tuple[str, int], dict[str, str]] = {}


def migrate(connection: PostgresConnection, family: Family) -> list[int]:
    """See ``Connection.migrate``. A database that cannot be written says so now and not at the first order."""
    place, last = connection.place, len(family.migrations)
    with connection.transaction():
        wait_for_migrations(connection)
        if connection.execute("SHOW transaction_read_only").fetchone()[0] == "on":
            raise StoreError(f"{place} cannot be written: its server is a copy; name the primary server")
        version = _version(connection, family)
        if version > last:
            raise StoreError(
                f"{place} was written by a newer engine (schema {version}, this one knows {last}); "
                "use that engine, or another schema"
            )
        if version < last:
            _run(connection, family, version)
    return list(range(version + 1, last + 1))


def family_of(connection: PostgresConnection) -> str | None:
    """What kind of store a schema is; None when it is none."""
    with connection.explained():
        query = "SELECT to_regclass(?)"
        if connection.execute(query, (f"{connection.place.schema}.store_migrations",)).fetchone()[0] is None:
            return None
        row = connection.execute("SELECT family FROM store_migrations LIMIT 1").fetchone()
        return str(row[0]) if row else None


def _version(connection: PostgresConnection, family: Family) -> int:
    """How many migrations a schema has had; raises StoreError when it is another program's, or another kind."""
    place = connection.place
    found = family_of(connection)
    if found == family.name:
        return int(connection.execute("SELECT max(version) FROM store_migrations").fetchone()[0])
    if found is not None:
        raise StoreError(f"{place} is a store of another kind ({found}); name another schema")
    count = "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace(?)"
    if connection.execute(count, (place.schema,)).fetchone()[0]:
        raise StoreError(f"{place} has tables of another program; name another schema with ?schema=NAME")
    return 0


def _run(connection: PostgresConnection, family: Family, version: int) -> None:
    if version == 0:
        there = connection.execute("SELECT to_regnamespace(?)", (connection.place.schema,)).fetchone()[0]
        if there is None:
            connection.execute(f"CREATE SCHEMA {connection.place.schema}")
    _make(connection, family, version)


def _make(connection: PostgresConnection, family: Family, version: int) -> None:
    """What the migrations after ``version`` make, in the schema that is searched first."""
    if version == 0:
        connection.execute(_KEPT)
        connection.execute(translate.REFUSE)
    partitions = bulk.hypertables_schema(connection) is None
    for number, script in enumerate(family.migrations[version:], version + 1):
        connection.raw.execute(_script(script, number, family, partitions))
        connection.execute("INSERT INTO store_migrations (family, version) VALUES (?, ?)", (family.name, number))
    if version == 0 and not partitions:
        bulk.make_hypertables(connection, family)


def _script(script: str, number: int, family: Family, partitions: bool) -> bytes:
    """A migration in one message to the server."""
    texts = [text.rstrip("; ") for statement in statements(script) for text in translate.ddl(statement, number)]
    return ";\n".join(bulk.partitioned(text, family) if partitions else text for text in texts).encode()


# -- moving ------------------------------------------------------------------------------------------------------------


def shapes(connection: PostgresConnection) -> list[Shape]:
    """See ``Connection.shapes``. What the store keeps of its own migrations is no part of it."""
    with connection.explained():
        columns = _by_table(connection, _COLUMNS)
        keys = _by_table(connection, _KEYS)
        referred = _by_table(connection, _REFERENCES)
    references = {name: set(referred.get(name, ())) for name in columns if name != "store_migrations"}
    return [
        Shape(name, tuple(columns[name]), ("rowid",) if "rowid" in columns[name] else tuple(keys[name]))
        for name in in_order(references)
    ]


def continue_numbers(connection: PostgresConnection) -> None:
    """See ``Connection.continue_numbers``."""
    with connection.transaction():
        for table, column in connection.execute(_NUMBERED.format(oid=_oid(connection))).fetchall():
            query = f"SELECT setval(pg_get_serial_sequence(?, ?), max({column})) FROM {table} HAVING max({column}) > 0"
            connection.execute(query, (f"{connection.place.schema}.{table}", column))


def _by_table(connection: PostgresConnection, query: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, name in connection.execute(query.format(oid=_oid(connection))).fetchall():
        found.setdefault(table, []).append(name)
    return found


def _oid(connection: PostgresConnection) -> str:
    return f"'{connection.place.schema}'::regnamespace"


# -- what is there -----------------------------------------------------------------------------------------------------


def rebuilt(connection: PostgresConnection, family: Family) -> list[str]:
    """Whether every migration has run, and nobody changed what it made: held against a schema made now, and undone."""
    with connection.explained():
        version = _version(connection, family)
        if version != len(family.migrations):
            return [f"it has had {version} of {len(family.migrations)} migrations"]
        there, wanted = _made_of(connection, connection.place.schema), _as_it_should_be(connection, family)
    return [
        f"{name} is {'missing' if name not in there else 'not as the migrations made it'}"
        for name, text in wanted.items()
        if there.get(name) != text
    ] + [f"{name} is there, and the migrations did not make it" for name in there if name not in wanted]


def _as_it_should_be(connection: PostgresConnection, family: Family) -> dict[str, str]:
    """The same for every schema of a server of that version, so that it is found out once."""
    key = (family.name, connection.raw.info.server_version)
    if key not in _WANTED:
        _WANTED[key] = _of_a_new_one(connection, family)
    return _WANTED[key]


def _of_a_new_one(connection: PostgresConnection, family: Family) -> dict[str, str]:
    scratch = f"{connection.place.schema}_scratch"
    with connection.raw.transaction(force_rollback=True):
        connection.execute(f"CREATE SCHEMA {scratch}")
        connection.execute(f"SET LOCAL search_path = {scratch}")
        _make(connection, family, 0)
        return _made_of(connection, scratch)


def _made_of(connection: PostgresConnection, schema: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for query in _MADE_OF:
        rows: list[Any] = connection.execute(query.format(oid=f"'{schema}'::regnamespace")).fetchall()
        for name, text in sorted(rows):
            found[name] = " ".join((found.get(name, "") + " " + text).replace(f"{schema}.", "").split())
    return found
