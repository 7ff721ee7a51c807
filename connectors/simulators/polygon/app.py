"""The ASGI application: REST, websockets and the control side of one practice vendor."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import suppress
from typing import Any

from connectors.simulators.kalshi.faults import Rule
from connectors.simulators.polygon import faults
from connectors.simulators.polygon.hub import Client, Hub
from connectors.simulators.polygon.messages import CHANNELS, Message
from connectors.simulators.polygon.rest import Reply, Request, answer, route
from connectors.simulators.polygon.vendor import Vendor
from connectors.simulators.wire import Wire

PREFIX = "/practice/"
BEAT_SECONDS = 0.02
LONGEST_STEP_NS = 7 * 86_400 * 1_000_000_000

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
_TOO_MANY = {"status": "ERROR", "error": "You've exceeded the maximum requests per minute, please wait or upgrade."}


class App:
    """One practice vendor. With a clock that runs, time passes while it is served."""

    def __init__(self, vendor: Vendor, control_token: str) -> None:
        self.vendor, self.hub, self.control_token = vendor, Hub(vendor), control_token
        self.closing = asyncio.Event()
        self._beat: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await _Socket(self, scope, receive, send).run()
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
            if self.vendor.clock.speed:
                self.hub.advance()
            await self.sleep(BEAT_SECONDS)

    async def sleep(self, seconds: float) -> None:
        """Wait, but not longer than the server lives."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.closing.wait(), seconds)

    # -- REST

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        if self._beat is not None and self._beat.done():
            self._beat.result()  # a fault of the world is not to be passed over
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        method, path = scope["method"].upper(), scope["path"]
        if path.startswith(PREFIX):
            await _send(send, self._control(method, path.removeprefix(PREFIX), headers, body))
            return
        if method != "GET":
            await _send(send, Reply(405, {"status": "ERROR", "error": "method not allowed"}))
            return
        root = f"http://{headers.get('host', '127.0.0.1')}"
        request = Request(path, scope["query_string"].decode("latin-1"), headers, root)
        found = route(path)
        fault = self.vendor.faults.http(found[0], "read") if found is not None else None
        if fault is None:
            await _send(send, answer(self.vendor, request))
        else:
            await self._fail(scope, receive, send, fault, request)

    async def _fail(self, scope: Scope, receive: Receive, send: Send, fault: Rule, request: Request) -> None:
        match fault.kind:
            case "429":
                await _send(send, Reply(429, _TOO_MANY))
            case "5xx":
                await _send(send, Reply(int(fault.value), {"status": "ERROR", "error": "internal error"}))
            case "html":
                await _send_bytes(send, int(fault.value), b"text/html", _PAGE.encode())
            case "slow":
                await self.sleep(fault.value)
                await _send(send, answer(self.vendor, request))
            case _:
                if fault.kind == "hang":
                    await self.sleep(fault.value)
                wire: Wire | None = scope.get("extensions", {}).get("practice.wire")
                if wire is None:
                    raise ConnectionResetError(f"fault {fault.kind}")
                wire.abort()
                while "disconnect" not in (await receive())["type"]:
                    pass

    # -- control

    def _control(self, method: str, action: str, headers: dict[str, str], body: bytes) -> Reply:
        """``GET clock`` is for everyone on this machine; what changes something needs the token."""
        if (method, action) == ("GET", "clock"):
            return Reply(200, {"now_ns": self.vendor.now(), "speed": self.vendor.clock.speed or 1.0})
        if not hmac.compare_digest(headers.get("authorization", ""), f"Bearer {self.control_token}"):
            return Reply(401, {"error": "the control token is missing or wrong"})
        try:
            values = json.loads(body or b"{}")
            match method, action:
                case "POST", "clock":
                    step = int(values["advance_ms"]) * 1_000_000
                    if not 0 <= step <= LONGEST_STEP_NS:
                        raise ValueError("advance_ms: time moves forward, and by a week at most")
                    self.vendor.clock.step(step)
                    self.hub.advance()
                    return Reply(200, {"now_ns": self.vendor.now()})
                case "POST", "faults":
                    faults.check(values["spec"])
                    self.vendor.faults.set(values["spec"])
                    return Reply(200, {"rules": len(self.vendor.faults.rules)})
                case "GET", "state":
                    rules = [
                        {"kind": rule.kind, "scope": rule.scope, "seen": rule.seen, "fired": rule.fired}
                        for rule in self.vendor.faults.rules
                    ]
                    connected = [client.cluster for client in self.hub.clients]
                    return Reply(200, {"requests": self.vendor.requests, "connected": connected, "faults": rules})
        except KeyError as error:
            return Reply(400, {"error": f"the body has no {error.args[0]}"})
        except (ValueError, TypeError, AttributeError) as error:
            return Reply(400, {"error": str(error)})
        return Reply(404, {"error": "there are GET clock, POST clock, POST faults, GET state"})


class _Broken(Exception):
    """The connection ends without a word."""


class _Socket:
    """One websocket from handshake to end, with the faults that are on."""

    def __init__(self, app: App, scope: Scope, receive: Receive, send: Send) -> None:
        self._app, self._receive, self._send = app, receive, send
        self._wire: Wire | None = scope.get("extensions", {}).get("practice.wire")
        self._cluster = scope["path"].strip("/")
        self._waiting: asyncio.Queue[Sequence[Message] | tuple[int, str]] = asyncio.Queue()
        self._held: Message | None = None

    async def run(self) -> None:
        await self._receive()
        if self._cluster not in CHANNELS:
            await self._send({"type": "websocket.close", "code": 1000})
            return
        await self._send({"type": "websocket.accept"})
        put = self._waiting.put_nowait
        client = Client(self._cluster, put, lambda code, why: put((code, why)))
        self._app.hub.enter(client)
        tasks = (asyncio.ensure_future(self._read(client)), asyncio.ensure_future(self._write()))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._app.hub.leave(client)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        if any(isinstance(end, _Broken) for end in ended) and self._wire is not None:
            self._wire.abort()
        for end in ended:
            if isinstance(end, Exception) and not isinstance(end, _Broken):
                raise end

    async def _read(self, client: Client) -> None:
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            self._app.hub.command(client, text if text is not None else event["bytes"].decode("utf-8", "replace"))

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
        fault = self._app.vendor.faults.frame(message["ev"].lower(), "websocket")
        held, self._held = self._held, None
        found = [message]
        match fault.kind if fault is not None else None:
            case "ws-lose":
                found = []
            case "ws-duplicate":
                found = [message, message]
            case "ws-reorder":
                found, self._held = [], message
            case "ws-close":
                raise _Broken
            case "ws-half-open":
                if self._wire is not None:
                    self._wire.fall_silent()
        return [*found, held] if held is not None else found


async def _send(send: Send, reply: Reply) -> None:
    await _send_bytes(send, reply.status, b"application/json", json.dumps(reply.body, separators=(",", ":")).encode())


async def _send_bytes(send: Send, status: int, kind: bytes, body: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        event = await receive()
        parts.append(event.get("body", b""))
        if not event.get("more_body"):
            return b"".join(parts)[: 1 << 20]
