"""What can go wrong between the venue and us, and what each failure means for the order that was asked for.

The venue answers errors in four shapes: ``{"error": {code, message, details}}``, ``{code, message, details}``,
``{"msg": …}`` and ``{"error": "text"}``. Anything else (HTML of a proxy, cut-off JSON) proves nothing about an order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.transport.words import shorten
from engine.market.venue import Outcome


class KalshiError(Exception):
    """A failure at or on the way to the venue. ``status`` is the HTTP status, None where there was no answer.

    ``code`` and ``details`` are the venue's words, "" where it gave none; ``body`` is the whole answer, for the log.
    ``wait_seconds``: until it may be asked again, where that is known.
    """

    meaning = Outcome.UNKNOWN
    wait_seconds = 0.0

    def __init__(
        self, message: str, *, status: int | None = None, code: str = "", details: str = "", body: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details
        self.body = body


class RequestRefused(KalshiError):
    """The venue said no; nothing was done."""

    meaning = Outcome.REFUSED


class NotAuthorized(RequestRefused):
    """The key, its signature or its scope is not accepted."""


class ClockSkewError(NotAuthorized):
    """This machine's clock and the venue's differ too much for signatures to count."""


class OrderRefused(RequestRefused):
    """An order that the venue judged and did not take: price, size, balance, market closed, not filled at once."""


class DuplicateOrder(OrderRefused):
    """An order with this client order id exists already; it landed, or the id was used before."""

    meaning = Outcome.DUPLICATE


class NotFound(KalshiError):
    """No such thing. For a cancel this does not say whether the order was cancelled, executed or never known."""

    meaning = Outcome.GONE


class RateLimited(KalshiError):
    """Too many requests, by the venue's count or by ours before sending."""

    meaning = Outcome.LIMITED

    def __init__(
        self, message: str, *, status: int | None = None, code: str = "", details: str = "", body: str = "",
        wait_seconds: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(message, status=status, code=code, details=details, body=body)
        self.wait_seconds = wait_seconds


class NotSent(KalshiError):
    """No connection could be made, so nothing was asked."""

    meaning = Outcome.REFUSED


class VenueUnavailable(KalshiError):
    """A read failed for reasons of the venue or the network, also when tried again."""


class OutcomeUnknown(KalshiError):
    """A write may or may not have been done: time-out, server fault, or an answer that cannot be read."""


class BadAnswer(KalshiError):
    """A read was answered with something that is not what the API promises. The text names the field."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An error answer in one of the known shapes. ``known`` is False for every other shape."""

    code: str
    message: str
    details: str
    known: bool

    @property
    def text(self) -> str:
        words = [self.code, *dict.fromkeys(w for w in (self.message, self.details) if w and w != self.code)]
        return ": ".join(filter(None, words)) or "no reason given"


def read_fault(body: Any) -> Fault:
    """The code and words of an error ``body`` (decoded JSON, or None where the answer was no JSON)."""
    if isinstance(body, dict):
        inner = body.get("error")
        if isinstance(inner, str):
            return Fault(inner.replace(" ", "_"), inner, "", True)
        if isinstance(inner, dict):
            return _fault(inner)
        if isinstance(body.get("msg"), str):
            return Fault("bad_request", body["msg"], "", True)
        if "code" in body or "message" in body:
            return _fault(body)
    return Fault("", "", "", False)


def _fault(body: dict[str, Any]) -> Fault:
    code, message, details = (str(body.get(key) or "") for key in ("code", "message", "details"))
    return Fault(code, message, details, bool(code or message))


def error_of(request: str, status: int, body: Any, text: str, *, writes: bool, orders: bool = False) -> KalshiError:
    """The typed error of an answer that is not a success.

    ``request`` names it in words ("POST /portfolio/…"); ``writes``: it may change the account; ``orders``: it is about
    an order; ``body`` is the decoded JSON, None when ``text`` is no JSON.
    """
    fault = read_fault(body)
    words = fault.text if fault.known else f"an answer that is no error of the venue: {shorten(text)!r}"
    kind = _kind(status, fault, writes, orders)
    note = _NOTES.get(kind, "")
    return kind(
        f"{request}: {status} {words}{note}", status=status, code=fault.code, details=fault.details, body=text
    )


def batch_error(request: str, body: dict[str, Any]) -> KalshiError:
    """The error of one order of a batch, which comes without a status of its own."""
    fault = _fault(body)
    kind: type[KalshiError] = OrderRefused
    if fault.code in _BATCH_KINDS:
        kind = _BATCH_KINDS[fault.code]
    elif not fault.known or any(word in fault.code for word in ("internal", "timeout", "unavailable")):
        kind = OutcomeUnknown
    return kind(f"{request}: {fault.text}", code=fault.code, details=fault.details, body=str(body))


_BATCH_KINDS: dict[str, type[KalshiError]] = {"order_already_exists": DuplicateOrder, "not_found": NotFound}
_NOTES: dict[type[KalshiError], str] = {
    OutcomeUnknown: "; it may have been done: read the order list before asking again",
    NotAuthorized: "; check that key id, key file and environment belong together, and the scopes of the key",
}


def _kind(status: int, fault: Fault, writes: bool, orders: bool) -> type[KalshiError]:
    if status == 429:
        return RateLimited
    if status >= 500 or status in (408, 425) or status < 400 or (writes and not fault.known):
        return OutcomeUnknown if writes else VenueUnavailable
    if fault.code == "header_timestamp_expired":
        return ClockSkewError
    if status in (401, 403):
        return NotAuthorized
    if status == 404:
        return NotFound
    if fault.code == "order_already_exists":
        return DuplicateOrder
    return OrderRefused if orders else RequestRefused
