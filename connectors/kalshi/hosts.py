"""Where the venue is. Keys are sent to the venue's own hosts, or to this machine for the practice exchange."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from connectors.transport.loopback import loopback_place

REST_PATH = "/trade-api/v2"
STREAM_PATH = "/trade-api/ws/v2"


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
    instead = ", or leave it out and choose the environment `demo` or `production`"
    place = loopback_place(address, REST_PATH, instead)
    return Hosts(f"http://{place}{REST_PATH}", f"ws://{place}{STREAM_PATH}", local=True)
