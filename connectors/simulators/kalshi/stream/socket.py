"""The websocket as ASGI: a signed handshake, then commands in and messages out, with the faults that are on."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

from connectors.simulators.kalshi import auth
from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.units import MILLIS, NANOS
from connectors.simulators.kalshi.faults import Frame
from connectors.simulators.kalshi.keys import ApiKey
from connectors.simulators.kalshi.stream.session import Session
from connectors.simulators.kalshi.stream.subscription import ERRORS
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import headers_of
from connectors.simulators.sockets import Broken, Frames, Receive, Scope, Send, wire_of
from connectors.transport.tasks import until_one_ends

PATH = "/trade-api/ws/v2"
BUFFER = 50_000  # messages that may wait for a slow reader

class Socket:
    """One connection from handshake to end."""

    def __init__(self, venue: Venue, scope: Scope, receive: Receive, send: Send) -> None:
        self.venue = venue
        self.wire = wire_of(scope)
        self.receive = receive
        self.send = send
        self.headers = headers_of(scope)
        self.path = scope["path"]
        self.waiting: asyncio.Queue[Frame | None] = asyncio.Queue()
        self.overflowed = False
        self.restarting = False
        self.frames = Frames[str](self.wire)

    async def run(self) -> None:
        await self.receive()  # the handshake
        try:
            key = self._enter()
        except VenueError as error:
            await self._refuse(error)
            return
        await self.send({"type": "websocket.accept"})
        session = Session(self.venue.floor, key, self.venue.feeds, self._put)
        stop = self.venue.listen(session.take, session.delivery.watches_indices)
        forget = self.venue.on_restart(self._restart)
        try:
            errors = await until_one_ends(self._read(session), self._write())
        finally:
            stop()
            forget()
        if any(isinstance(error, Broken) for error in errors) and self.wire is not None:
            self.wire.abort()
        elif self.overflowed:
            await self._close(1008, ERRORS[25])
        elif self.restarting:
            await self._close(1001, "maintenance")

    async def _close(self, code: int, reason: str) -> None:
        with suppress(Exception):
            await self.send({"type": "websocket.close", "code": code, "reason": reason})

    def _restart(self) -> None:
        """Maintenance begins: what waits is sent, then the connection ends."""
        self.restarting = True
        self.waiting.put_nowait(None)

    def _enter(self) -> ApiKey:
        if self.path != PATH:
            raise VenueError(404, "not_found")
        return auth.authenticate(
            self.venue.keys, "GET", self.path, self.headers, self.venue.signing_now(),
            int(self.venue.options.signature_seconds * NANOS),
        )

    async def _refuse(self, error: VenueError) -> None:
        headers = [(b"content-type", b"application/json")]
        await self.send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
        body = json.dumps({"error": error.body()}).encode()
        await self.send({"type": "websocket.http.response.body", "body": body})

    def _put(self, channel: str, message: dict[str, Any]) -> None:
        if self.overflowed or self.restarting:
            return
        if self.waiting.qsize() >= BUFFER:
            self.overflowed = True
            message = {"type": "error", "msg": {"code": 25, "msg": ERRORS[25]}}
        self.waiting.put_nowait((channel, message))

    async def _read(self, session: Session) -> None:
        while True:
            event = await self.receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            session.command(text if text is not None else event["bytes"].decode("utf-8", "replace"))

    async def _write(self) -> None:
        while True:
            waiting = await self.waiting.get()
            if waiting is None:
                return
            for frame in self._mixed(waiting):
                await self._deliver(*frame)
            if self.overflowed and self.waiting.empty():
                return

    def _mixed(self, first: Frame) -> list[Frame]:
        """The next frame alone, or all that wait with their channels mixed."""
        if not self.venue.faults.shuffles(first[0], first[1]["type"]):
            return [first]
        burst = [first]
        while not self.waiting.empty():
            frame = self.waiting.get_nowait()
            if frame is None:
                self.waiting.put_nowait(None)
                break
            burst.append(frame)
        return self.venue.faults.mixed(burst)

    async def _deliver(self, channel: str, message: dict[str, Any]) -> None:
        message["sending_ts_ms"] = self.venue.signing_now() // MILLIS
        text = json.dumps(message, separators=(",", ":")) + "\n"
        fault = self.venue.faults.frame(channel, message["type"])
        for frame in self.frames.after(fault, text):
            await self.send({"type": "websocket.send", "text": frame})
