"""Where Tradier is. A token is sent to its own hosts, or to this machine for the practice venue."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

ROOT = "/v1"


class HostError(ValueError):
    """An address that a token must not be sent to. The text names it and the mend."""


class Environment(StrEnum):
    """The sandbox has its own tokens and paper money; production is real."""

    SANDBOX = "sandbox"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Hosts:
    """``rest`` ends with the version. ``market_socket`` is empty where prices are not streamed, as in the sandbox."""

    rest: str
    market_socket: str
    market_http: str
    account_socket: str
    local: bool = False


_HOSTS = {
    Environment.SANDBOX: Hosts(
        "https://sandbox.tradier.com" + ROOT, "", "", "wss://sandbox-ws.tradier.com/v1/accounts/events"
    ),
    Environment.PRODUCTION: Hosts(
        "https://api.tradier.com" + ROOT, "wss://ws.tradier.com/v1/markets/events",
        "https://stream.tradier.com/v1/markets/events", "wss://ws.tradier.com/v1/accounts/events",
    ),
}  # fmt: skip


def venue_hosts(environment: Environment) -> Hosts:
    """The venue's own hosts."""
    return _HOSTS[environment]


def loopback_hosts(address: str) -> Hosts:
    """Hosts of a practice venue at ``address``, such as ``http://127.0.0.1:8791``. HostError for any other machine."""
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        raise HostError(f"{address!r} has no valid port") from None
    if parts.scheme != "http" or port is None or not _is_loopback(parts.hostname) or parts.username is not None:
        raise HostError(
            f"{address!r} is not an address of this machine: write http://127.0.0.1:PORT, or leave it out and choose "
            "the environment `sandbox` or `production`"
        )
    if parts.path.rstrip("/") not in ("", ROOT) or parts.query or parts.fragment:
        raise HostError(f"{address!r} must end after the port or with {ROOT}")
    place = f"[{parts.hostname}]:{port}" if ":" in str(parts.hostname) else f"{parts.hostname}:{port}"
    return Hosts(
        f"http://{place}{ROOT}", f"ws://{place}{ROOT}/markets/events", f"http://{place}{ROOT}/markets/events",
        f"ws://{place}{ROOT}/accounts/events", local=True,
    )  # fmt: skip


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
