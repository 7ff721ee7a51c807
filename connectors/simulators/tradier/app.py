"""The ASGI application: REST, streams and control side of one practice Tradier, and its faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from email.utils import formatdate
from typing import Any

from connectors.simulators.kalshi.faults import Rule
from connectors.simulators.tradier import render
from connectors.simulators.tradier.api import Api
from connectors.simulators.tradier.control import PREFIX, Control
from connectors.simulators.tradier.prices import NANOS
from connectors.simulators.tradier.request import Reply, Request
from connectors.simulators.tradier.streams import MARKET_PATH, Socket, http_stream
from connectors.simulators.tradier.venue import Venue

BEAT_SECONDS = 0.01
BODY_MOST = 2**20
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr></body></html>\n"
_BEFORE = frozenset(("drop-before", "hang", "429", "5xx", "html"))  # nothing of the request is carried out
WRITES = frozenset({"create", "modify", "cancel"})


class App:
    """One practice venue as an ASGI application; its time passes while it is served."""

    def __init__(self, venue: Venue, control_token: str) -> None:
        self.venue, self.api = venue, Api(venue)
        self.control = Control(venue, control_token)
        self.closing = asyncio.Event()
        self.held_up = 0  # requests on their way
        self._beat: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self._beat = asyncio.create_task(self._pass_time())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._beat.cancel()
        with suppress(asyncio.CancelledError):
            await self._beat
        await send({"type": "lifespan.shutdown.complete"})

    async def _pass_time(self) -> None:
        while not self.closing.is_set():
            self.venue.tick()
            await self._sleep(BEAT_SECONDS)

    async def _sleep(self, seconds: float) -> None:
        """Wait, but not longer than the server lives."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)

    async def _websocket(self, scope: Message, receive: Receive, send: Send) -> None:
        fault = self.venue.faults.http("websocket")
        wire = scope.get("extensions", {}).get("practice.wire")
        if fault is not None and wire is not None:
            if fault.kind in ("hang", "timeout"):
                await self._sleep(fault.value)
            await _cut(wire, receive)
            return
        await Socket(self.venue, scope, receive, send, self.closing).run()

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if self._beat is not None and self._beat.done():
            self._beat.result()  # a fault of the world is not to be passed over
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        method, path = scope["method"].upper(), scope["path"]
        if path.startswith(f"{PREFIX}/"):
            await self._send(send, self.control.answer(method, path, headers, body), "application/json")
            return
        request = Request.of(method, path, scope["query_string"].decode("latin-1"), headers, body)
        if path == MARKET_PATH:
            await http_stream(self.venue, {**request.query, **request.form}, receive, send, self.closing)
            return
        await self._rest(scope, receive, send, request)

    async def _rest(self, scope: Message, receive: Receive, send: Send, request: Request) -> None:
        accept = request.headers.get("accept", "")
        name = self.api.name_of(request)
        kind = "write" if name in WRITES else "read"
        fault = self.venue.faults.http(name, kind) if name is not None else None
        if fault is not None and fault.kind == "late":
            # Held up on the way: it arrives only then, also when its sender has gone.
            self.held_up += 1
            await self._sleep(fault.value)
            self.held_up -= 1
            if not self.closing.is_set():
                await self._send(send, self.api.answer(request), accept)
            return
        reply = self.api.answer(request) if fault is None or fault.kind not in _BEFORE else None
        if fault is None:
            assert reply is not None
            await self._send(send, reply, accept)
        else:
            await self._fail(scope, receive, send, fault, reply, accept)

    async def _fail(
        self, scope: Message, receive: Receive, send: Send, fault: Rule, reply: Reply | None, accept: str
    ) -> None:
        match fault.kind:
            case "429":
                words = f"Quota Violation: too many requests. It ends at {self.venue.now() // 1_000_000 + 1000}"
                await self._send(send, Reply(429, words), accept)
            case "5xx" | "5xx-after":
                body = {"fault": {"faultstring": "Datastore Error", "detail": {"errorcode": "datastore.error"}}}
                await self._send(send, Reply(int(fault.value), body), accept)
            case "html" | "html-after":
                title = f"{int(fault.value)} Bad Gateway" if fault.value >= 400 else "Tradier maintenance"
                await self._bytes(send, int(fault.value), "text/html", _PAGE.format(title).encode(), {})
            case "slow":
                await self._sleep(fault.value)
                assert reply is not None
                await self._send(send, reply, accept)
            case _:
                if fault.kind in ("hang", "timeout"):
                    await self._sleep(fault.value)
                wire = scope.get("extensions", {}).get("practice.wire")
                if wire is None:
                    raise ConnectionResetError(f"fault {fault.kind}")
                await _cut(wire, receive)

    async def _send(self, send: Send, reply: Reply, accept: str) -> None:
        """Plain text as it is; else JSON for those who ask for it, and XML for all others."""
        if isinstance(reply.body, str):
            await self._bytes(send, reply.status, "text/plain", reply.body.encode(), reply.headers)
        elif "json" in accept:
            body = json.dumps(reply.body, separators=(",", ":")).encode()
            await self._bytes(send, reply.status, "application/json", body, reply.headers)
        else:
            body = f'<?xml version="1.0" encoding="UTF-8"?>{render.xml(reply.body)}'.encode()
            await self._bytes(send, reply.status, "application/xml", body, reply.headers)

    async def _bytes(self, send: Send, status: int, kind: str, body: bytes, more: dict[str, str]) -> None:
        headers = [
            (b"date", formatdate(self.venue.now() / NANOS, usegmt=True).encode()), (b"content-type", kind.encode()),
            (b"content-length", str(len(body)).encode()),
            *((name.encode(), value.encode()) for name, value in more.items()),
        ]  # fmt: skip
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _cut(wire: Any, receive: Receive) -> None:
    """Break a connection, and see it broken."""
    wire.abort()
    while "disconnect" not in (await receive())["type"]:
        pass


async def _body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        event = await receive()
        part = event.get("body", b"")
        size += len(part)
        if size > BODY_MOST:
            return b""
        parts.append(part)
        if not event.get("more_body"):
            return b"".join(parts)
