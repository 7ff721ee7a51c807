"""What can go wrong between Tradier and us, and what each failure means for the order that was asked for.

Tradier says no in five shapes: ``{"fault": …}`` of its gateway, plain text with a 4xx, ``{"errors": {"error": …}}``
inside a 200, a text that begins ``Quota Violation``, and a page of HTML. Only the first three prove anything.
"""

from __future__ import annotations

import re
from typing import Any

from connectors.transport.words import shorten
from engine.market.venue import Outcome

QUOTA = "Quota Violation"
FINALIZED = "already in finalized state"
TRANSIENT_FAULTS = ("Datastore Error",)


class TradierError(Exception):
    """A failure at or on the way to Tradier. ``status`` is the HTTP status, None without an answer; ``body`` the
    whole answer, for the log; ``wait_seconds``: until it may be asked again, where that is known."""

    meaning = Outcome.UNKNOWN
    wait_seconds = 0.0

    def __init__(self, message: str, *, status: int | None = None, body: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class RequestRefused(TradierError):
    """A parameter or a right is wrong; nothing was done."""

    meaning = Outcome.REFUSED


class NotAuthorized(RequestRefused):
    """The token is not accepted."""


class OrderRefused(RequestRefused):
    """Tradier judged the order and did not take it. ``reasons`` are its words, codes among them."""

    def __init__(self, message: str, reasons: tuple[str, ...], *, status: int | None = None, body: str = "") -> None:
        super().__init__(message, status=status, body=body)
        self.reasons = reasons


class NoSuchOrder(TradierError):
    """An order that is not this account's or never was; Tradier answers 401 `Unauthorized Account`."""

    meaning = Outcome.GONE


class AlreadyFinal(TradierError):
    """A cancel or change of an order that is over. ``state`` is Tradier's word: canceled, filled, …"""

    meaning = Outcome.GONE

    def __init__(self, message: str, state: str, *, status: int | None = None, body: str = "") -> None:
        super().__init__(message, status=status, body=body)
        self.state = state


class RateLimited(TradierError):
    """Too many requests, by Tradier's count or by ours. ``until_ms``: epoch milliseconds, 0 where it is not said."""

    meaning = Outcome.LIMITED

    def __init__(
        self, message: str, until_ms: int = 0, *, status: int | None = None, body: str = "", wait_seconds: float = 0.0
    ) -> None:
        super().__init__(message, status=status, body=body)
        self.until_ms, self.wait_seconds = until_ms, wait_seconds


class NotSent(TradierError):
    """No connection could be made, so nothing was asked."""

    meaning = Outcome.REFUSED


class Unavailable(TradierError):
    """A read failed for reasons of Tradier or the network, also when tried again."""


class OutcomeUnknown(TradierError):
    """A write may or may not have been done: time-out, server fault, or an answer that cannot be read."""


class BadAnswer(TradierError):
    """A read was answered with something that is not what the API promises. The text names the field."""


def error_of(request: str, status: int, body: Any, text: str, *, writes: bool) -> TradierError | None:
    """The typed error of an answer, None for a good one. ``body`` is the decoded JSON, None when ``text`` is none."""
    found = _told(request, status, body, text)
    if found is not None:
        return found
    if status < 400 and isinstance(body, dict):
        return None
    words = f"{request}: {status} and an answer that cannot be read: {shorten(text)!r}"
    if writes:
        return OutcomeUnknown(
            f"{words}; it may have been done: look for its tag in the order list", status=status, body=text
        )
    return (BadAnswer if status < 400 else Unavailable)(words, status=status, body=text)


def _told(request: str, status: int, body: Any, text: str) -> TradierError | None:
    """What Tradier itself says, in a shape of its own."""
    if text.lstrip().startswith(QUOTA) or status == 429:
        return RateLimited(f"{request}: {status} too many requests", quota_ms(text), status=status, body=text)
    if isinstance(body, dict) and isinstance(body.get("fault"), dict):
        return _fault(request, status, body["fault"], text)
    if isinstance(body, dict) and body.get("errors") not in (None, "null"):
        reasons = _reasons(body["errors"])
        return OrderRefused(f"{request}: refused: {'; '.join(reasons)}", reasons, status=status, body=text)
    if not 400 <= status < 500 or body is not None or text.lstrip().startswith("<"):
        return None
    words = shorten(text)
    if FINALIZED in text:
        return AlreadyFinal(f"{request}: {words}", text.rpartition(":")[2].strip(), status=status, body=text)
    if status == 401 and "Unauthorized Account" in text:
        return NoSuchOrder(f"{request}: {words}: order or account is not this token's", status=status, body=text)
    if status in (401, 403):
        return NotAuthorized(f"{request}: {status} {words}{_TOKEN_NOTE}", status=status, body=text)
    if status in (408, 425) or not words:
        return None
    return RequestRefused(f"{request}: {status} {words}", status=status, body=text)


_TOKEN_NOTE = "; check that tradier.access_token and tradier.environment belong together"


def _fault(request: str, status: int, fault: dict[str, Any], text: str) -> TradierError | None:
    words = str(fault.get("faultstring") or "no reason given")
    detail = fault.get("detail")
    code = str(detail.get("errorcode", "")) if isinstance(detail, dict) else ""
    if words in TRANSIENT_FAULTS or status >= 500:
        return None
    if "quota" in code.lower() or "ratelimit" in code.lower() or "spikearrest" in code.lower():
        return RateLimited(f"{request}: {status} {words}", status=status, body=text)
    if status in (401, 403):
        return NotAuthorized(f"{request}: {status} {words}{_TOKEN_NOTE}", status=status, body=text)
    return RequestRefused(f"{request}: {status} {words} {code}".rstrip(), status=status, body=text)


def _reasons(errors: Any) -> tuple[str, ...]:
    found = errors.get("error") if isinstance(errors, dict) else errors
    found = found if isinstance(found, list) else [found]
    return tuple(str(reason) for reason in found if reason not in (None, "null")) or ("no reason given",)


def quota_ms(text: str) -> int:
    """The end of the window that the last word of a quota violation names; 0 where there is none."""
    last = re.search(r"(\d{13})\D*$", text)
    return int(last.group(1)) if last else 0
