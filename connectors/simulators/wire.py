"""The network protocols with what a fault needs: a ping that says heartbeat, silence, and an abrupt end."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEARTBEAT = b"heartbeat"


class Wire(Protocol):
    """A connection below ASGI, in ``scope["extensions"]["practice.wire"]``."""

    def abort(self) -> None:
        """Close at once and without a word."""

    def fall_silent(self) -> None:
        """Neither send nor answer anything from now on, and stay open."""


class PracticeHttp(H11Protocol):
    """HTTP whose requests carry their connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        inner = self.app

        async def with_wire(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})["practice.wire"] = self
            await inner(scope, receive, send)

        self.app = cast(Any, with_wire)

    def abort(self) -> None:
        self.transport.abort()

    def fall_silent(self) -> None:
        self.transport.pause_reading()


class PracticeWebSocket(WebSocketsSansIOProtocol):
    """A websocket that pings with the venue's word and does not mind pongs that stay out."""

    silent = False

    async def run_asgi(self) -> None:
        extensions = cast(dict[str, Any], self.scope.setdefault("extensions", {}))
        extensions["practice.wire"] = self
        await super().run_asgi()

    def send_keepalive_ping(self) -> None:
        self.ping_timer = None
        if self.close_sent or self.transport.is_closing():
            return
        if not self.silent:
            self.conn.send_ping(HEARTBEAT)
            self.transport.write(b"".join(self.conn.data_to_send()))
        self.schedule_ping()

    def data_received(self, data: bytes) -> None:
        if not self.silent:
            super().data_received(data)

    async def send(self, message: Any) -> None:
        if not self.silent:
            await super().send(message)

    def abort(self) -> None:
        self.transport.abort()

    def fall_silent(self) -> None:
        self.silent = True
