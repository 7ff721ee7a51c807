"""Lists that come in pages: all pages are read, or an error says that they could not be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from connectors.kalshi.errors import BadAnswer
from connectors.kalshi.http import Params, VenueHttp
from connectors.kalshi.models.fields import parse

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


async def pages(http: VenueHttp, path: str, params: Params, key: str, model: type[M]) -> AsyncIterator[M]:
    """Every item of the list ``key`` on every page of ``path``. A page that fails raises: no list is ever cut short."""
    cursor = ""
    seen: set[str] = set()
    while True:
        request = f"GET {path}"
        found = await http.read(path, {**params, "cursor": cursor or None})
        for place, item in enumerate(_items(found, key, request)):
            yield parse(model, item, f"{request}: {key}[{place}]")
        cursor = str(found.get("cursor") or "")
        if not cursor:
            return
        if cursor in seen:
            raise BadAnswer(f"{request}: the page after {cursor!r} leads back to it; the list has no end")
        seen.add(cursor)


async def collect(items: AsyncIterator[T]) -> list[T]:
    """All of ``items``."""
    return [item async for item in items]


def segment(text: str) -> str:
    """``text`` as one segment of a path. It must not be empty, or the request would mean something else."""
    if not text or text in (".", ".."):
        raise ValueError(f"{text!r} is no ticker or id")
    return quote(text, safe="")


def joined(words: list[str] | None, most: int = 100) -> str | None:
    """``words`` as the comma-separated list of a parameter; None stays None."""
    if words is None:
        return None
    if not words or len(words) > most:
        raise ValueError(f"between 1 and {most} tickers can be asked for at once, not {len(words)}")
    return ",".join(words)


def limit_of(limit: int, most: int) -> int:
    """``limit`` if the venue takes it; it refuses larger pages outright."""
    if not 1 <= limit <= most:
        raise ValueError(f"a page has from 1 to {most} items, not {limit}")
    return limit


def _items(found: Any, key: str, request: str) -> list[Any]:
    items = found.get(key)
    if items is None and key in found:
        return []
    if not isinstance(items, list):
        raise BadAnswer(f"{request}: the field `{key}` is missing or no list", body=str(found))
    return items
