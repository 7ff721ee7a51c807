"""Where the venue is. Keys are sent to the venue's own hosts, or to this machine for the practice exchange."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

REST_PATH = "/trade-api/v2"
STREAM_PATH = "/trade-api/ws/v2"


class HostError(ValueError):
    """An address that requests must not be signed for. The text names it and the mend."""


class Environment(StrEnum):
    """Demo has its own keys and mock money; production is real."""

    DEMO = "demo"
    PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Hosts:
    """``rest`` and ``stream`` are full addresses without a closing slash; ``local`` is this machine."""

    rest: str
    stream: str
    local: bool = False


_HOSTS = {
    Environment.DEMO: Hosts(
        "https://external-api.demo.kalshi.co" + REST_PATH, "wss://external-api-ws.demo.kalshi.co" + STREAM_PATH
    ),
    Environment.PRODUCTION: Hosts(
        "https://external-api.kalshi.com" + REST_PATH, "wss://external-api-ws.kalshi.com" + STREAM_PATH
    ),
}


def venue_hosts(environment: Environment) -> Hosts:
    """The venue's hosts."""
    return _HOSTS[environment]


def loopback_hosts(address: str) -> Hosts:
    """Hosts of a practice exchange at ``address``, such as ``http://127.0.0.1:8700``.

    Only this machine is allowed, so that no setting can send signed orders elsewhere; HostError says so.
    """
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        raise HostError(f"{address!r} has no valid port") from None
    if parts.scheme != "http" or not _is_loopback(parts.hostname) or parts.username is not None:
        raise HostError(
            f"{address!r} is not an address of this machine: write http://127.0.0.1:PORT, "
            "or leave it out and choose the environment `demo` or `production`"
        )
    if port is None:
        raise HostError(f"{address!r} needs a port: write http://127.0.0.1:PORT")
    if parts.path.rstrip("/") not in ("", REST_PATH) or parts.query or parts.fragment:
        raise HostError(f"{address!r} must end after the port or with {REST_PATH}")
    place = f"[{parts.hostname}]:{port}" if ":" in str(parts.hostname) else f"{parts.hostname}:{port}"
    return Hosts(f"http://{place}{REST_PATH}", f"ws://{place}{STREAM_PATH}", local=True)


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
