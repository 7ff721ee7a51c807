"""The websocket as ASGI: a signed handshake, then commands in and messages out, with the faults that are on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
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
from connectors.simulators.wire import Wire

PATH = "/trade-api/ws/v2"
BUFFER = 50_000  # messages that may wait for a slow reader

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Broken(Exception):
    """The connection ends without a word."""


class Socket:
    """One connection from handshake to end."""

    def __init__(self, venue: Venue, scope: Scope, receive: Receive, send: Send) -> None:
        self.venue = venue
        self.wire: Wire | None = scope.get("extensions", {}).get("practice.wire")
        self.receive = receive
        self.send = send
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self.path = scope["path"]
        self.waiting: asyncio.Queue[Frame | None] = asyncio.Queue()
        self.overflowed = False
        self.restarting = False
        self.held: str | None = None  # a frame that goes out after the next one

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
        reader = asyncio.ensure_future(self._read(session))
        writer = asyncio.ensure_future(self._write())
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop()
            forget()
            for task in (reader, writer):
                task.cancel()
            ended = await asyncio.gather(reader, writer, return_exceptions=True)
        if any(isinstance(end, Broken) for end in ended) and self.wire is not None:
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
        held, self.held = self.held, None
        match fault.kind if fault is not None else None:
            case "ws-lose":
                pass
            case "ws-duplicate":
                await self._text(text)
                await self._text(text)
            case "ws-reorder":
                self.held = text
            case "ws-close":
                raise Broken
            case "ws-half-open":
                if self.wire is not None:
                    self.wire.fall_silent()
            case _:
                await self._text(text)
        if held is not None:
            await self._text(held)

    async def _text(self, text: str) -> None:
        await self.send({"type": "websocket.send", "text": text})
