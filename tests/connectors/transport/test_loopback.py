"""What is secret goes to a venue's own hosts or to this machine; what is said of other addresses shows no password."""

from __future__ import annotations

import pytest

from connectors.transport.loopback import HostError, loopback_place


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("http://127.0.0.1:8700", "127.0.0.1:8700"), ("http://127.8.9.1:1/", "127.8.9.1:1"),
        ("http://localhost:80/v1", "localhost:80"), ("http://[::1]:8700/v1/", "[::1]:8700"),
    ],
)  # fmt: skip
def test_addresses_of_this_machine(address: str, place: str) -> None:
    assert loopback_place(address, "/v1") == place


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://example.com:80", "is not an address of this machine: write http://127.0.0.1:PORT, or leave it out"),
        ("http://127.0.0.1", "is not an address of this machine"),
        ("http://127.0.0.1:99999", "has no valid port"),
        ("http://127.0.0.1:80/v2", "must end after the port or with /v1"),
        ("http://127.0.0.1:80/v1?x=1", "must end after the port or with /v1"),
        ("https://me:hunter2@127.0.0.1:80", "is not an address of this machine"),
        ("http://me:hunter2@127.0.0.1:99999", "has no valid port"),
    ],
)
def test_other_addresses_are_refused_with_a_mend_and_without_a_password(address: str, said: str) -> None:
    with pytest.raises(HostError) as found:
        loopback_place(address, "/v1", ", or leave it out")
    assert said in str(found.value) and "hunter2" not in str(found.value)
