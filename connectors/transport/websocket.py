"""Opening the websocket of a venue."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import websockets
from websockets.asyncio.client import ClientConnection, connect

from connectors.transport.words import words_of

LARGEST_FRAME = 64 * 1024 * 1024
BREAKS = (OSError, websockets.WebSocketException)  # how a connection, or the attempt at one, fails


async def open_socket(
    address: str, *, local: bool, patience: float, ping: float, headers: Mapping[str, str] | None = None
) -> ClientConnection:
    """Connect within ``patience`` seconds, past the proxy where the venue is on this machine. ``ping``: interval and
    patience (s) of the protocol's own pings. Raises one of BREAKS."""
    return await _Connect(
        address, additional_headers=headers, user_agent_header="autotrader", proxy=None if local else True,
        open_timeout=patience, ping_interval=ping, ping_timeout=ping, close_timeout=1, max_size=LARGEST_FRAME,
    )  # fmt: skip


def no_connection(address: str, error: Exception) -> str:
    """What is said where none could be made."""
    return f"no connection to {urlsplit(address).netloc}: {words_of(error)}"


class _Connect(connect):
    """A redirect is an error: what is signed, and the first messages, are for this host only."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc
