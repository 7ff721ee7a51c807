"""The ASGI side of every practice venue: its time passes while it is served, and its faults come over requests."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from contextlib import suppress
from email.utils import formatdate
from typing import Any, ClassVar

from connectors.simulators.control import PREFIX, Control
from connectors.simulators.faults import Faults, Rule
from connectors.simulators.request import Reply, Request, headers_of
from connectors.simulators.sockets import Receive, Scope, Send, wire_of

BODY_MOST = 8 * 2**20
NANOS = 1_000_000_000

# What a proxy before the venue says when the venue does not.
_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr></body></html>\n"
# Nothing of the request is carried out for these.
_BEFORE = frozenset(("drop-before", "hang", "429", "5xx", "html"))


class PracticeApp(ABC):
    """One practice venue as an ASGI application. ``beat_seconds``: how often it looks at its clock by itself;
    ``brand``: the title of a page where JSON was due."""

    beat_seconds: ClassVar[float]
    brand: ClassVar[str]

    def __init__(self, faults: Faults, control: Control) -> None:
        self.faults, self.control = faults, control
        self.closing = asyncio.Event()
        self.held_up = 0  # requests on their way
        self._beat: asyncio.Task[None] | None = None

    @abstractmethod
    def tick(self) -> None:
        """Let happen what is due by now."""

    @abstractmethod
    def names_of(self, request: Request) -> tuple[str, str] | None:
        """What faults call a request: its own name, and read or write. None for what the venue does not know."""

    @abstractmethod
    def answer(self, request: Request) -> Reply:
        """Carry out a request."""

    @abstractmethod
    def too_many(self) -> Reply:
        """The venue's 429."""

    @abstractmethod
    def broken(self) -> Any:
        """The body of the venue's 5xx."""

    @abstractmethod
    async def socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a websocket from the handshake to its end."""

    def date_ns(self) -> int | None:
        """UTC nanoseconds for the Date of answers; None leaves it to the server."""
        return None

    def encoded(self, request: Request, body: Any) -> tuple[str, bytes]:
        """The media type and the bytes of a body."""
        return _encoded(body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def sleep(self, seconds: float) -> None:
        """Wait, but not longer than the server lives."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)

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
            self.tick()
            await self.sleep(self.beat_seconds)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self.faults.http("websocket")
        if fault is None or wire_of(scope) is None:
            await self.socket(scope, receive, send)
        else:
            await self._cut(fault, scope, receive)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if self._beat is not None and self._beat.done():
            self._beat.result()  # a fault of the world is not to be passed over
        query = scope["query_string"].decode("latin-1")
        request = Request(scope["method"].upper(), scope["path"], query, headers_of(scope), body)
        if request.path == PREFIX or request.path.startswith(f"{PREFIX}/"):
            reply = self.control.answer(request)
            await self._send(send, reply, *_encoded(reply.body))
        else:
            await self.serve(request, scope, receive, send)

    async def serve(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of the venue's own interface, or fail as a fault has it."""
        names = self.names_of(request)
        fault = self.faults.http(*names) if names is not None else None
        if fault is not None and fault.kind == "late":
            # Held up on the way: it arrives, and its signature is judged, only then, also when its sender has gone.
            self.held_up += 1
            await self.sleep(fault.value)
            self.held_up -= 1
            if self.closing.is_set():
                return
            fault = None
        if fault is None:
            await self._reply(send, request, self.answer(request))
        else:
            await self._fail(fault, request, scope, receive, send)

    async def _fail(self, fault: Rule, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        reply = None if fault.kind in _BEFORE else self.answer(request)
        match fault.kind:
            case "429":
                await self._reply(send, request, self.too_many())
            case "5xx" | "5xx-after":
                await self._reply(send, request, Reply(int(fault.value), self.broken()))
            case "html" | "html-after":
                title = f"{int(fault.value)} Bad Gateway" if fault.value >= 400 else self.brand
                await self._send(send, Reply(int(fault.value), None), "text/html", _PAGE.format(title).encode())
            case "slow":
                await self.sleep(fault.value)
                assert reply is not None
                await self._reply(send, request, reply)
            case _:
                await self._cut(fault, scope, receive)

    async def _cut(self, fault: Rule, scope: Scope, receive: Receive) -> None:
        """Break a connection, at once or when a client has waited long enough, and see it broken."""
        if fault.kind in ("hang", "timeout"):
            await self.sleep(fault.value)
        wire = wire_of(scope)
        if wire is None:
            raise ConnectionResetError(f"fault {fault.kind}")
        wire.abort()
        while "disconnect" not in (await receive())["type"]:
            pass

    async def _reply(self, send: Send, request: Request, reply: Reply) -> None:
        await self._send(send, reply, *self.encoded(request, reply.body))

    async def _send(self, send: Send, reply: Reply, kind: str, body: bytes) -> None:
        headers, date_ns = dict(reply.headers), self.date_ns()
        if date_ns is not None:
            headers["date"] = formatdate(date_ns / NANOS, usegmt=True)
        if reply.status != 204:
            headers |= {"content-type": kind, "content-length": str(len(body))}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


def _encoded(body: Any) -> tuple[str, bytes]:
    if isinstance(body, str):
        return "text/plain", body.encode()
    return "application/json", b"" if body is None else json.dumps(body, separators=(",", ":")).encode()


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
