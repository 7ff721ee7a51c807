"""The ASGI application: REST, websocket and control side of one practice exchange."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from email.utils import formatdate
from typing import Any

from connectors.simulators.kalshi.call import Reply
from connectors.simulators.kalshi.control import PREFIX, Control
from connectors.simulators.kalshi.core.units import NANOS
from connectors.simulators.kalshi.faults import Rule
from connectors.simulators.kalshi.rest.answer import TOO_MANY, Request, answer
from connectors.simulators.kalshi.rest.routes import find
from connectors.simulators.kalshi.stream.socket import Socket
from connectors.simulators.kalshi.world.director import Director
from connectors.simulators.wire import Wire

BEAT_SECONDS = 0.05  # how often the exchange looks at a real clock by itself
BODY_MOST = 8 * 2**20

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# What a proxy before the venue says when the venue does not.
_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr></body></html>\n"
# Nothing of the request is carried out for these.
_BEFORE = frozenset(("drop-before", "hang", "429", "5xx", "html"))


class App:
    """One practice exchange as an ASGI application; with a real clock its time passes while it is served."""

    def __init__(self, director: Director, control_token: str) -> None:
        self.director = director
        self.venue = director.venue
        self.control = Control(director, control_token)
        self.closing = asyncio.Event()
        self.held_up = 0  # requests on their way
        self._beat: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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
            if not self.venue.clock.stepped:
                self.director.catch_up()
            await self._sleep(BEAT_SECONDS)

    async def _sleep(self, seconds: float) -> None:
        """Wait, but not longer than the server lives."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self.venue.faults.http("websocket")
        wire = scope.get("extensions", {}).get("practice.wire")
        if fault is not None and wire is not None:
            if fault.kind in ("hang", "timeout"):
                await self._sleep(fault.value)
            await _cut(wire, receive)
            return
        await Socket(self.venue, scope, receive, send).run()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if self._beat is not None and self._beat.done():
            self._beat.result()  # a fault of the world is not to be passed over
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        method, path = scope["method"].upper(), scope["path"]
        if path == PREFIX or path.startswith(f"{PREFIX}/"):
            await self._send(send, self.control.answer(method, path, headers, body))
            return
        request = Request(method, path, scope["query_string"].decode("latin-1"), headers, body)
        fault = self._fault(method, path)
        if fault is not None and fault.kind == "late":
            # Held up on the way: it arrives, and its signature is judged, only then, also when its sender has gone.
            self.held_up += 1
            await self._sleep(fault.value)
            self.held_up -= 1
            if not self.closing.is_set():
                await self._send(send, answer(self.venue, request))
            return
        reply = answer(self.venue, request) if fault is None or fault.kind not in _BEFORE else None
        if fault is None:
            assert reply is not None
            await self._send(send, reply)
        else:
            await self._fail(scope, receive, send, fault, reply)

    def _fault(self, method: str, path: str) -> Rule | None:
        found = find(method, path)
        return self.venue.faults.http(found[0].name, found[0].kind) if found is not None else None

    async def _fail(self, scope: Scope, receive: Receive, send: Send, fault: Rule, reply: Reply | None) -> None:
        match fault.kind:
            case "429":
                await self._send(send, TOO_MANY)
            case "5xx" | "5xx-after":
                body = {"code": "internal_server_error", "message": "internal server error"}
                await self._send(send, Reply(int(fault.value), body))
            case "html" | "html-after":
                title = f"{int(fault.value)} Bad Gateway" if fault.value >= 400 else "Kalshi"
                await self._send_bytes(send, int(fault.value), "text/html", _PAGE.format(title).encode())
            case "slow":
                await self._sleep(fault.value)
                assert reply is not None
                await self._send(send, reply)
            case _:
                if fault.kind in ("hang", "timeout"):
                    await self._sleep(fault.value)
                wire = scope.get("extensions", {}).get("practice.wire")
                if wire is None:
                    raise ConnectionResetError(f"fault {fault.kind}")
                await _cut(wire, receive)

    async def _send(self, send: Send, reply: Reply) -> None:
        body = b"" if reply.body is None else json.dumps(reply.body, separators=(",", ":")).encode()
        await self._send_bytes(send, reply.status, "application/json", body)

    async def _send_bytes(self, send: Send, status: int, kind: str, body: bytes) -> None:
        headers = [(b"date", formatdate(self.venue.signing_now() / NANOS, usegmt=True).encode())]
        if status != 204:
            headers += [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _cut(wire: Wire, receive: Receive) -> None:
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
