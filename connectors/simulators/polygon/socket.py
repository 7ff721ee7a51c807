"""A websocket of the practice vendor, with the faults that are on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from connectors.simulators.polygon.hub import Client, Hub
from connectors.simulators.polygon.messages import CHANNELS, Message
from connectors.simulators.polygon.vendor import Vendor
from connectors.simulators.sockets import Broken, Frames, Receive, Scope, Send, wire_of
from connectors.transport.tasks import until_one_ends


class Socket:
    """One connection from handshake to end."""

    def __init__(self, vendor: Vendor, hub: Hub, scope: Scope, receive: Receive, send: Send) -> None:
        self._faults, self._hub, self._receive, self._send = vendor.faults, hub, receive, send
        self._wire = wire_of(scope)
        self._cluster = scope["path"].strip("/")
        self._waiting: asyncio.Queue[Sequence[Message] | tuple[int, str]] = asyncio.Queue()
        self._frames = Frames[Message](self._wire)

    async def run(self) -> None:
        await self._receive()
        if self._cluster not in CHANNELS:
            await self._send({"type": "websocket.close", "code": 1000})
            return
        await self._send({"type": "websocket.accept"})
        put = self._waiting.put_nowait
        client = Client(self._cluster, put, lambda code, why: put((code, why)))
        self._hub.enter(client)
        try:
            errors = await until_one_ends(self._read(client), self._write())
        finally:
            self._hub.leave(client)
        for error in errors:
            if isinstance(error, Broken):
                if self._wire is not None:
                    self._wire.abort()
            elif isinstance(error, Exception):
                raise error

    async def _read(self, client: Client) -> None:
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            self._hub.command(client, text if text is not None else event["bytes"].decode("utf-8", "replace"))

    async def _write(self) -> None:
        while True:
            waiting = await self._waiting.get()
            if isinstance(waiting, tuple):
                await self._send({"type": "websocket.close", "code": waiting[0], "reason": waiting[1]})
                return
            frame: list[Message] = []
            for message in waiting:
                frame += self._after_faults(message)
            if frame:
                await self._send({"type": "websocket.send", "text": json.dumps(frame, separators=(",", ":"))})

    def _after_faults(self, message: Message) -> list[Message]:
        if message["ev"] == "status":
            return [message]
        return self._frames.after(self._faults.frame(message["ev"].lower(), "websocket"), message)
