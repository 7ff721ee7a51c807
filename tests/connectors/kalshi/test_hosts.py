"""Signed requests go to the venue or to this machine, and nowhere else."""

from __future__ import annotations

import pytest

from connectors.kalshi.hosts import Environment, loopback_hosts, venue_hosts
from connectors.transport.loopback import HostError


def test_demo_and_production_are_different_venues_over_encrypted_connections() -> None:
    demo, production = venue_hosts(Environment.DEMO), venue_hosts(Environment.PRODUCTION)
    assert demo.rest == "https://external-api.demo.kalshi.co/trade-api/v2"
    assert demo.stream == "wss://external-api-ws.demo.kalshi.co/trade-api/ws/v2"
    assert production.rest == "https://external-api.kalshi.com/trade-api/v2"
    assert production.stream == "wss://external-api-ws.kalshi.com/trade-api/ws/v2"


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("http://127.0.0.1:8700", "127.0.0.1:8700"),
        ("http://127.8.9.1:1/", "127.8.9.1:1"),
        ("http://localhost:80/trade-api/v2", "localhost:80"),
        ("http://[::1]:8700/trade-api/v2/", "[::1]:8700"),
    ],
)
def test_a_practice_exchange_lives_on_this_machine(address: str, place: str) -> None:
    hosts = loopback_hosts(address)
    assert (hosts.rest, hosts.stream) == (f"http://{place}/trade-api/v2", f"ws://{place}/trade-api/ws/v2")
    assert hosts.local


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com:80", "http://localhost.example.com:80", "http://127.0.0.1@example.com:80",
        "http://user@127.0.0.1:80", "http://10.0.0.1:80", "http://0.0.0.0:80", "https://127.0.0.1:80",
        "127.0.0.1:80", "http://127.0.0.1", "http://127.0.0.1:99999", "http://127.0.0.1:80/other",
        "http://127.0.0.1:80?x=1", "http://2130706433:80", "",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(HostError):
        loopback_hosts(address)
