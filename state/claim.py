"""Who has a store, told and taken by its lock alone: the store is not opened, so this works also where it is damaged or
another program keeps it busy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from state.connection import connect
from state.lock import FileLock, engine_on
from state.place import Place, PostgresPlace

CONNECT_SECONDS: Final = "3"  # what only reduces asks first, and must not wait long for a database that is gone


def is_taken(place: Place) -> bool:
    """Whether an engine has the store now, this process too; raises StoreError when that cannot be known."""
    if isinstance(place, Path):
        return engine_on(place) is not None
    with closing(connect(_soon(place))) as connection:
        return connection.is_taken()


@contextmanager
def claimed(place: Place) -> Iterator[None]:
    """Have the store for as long as this lasts, so that no engine begins on it. Raises TakenError while one has it, and
    StoreError when it cannot be had."""
    if isinstance(place, Path):
        lock = FileLock(place)
        try:
            yield
        finally:
            lock.release()
    else:
        with closing(connect(_soon(place))) as connection:
            connection.lock()
            yield


def _soon(place: PostgresPlace) -> PostgresPlace:
    """The same, given up sooner; what its address says of that counts."""
    return replace(place, parameters=(("connect_timeout", CONNECT_SECONDS), *place.parameters))
