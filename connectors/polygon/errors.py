"""What can go wrong between the vendor and us.

Error answers carry their words in ``error`` or in ``message``; some have no body at all.
"""

from __future__ import annotations

from typing import Any

from connectors.transport.words import shorten


class PolygonError(Exception):
    """A failure at or on the way to the vendor. ``status`` is the HTTP status, None where there was none."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class BadKey(PolygonError):
    """The key is not accepted."""


class NotEntitled(PolygonError):
    """The plan of the key does not include this."""


class NotFound(PolygonError):
    """The vendor has no such thing."""


class Refused(PolygonError):
    """The vendor says that the request itself is wrong."""


class RateLimited(PolygonError):
    """Too many requests for the plan. ``wait``: seconds that the vendor asks for, None where it does not say."""

    def __init__(self, message: str, *, status: int | None = None, wait: float | None = None) -> None:
        super().__init__(message, status=status)
        self.wait = wait


class Unavailable(PolygonError):
    """No usable answer for reasons of the vendor or the network."""


class BadAnswer(PolygonError):
    """An answer that is not what the API promises. The text names the field."""


_NOTES: dict[type[PolygonError], str] = {
    BadKey: "; check polygon.api_key (AUTOTRADER__POLYGON__API_KEY)",
    NotEntitled: "; the plan of the key does not include it: leave it out, or upgrade the plan",
    RateLimited: "; set polygon.requests_per_minute to what the plan allows (5 for the free one)",
}


def error_of(request: str, status: int, body: Any, text: str, wait: float | None = None) -> PolygonError:
    """The typed error of an answer that is no success. ``request`` names it in words, without the key."""
    kind = _kind(status, body)
    words = f"{request}: {status} {_words(body, text)}{_NOTES.get(kind, '')}"
    return RateLimited(words, status=status, wait=wait) if kind is RateLimited else kind(words, status=status)


def _kind(status: int, body: Any) -> type[PolygonError]:
    if status == 429:
        return RateLimited
    if status == 403 or (isinstance(body, dict) and body.get("status") == "NOT_AUTHORIZED"):
        return NotEntitled
    if status == 401:
        return BadKey
    if status == 404:
        return NotFound
    return Unavailable if status >= 500 or status in (408, 425) or status < 400 else Refused


def _words(body: Any, text: str) -> str:
    if isinstance(body, dict):
        for name in ("error", "message"):
            if isinstance(body.get(name), str):
                return shorten(body[name])
    return f"without a reason: {shorten(text)!r}" if text.strip() else "without a reason"
