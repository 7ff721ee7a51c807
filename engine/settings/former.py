"""Variables that the traders before this one had: which are taken, and what to write in place of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

MEND: Final = "write sqlite:////FOLDER/FILE.db or postgresql://USER@HOST:PORT/DATABASE"
DATABASE_URL: Final = ("database", "url")
# Read under the name that they had.
OTHER_NAMES: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {("logging", "level"): ("log", "level")}
# Not read, because other programs have names like these; the setting that each of them was.
UNREAD: Final[Mapping[str, str]] = {
    "TRADIER_ACCESS_TOKEN": "tradier.access_token",
    "TRADIER_ACCOUNT_ID": "tradier.account_id",
    "TRADIER_ENV": "tradier.environment",
    "POLYGON_API_KEY": "polygon.api_key",
    "POLYGON_WS_KEY": "polygon.stream_key",
    "POLYGON_WS_SYMBOLS": "polygon.symbols",
    "POLYGON_WS_BATCH": "polygon.stream_batch",
    "POLYGON_WS_FLUSH_INTERVAL": "polygon.stream_flush_seconds",
    "POLYGON_FLATFILES_ACCESS_KEY": "polygon.flatfiles_access_key",
    "POLYGON_FLATFILES_SECRET_KEY": "polygon.flatfiles_secret_key",
    "POLYGON_FLATFILES_ENDPOINT": "polygon.flatfiles_endpoint",
    "POLYGON_FLATFILES_BUCKET": "polygon.flatfiles_bucket",
    "DATABASE_URL": "store.url",
    "DB_HOST": "store.url",
    "DB_PORT": "store.url",
    "DB_NAME": "store.url",
    "DB_USER": "store.url",
}


def store_at(address: str) -> dict[str, str | None]:
    """What ``AUTOTRADER__DATABASE__URL`` says, as keys of ``[store]``: ``sqlite:///FILE`` or a plain path is a file, as
    SQLAlchemy reads them (four slashes begin an absolute one); ``postgresql://`` is a database, its password apart.

    Raises ValueError in one line, without the address: it may hold a password.
    """
    try:
        parts = urlsplit(address)
        kind = parts.scheme.partition("+")[0]  # after the plus is a driver, which is ours to choose
        if kind in ("postgresql", "postgres"):
            return _database(parts)
    except ValueError:
        raise ValueError(f"is no address: {MEND}") from None
    if kind == "sqlite":
        file = unquote(parts.path.removeprefix("/"))
    elif "://" in address:
        raise ValueError(f"is of another kind of database: {MEND}")
    else:
        file = address.strip()
    if not file or file == ":memory:" or parts.netloc:
        raise ValueError("names no file: write sqlite:////FOLDER/FILE.db; orders must outlive the process")
    return {"path": file, "url": None}


def has_password(address: str) -> bool:
    """Whether an address of a database holds a password."""
    try:
        return urlsplit(address).password is not None
    except ValueError:
        return True  # cannot be told, so it is taken for one


def _database(parts: SplitResult) -> dict[str, str | None]:
    _ = parts.port  # raises where it is no number
    user, _, place = parts.netloc.rpartition("@")
    name, colon, password = user.partition(":")
    netloc = f"{name}@{place}" if user else place
    found: dict[str, str | None] = {"url": parts._replace(scheme="postgresql", netloc=netloc).geturl()}
    return {**found, "password": unquote(password)} if colon else found
