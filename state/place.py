"""Where a store is: an SQLite file, or a schema of a PostgreSQL database. Which one decides the back end."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from state.errors import StoreError

HALT_FILE: Final = "HALT"
SCHEMA: Final = "autotrader"
MARKET: Final = "market"  # the sibling that holds ticks and bars, of which all modes have the same
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,47}")
_POSTGRES: Final = frozenset({"postgresql", "postgres"})


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """A schema of a database. ``server`` is a URL without password and query; ``parameters`` are libpq's own.

    ``password`` is None where the passfile or the server's trust decides. ``halt_file`` is the kill switch's file, on
    this machine.
    """

    server: str
    schema: str = SCHEMA
    parameters: tuple[tuple[str, str], ...] = ()
    password: str | None = field(default=None, repr=False)
    halt_file: Path = Path(HALT_FILE)

    def __str__(self) -> str:
        return f"{self.server}?schema={self.schema}"

    def exists(self) -> bool:
        """Whether the schema has a store; raises StoreError when the database cannot be asked."""
        from state.postgres import schema_is_there

        return schema_is_there(self)


Place = Path | PostgresPlace


def place_of(url: str, password: str | None = None, halt_folder: Path = Path()) -> Place:
    """The place that ``sqlite:///FILE`` or ``postgresql://USER@HOST:PORT/DATABASE[?schema=NAME]`` names.

    Raises StoreError; its text never repeats a password.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _file(url, parts.netloc, parts.path)
    if parts.scheme not in _POSTGRES:
        raise StoreError(
            f"{parts.scheme or 'this'} is no kind of store; write sqlite:///FILE or postgresql://USER@HOST/DATABASE"
        )
    if parts.password is not None:
        raise StoreError(
            "the address of a store must not hold a password: it would be shown; take it out, and say it in "
            "AUTOTRADER__STORE__PASSWORD, in .env or in libpq's passfile"
        )
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    schema = query.pop("schema", SCHEMA)
    if not _NAME.fullmatch(schema) or schema.startswith("pg_"):
        raise StoreError(
            f"schema={schema} is no name for a schema; write small letters, digits and _ (48 at most, no pg_ in front)"
        )
    if "password" in query:
        raise StoreError("the address of a store must not hold a password; say it in AUTOTRADER__STORE__PASSWORD")
    if not parts.path.strip("/"):
        raise StoreError("the address of a store must name its database: postgresql://USER@HOST/DATABASE")
    server = f"postgresql://{parts.netloc}{parts.path}"
    return PostgresPlace(server, schema, tuple(sorted(query.items())), password, halt_folder / HALT_FILE)


def _file(url: str, host: str, path: str) -> Path:
    """As elsewhere: three strokes before a path from here, four before one from the root."""
    if host or not path.strip("/"):
        raise StoreError(f"{url} names no file; write sqlite:///FILE, or sqlite:////FOLDER/FILE from the root")
    return Path(unquote(path[1:]))


def sibling(place: Place, word: str) -> Place:
    """The store beside a store, such as that of live orders: ``autotrader-live.db``, schema ``autotrader_live``."""
    if isinstance(place, Path):
        return place.with_name(f"{place.stem}-{word}{place.suffix}")
    return replace(place, schema=f"{place.schema}_{word}")


def halt_file_of(place: Place) -> Path:
    """The file that halts every engine whose store is at ``place`` or beside it."""
    return place.with_name(HALT_FILE) if isinstance(place, Path) else place.halt_file


def is_there(place: Place) -> bool:
    """Whether there is a store; raises StoreError when that cannot be known."""
    there: Callable[[], bool] = place.exists
    return there()
