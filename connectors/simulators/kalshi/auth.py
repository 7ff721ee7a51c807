"""Signed requests: the three headers, the time window, the signature, and what the venue says when one is wrong."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.units import MILLIS, NANOS
from connectors.simulators.kalshi.keys import ApiKey

# Recorded: 5 s and 30 s ahead pass, 5 s behind passes, 30 s behind and 5 min either way do not.
OLDEST_SECONDS = 15
NEWEST_NS = 60 * NANOS

KEY_HEADER = "kalshi-access-key"
TIME_HEADER = "kalshi-access-timestamp"
SIGNATURE_HEADER = "kalshi-access-signature"
_MISSING = {
    KEY_HEADER: "api_key_id_is_missing_from_headers",
    TIME_HEADER: "timestamp_is_missing_from_headers",
    SIGNATURE_HEADER: "signature_is_missing_from_headers",
}


def authenticate(
    keys: Mapping[str, ApiKey], method: str, path: str, headers: Mapping[str, str], now: int, oldest_ns: int
) -> ApiKey:
    """The key that signed a request no more than ``oldest_ns`` before it arrives, ``now``.

    ``path`` is from the root and without the query. Raises VenueError (401).
    """
    for name, code in _MISSING.items():
        if not headers.get(name):
            raise VenueError(401, code)
    stamp = headers[TIME_HEADER]
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 15):
        raise _expired()
    if not now - oldest_ns <= int(stamp) * MILLIS <= now + NEWEST_NS:
        raise _expired()
    key = keys.get(headers[KEY_HEADER])
    if key is None:
        raise _refused("NOT_FOUND")
    try:
        signature = base64.b64decode(headers[SIGNATURE_HEADER], validate=True)
    except (binascii.Error, ValueError):
        raise _refused("INCORRECT_API_KEY_SIGNATURE") from None
    if not key.verifies(signature, f"{stamp}{method.upper()}{path}".encode()):
        raise _refused("INCORRECT_API_KEY_SIGNATURE")
    return key


def need_scope(key: ApiKey, scope: str) -> None:
    """Raises VenueError (403)."""
    if not key.allows(scope):
        raise VenueError(403, "insufficient_scope", f"the API key has no scope {scope}")


def need_subaccount(key: ApiKey, subaccount: int | None) -> int | None:
    """The subaccount that a request is about; a key locked to one sees that one alone. Raises VenueError (403)."""
    if key.subaccount is None:
        return subaccount
    if subaccount not in (None, key.subaccount):
        raise VenueError(403, "forbidden", "the API key is restricted to another subaccount")
    return key.subaccount


def _expired() -> VenueError:
    return VenueError(401, "header_timestamp_expired")


def _refused(details: str) -> VenueError:
    return VenueError(401, "authentication_error", details, message="authentication_error")
