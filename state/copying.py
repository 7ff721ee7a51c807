"""Moves a store to another place or another back end without loss: every row, held against what was there.

Rows go in the order of their keys, a few thousand in one transaction, so that a copy that was interrupted goes on after
the last key that arrived. Both sides are locked: nobody writes to either meanwhile. At the end every table is read on
both sides, and its rows are counted and summed up by their hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from state.connection import Connection, Shape, connect
from state.errors import StoreError
from state.migrations import LEDGER, Family
from state.place import Place

AT_ONCE: Final = 5_000  # rows in one transaction
UNDER_WAY: Final = "copying from"  # the key in ``about`` while a copy is not whole
_MODULUS: Final = 1 << 128
# What a database keeps as numbers and a file as text; all other text is compared letter by letter.
_NUMBERS: Final = {
    "ticks": frozenset({"price", "size"}), "bars_1m": frozenset({"open", "high", "low", "close", "volume"})
}  # fmt: skip
Notice = Callable[[str, int], None]


class Copied(NamedTuple):
    """A table that is the same on both sides: how many rows, and the sum of their hashes."""

    table: str
    rows: int
    checksum: str


def copy(source: Place, target: Place, family: Family, notice: Notice = lambda table, rows: None) -> list[Copied]:
    """Copy the store at ``source`` to ``target``, which must have nothing in it but an unfinished copy of the same.

    ``notice`` is told of rows that were copied. Raises StoreError; then what arrived stays, and the same call goes on.
    """
    with ExitStack() as stack:
        old, new = (stack.enter_context(closing(connect(place))) for place in (source, target))
        for connection in (old, new):
            with connection.explained():
                connection.migrate(family)
                connection.prepare()
            stack.callback(connection.lock().release)
        shapes = old.shapes()
        _begin(old, new, shapes, family)
        for shape in shapes:
            _copy_table(old, new, shape, family, notice)
        found = [_same(old, new, shape) for shape in shapes]
        new.continue_numbers()
        if family is LEDGER:
            with new.transaction():
                new.execute("DELETE FROM about WHERE key = ?", (UNDER_WAY,))
        return found


def rows_of(place: Place, family: Family) -> int:
    """How many rows there are to copy, for a bar that shows how far it is."""
    with closing(connect(place)) as connection:
        connection.migrate(family)
        counts = (connection.execute(f"SELECT count(*) FROM {shape.name}").fetchone() for shape in connection.shapes())
        return sum(int(count[0]) for count in counts)


def _begin(old: Connection, new: Connection, shapes: Sequence[Shape], family: Family) -> None:
    """Refuse a target that has something of its own. Market data cannot be told from a copy but by what it has."""
    if family is not LEDGER:
        for shape in shapes:
            if (last := _last_key(new, shape)) is not None and not _has(old, shape, last):
                raise StoreError(f"{new.place} has rows in {shape.name} that {old.place} has not; name an empty one")
        return
    modes = [connection.rows("SELECT value FROM about WHERE key = 'mode'") for connection in (old, new)]
    if modes[1] and modes[0] != modes[1]:
        raise StoreError(f"{new.place} is a {modes[1][0]['value']} store, and {old.place} is none; name another place")
    said = new.rows("SELECT value FROM about WHERE key = ?", (UNDER_WAY,))
    if said and said[0]["value"] != str(old.place):
        raise StoreError(f"{new.place} is half a copy of {said[0]['value']}; finish that one, or name an empty one")
    if not said:
        for shape in shapes:
            if shape.name != "about" and _last_key(new, shape) is not None:
                raise StoreError(f"{new.place} is not empty: it has rows in {shape.name}; name an empty one")
        with new.transaction():
            new.execute("INSERT INTO about VALUES (?, ?)", (UNDER_WAY, str(old.place)))


def _copy_table(old: Connection, new: Connection, shape: Shape, family: Family, notice: Notice) -> None:
    bulk = next((table for table in family.tables if table.name == shape.name), None)
    after = None if shape.name == "about" else _last_key(new, shape)
    for page in _pages(old, shape, after):
        rows = [tuple(str(value) if isinstance(value, Decimal) else value for value in row) for row in page]
        if bulk is not None:
            places = [shape.columns.index(column) for column in bulk.columns]
            new.upsert(bulk, [tuple(row[place] for place in places) for row in rows])
        else:
            names = ", ".join(f'"{name}"' for name in shape.columns)
            marks = ", ".join("?" * len(shape.columns))
            with new.transaction():
                new.executemany(f"INSERT INTO {shape.name} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING", rows)
        notice(shape.name, len(rows))


def _same(old: Connection, new: Connection, shape: Shape) -> Copied:
    """Count and sum up both sides; raises StoreError when they differ."""
    (rows, checksum), (arrived, other) = (_summed(connection, shape) for connection in (old, new))
    if rows != arrived:
        raise StoreError(f"{shape.name} has {rows} rows in {old.place} and {arrived} in {new.place}; copy it again")
    if checksum != other:
        raise StoreError(f"the rows of {shape.name} are not the same in {old.place} and in {new.place}; copy it again")
    return Copied(shape.name, rows, f"{checksum:032x}")


def _summed(connection: Connection, shape: Shape) -> tuple[int, int]:
    """Addition does not depend on the order of rows, and a row twice is not a row once."""
    count = total = 0
    numbers = [name in _NUMBERS.get(shape.name, ()) for name in shape.columns]
    about = shape.name == "about"
    for page in _pages(connection, shape, None):
        for row in page:
            if about and UNDER_WAY in row:
                continue
            text = repr([_plain(v, number) for v, number in zip(row, numbers, strict=True)])
            total += int.from_bytes(blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest())
            count += 1
    return count, total % _MODULUS


def _plain(value: Any, is_number: bool) -> object:
    """One form for what the back ends tell in two: 1.50 as text, and as a decimal."""
    if is_number and value is not None and not isinstance(value, float):
        return f"{Decimal(value).normalize():f}"
    return value


def _pages(connection: Connection, shape: Shape, after: Sequence[object] | None) -> Iterator[list[Sequence[Any]]]:
    """All rows after a key, in the order of keys."""
    names, key = (", ".join(f'"{name}"' for name in part) for part in (shape.columns, shape.key))
    places = [shape.columns.index(name) for name in shape.key]
    while True:
        where = f"WHERE ({key}) > ({', '.join('?' * len(shape.key))})" if after is not None else ""
        query = f"SELECT {names} FROM {shape.name} {where} ORDER BY {key} LIMIT {AT_ONCE}"
        with connection.explained():
            page = connection.execute(query, tuple(after or ())).fetchall()
        if page:
            yield page
        if len(page) < AT_ONCE:
            return
        after = [page[-1][place] for place in places]


def _last_key(connection: Connection, shape: Shape) -> Sequence[object] | None:
    key = [f'"{name}"' for name in shape.key]
    order = ", ".join(f"{name} DESC" for name in key)
    with connection.explained():
        row = connection.execute(f"SELECT {', '.join(key)} FROM {shape.name} ORDER BY {order} LIMIT 1").fetchone()
    return None if row is None else tuple(row)


def _has(connection: Connection, shape: Shape, key: Sequence[object]) -> bool:
    where = " AND ".join(f'"{name}" = ?' for name in shape.key)
    with connection.explained():
        return connection.execute(f"SELECT 1 FROM {shape.name} WHERE {where}", key).fetchone() is not None


def in_order(references: Mapping[str, set[str]]) -> list[str]:
    """Tables so that each comes after those that it refers to, and else by name."""
    left = {name: {other for other in others if other != name} for name, others in references.items()}
    found: list[str] = []
    while left:
        ready = sorted(name for name, others in left.items() if not others & left.keys())
        if not ready:
            raise StoreError(f"tables refer to one another in a circle: {', '.join(sorted(left))}")
        found += ready
        for name in ready:
            del left[name]
    return found
