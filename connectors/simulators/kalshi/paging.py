"""Pages of lists. A cursor holds the key of the last item shown, so that new items do not shift a walk."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from typing import TypeVar

from connectors.simulators.kalshi.core.errors import VenueError

Item = TypeVar("Item")
Key = tuple[int, str]


def page(
    items: Iterable[Item], key: Callable[[Item], Key], limit: int, cursor: str | None, newest_first: bool = True
) -> tuple[list[Item], str]:
    """At most ``limit`` items after the cursor, and the next cursor: empty on the last page.

    A cursor that cannot be read starts at the beginning, as the venue's does.
    """
    ordered = sorted(items, key=key, reverse=newest_first)
    after = _decode(cursor) if cursor else None
    if after is not None:
        ordered = [item for item in ordered if (key(item) < after if newest_first else key(item) > after)]
    shown = ordered[:limit]
    return shown, _encode(key(shown[-1])) if len(ordered) > len(shown) and shown else ""


def needs_cursor(cursor: str | None) -> str | None:
    """For the lists that refuse a cursor that is not theirs. Raises VenueError."""
    if cursor is not None and _decode(cursor) is None:
        raise VenueError(400, "invalid_parameters", "the cursor is malformed")
    return cursor


def _encode(key: Key) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _decode(cursor: str) -> Key | None:
    try:
        number, text = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, TypeError):
        return None
    return (number, text) if isinstance(number, int) and isinstance(text, str) else None
