"""Where Tradier is. A token is sent to its own hosts, or to this machine for the practice venue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from connectors.transport.loopback import loopback_place

ROOT = "/v1"


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
    place = loopback_place(
        address, ROOT, ", or leave it out and choose the environment `sandbox` or `production`"
    )
    return Hosts(
        f"http://{place}{ROOT}", f"ws://{place}{ROOT}/markets/events", f"http://{place}{ROOT}/markets/events",
        f"ws://{place}{ROOT}/accounts/events", local=True,
    )  # fmt: skip
