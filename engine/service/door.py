"""Who comes in: sizes of bodies, tokens, and how often one caller may ask. Before any route is looked at."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.service.problems import ServiceError
from engine.service.tokens import Token, TokenError, TokenFile

LARGEST_BODY = 64 * 1024
BURST_SECONDS = 2.0  # a caller that was quiet may ask at once for as much as this long gives
MOST_CALLERS = 10_000
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``token`` None: nobody, who may read where reading is open. ``local``: by a name of this machine."""

    name: str
    token: Token | None
    local: bool


class RateLimit:
    """A bucket of requests for each caller, filled at ``per_second``."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = per_second, clock
        self._most = max(1.0, per_second * BURST_SECONDS)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, caller: str) -> float:
        """Take one request out of a caller's bucket; how many seconds until there is one again, 0 when there was."""
        now = self._clock()
        left, then = self._buckets.pop(caller, (self._most, now))
        left = min(self._most, left + (now - then) * self._rate)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate
        self._buckets[caller] = (left - 1 if not wait else left, now)
        while len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
        return wait


class Door:
    """ASGI middleware. Puts a ``Caller`` into ``scope["caller"]``."""

    def __init__(self, app: ASGIApp, tokens: TokenFile, limit: RateLimit, largest: int = LARGEST_BODY) -> None:
        self._app, self._tokens, self._limit, self._largest = app, tokens, limit, largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            scope["caller"] = self._caller(scope)
            body = await self._body(scope, receive)
        except ServiceError as error:
            await _refuse(error, send)
            return
        await self._app(scope, _given(body, receive), send)

    def _caller(self, scope: Scope) -> Caller:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        client = scope.get("client")
        host = client[0] if client else "unknown"
        said = headers.get("authorization")
        token = None
        if said is not None:
            kind, _, text = said.partition(" ")
            try:
                token = self._tokens.check(text.strip()) if kind.lower() == "bearer" else None
            except TokenError as error:
                raise ServiceError(503, "tokens", str(error)) from None
        name = f"token {token.id} ({token.name})" if token is not None else f"host {host}"
        # Whoever reads too much can still halt, cancel and flatten.
        wait = self._limit.wait(f"{name} {'acts' if scope['method'] == 'POST' else 'reads'}")
        if wait:
            raise ServiceError(
                429, "too_many_requests", "too many requests; ask again later", retry_after=wait,
            )  # fmt: skip
        if said is not None and token is None:
            raise ServiceError(401, "unknown_token", "this token is not known; make one with `engine serve token`")
        return Caller(name, token, _name_of(headers.get("host", "")) in LOOPBACK_NAMES)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body, which is small; refused as soon as it is too large."""
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ServiceError(400, "disconnected", "the caller went away")
            part = message.get("body", b"")
            size += len(part)
            if size > self._largest:
                raise ServiceError(413, "body_too_large", f"the body has more than {self._largest} bytes")
            parts.append(part)
            more = message.get("more_body", False)
        return b"".join(parts)


def _given(body: bytes, receive: Receive) -> Receive:
    """The body again, for those behind the door."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(error: ServiceError, send: Send) -> None:
    body = json.dumps(error.body()).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **error.headers()}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _name_of(host: str) -> str:
    """The name in a Host header, its port apart."""
    return host if host.endswith("]") or ":" not in host else host.rpartition(":")[0]
