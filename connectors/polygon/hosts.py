"""Where the vendor is. The key goes to the vendor's own hosts, or to this machine for the practice one."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.polygon.tickers import Cluster
from connectors.transport.loopback import HostError, loopback_place

DOMAINS = ("massive.com", "polygon.io")  # the vendor's name since October 2025, and before


@dataclass(frozen=True, slots=True)
class Hosts:
    """Roots without a path. ``local``: the practice vendor on this machine."""

    rest: str
    stream: str
    local: bool = False

    def socket(self, cluster: Cluster) -> str:
        """The address of a family's websocket."""
        return f"{self.stream}/{cluster.value}"


def vendor_hosts(domain: str = DOMAINS[0], *, delayed: bool = False) -> Hosts:
    """The vendor's hosts; ``delayed``: the websockets of plans whose data is 15 minutes late."""
    if domain not in DOMAINS:
        raise HostError(f"{domain} is no domain of the vendor; there are {', '.join(DOMAINS)}")
    return Hosts(f"https://api.{domain}", f"wss://{'delayed' if delayed else 'socket'}.{domain}")


def loopback_hosts(address: str) -> Hosts:
    """The practice vendor at ``http://127.0.0.1:PORT``. HostError for every other kind of address."""
    place = loopback_place(address)
    return Hosts(f"http://{place}", f"ws://{place}", local=True)
