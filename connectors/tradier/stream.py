"""Tradier's streams: a session by REST, a websocket with it, what is wanted told to it, and back after every break."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import httpx
from websockets.asyncio.client import ClientConnection

from connectors.tradier.client import TradierRest
from connectors.tradier.errors import BadAnswer, NotAuthorized, TradierError, Unavailable
from connectors.tradier.events import Body, Down, Problem, StreamEvent, Up, event_of
from connectors.tradier.http import Listener
from connectors.transport.clock import Attempts
from connectors.transport.tasks import Background
from connectors.transport.websocket import BREAKS, no_connection, open_socket
from connectors.transport.words import shorten, words_of

FILTER = ("trade", "quote", "summary", "timesale", "tradex")
NO_SYMBOL = "$empty$"  # Tradier wants at least one
ENDLESS_SECONDS = 65_000  # a read that has no end


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Seconds, and events that may wait unread. ``ping``: interval and patience of the protocol's own pings, which
    notice a connection that is dead at the other end."""

    first_backoff: float = 0.5
    longest_backoff: float = 30.0
    open: float = 10.0
    ping: float = 10.0
    unread: int = 10_000


class TradierStream(Background):
    """``async with TradierStream(rest, symbols=["SPY"]) as stream: await stream.take()``; without symbols the account's
    orders are told. After each break the reader gets Down, then Up: what happened between was missed. NotAuthorized
    ends the stream. ``advanced`` asks for the details that Tradier sends beside. ``heard`` gets messages as they come.
    """

    name = "tradier stream"

    def __init__(
        self, rest: TradierRest, symbols: Collection[str] | None = None, *, filters: Collection[str] = FILTER,
        valid_only: bool = True, advanced: bool = False, settings: StreamSettings | None = None,
        heard: Listener | None = None,
    ) -> None:  # fmt: skip
        self._rest, self._clock = rest, rest.http.clock
        self._symbols = None if symbols is None else list(symbols)
        self._filters, self._valid_only, self._advanced = list(filters), valid_only, advanced
        self._settings, self._heard = settings or StreamSettings(), heard
        self._waiting: asyncio.Queue[StreamEvent | BaseException] = asyncio.Queue(self._settings.unread)
        self._socket: ClientConnection | None = None
        self._session = ""
        self.connections = 0

    async def take(self) -> list[StreamEvent]:
        """Wait for an event, and take all that have come by then; raises what ended the stream."""
        taken = [_event(await self._waiting.get())]
        while not self._waiting.empty():
            found = self._waiting.get_nowait()
            if isinstance(found, BaseException):
                self._waiting.put_nowait(found)
                break
            taken.append(found)
        return taken

    async def watch(self, symbols: Collection[str]) -> None:
        """Other symbols from now on; the whole list is told anew."""
        self._symbols = list(symbols)
        if self._socket is not None:
            await self._socket.send(json.dumps(self._wanted()))

    async def _run(self) -> None:
        attempts = Attempts(
            self._clock, self._settings.first_backoff, self._settings.longest_backoff, self._settings.longest_backoff
        )
        try:
            while True:
                attempts.began()
                before = self.connections
                reason = await self._connection()
                if self.connections > before:
                    await self._tell(Down(shorten(reason)))
                await self._clock.sleep(attempts.wait())
        except Exception as error:
            await self._waiting.put(error)

    async def _connection(self) -> str:
        """One connection; returns why it ended. NotAuthorized when the token is not accepted."""
        hosts, account = self._rest.http.hosts, self._symbols is None
        address = hosts.account_socket if account else hosts.market_socket
        try:
            session = await (self._rest.account_session() if account else self._rest.market_session())
        except NotAuthorized:
            raise
        except TradierError as error:
            return str(error)
        self._session = session.session_id
        try:
            socket = await open_socket(
                address, local=hosts.local, patience=self._settings.open, ping=self._settings.ping
            )
        except BREAKS as error:
            return no_connection(address, error)
        try:
            return await self._converse(socket)
        finally:
            self._socket = None
            await socket.close()

    async def _converse(self, socket: ClientConnection) -> str:
        try:
            await socket.send(json.dumps(self._wanted()))
            self._socket = socket
            self.connections += 1
            await self._tell(Up())
            async for frame in socket:
                await self._take_in(frame)
        except BREAKS as error:
            return words_of(error)
        return "Tradier closed the connection"

    def _wanted(self) -> dict[str, Any]:
        if self._symbols is None:
            return {"events": ["order"], "sessionid": self._session, "excludeAccounts": []}
        return {
            "symbols": self._symbols or [NO_SYMBOL], "sessionid": self._session, "filter": self._filters,
            "linebreak": True, "validOnly": self._valid_only, "advancedDetails": self._advanced,
        }  # fmt: skip

    async def _take_in(self, frame: str | bytes) -> None:
        text = frame if isinstance(frame, str) else frame.decode(errors="replace")
        if self._heard is not None:
            self._heard("stream", text)
        for line in filter(str.strip, text.splitlines()):
            body = _read(line)
            if body is not None:
                await self._tell(body)

    async def _tell(self, body: Body) -> None:
        await self._waiting.put(StreamEvent(self._clock.now_ns(), body))


async def http_events(
    rest: TradierRest, symbols: Collection[str], filters: Collection[str] = FILTER, *, valid_only: bool = True
) -> AsyncIterator[StreamEvent]:
    """The market stream over plain HTTP, one connection long: it ends when Tradier ends it, also after a quarter of an
    hour without data. Ask again for another, and read by REST what was missed. Unavailable when it breaks."""
    session = await rest.market_session()
    hosts = rest.http.hosts
    form = {
        "sessionid": session.session_id, "symbols": ",".join(symbols), "filter": ",".join(filters),
        "linebreak": "true", "validOnly": "true" if valid_only else "false",
    }  # fmt: skip
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    timeout = httpx.Timeout(ENDLESS_SECONDS, connect=rest.http.timeouts.connect)
    try:
        async with (
            httpx.AsyncClient(timeout=timeout, trust_env=not hosts.local, follow_redirects=False) as client,
            client.stream("POST", hosts.market_http, content=urlencode(form), headers=headers) as answer,
        ):
            if answer.status_code != 200:
                text = (await answer.aread()).decode(errors="replace")
                raise Unavailable(f"the market stream: {answer.status_code} {shorten(text)}", status=answer.status_code)
            async for line in answer.aiter_lines():
                body = _read(line) if line.strip() else None
                if body is not None:
                    yield StreamEvent(rest.http.clock.now_ns(), body)
    except httpx.HTTPError as error:
        raise Unavailable(f"the market stream broke: {words_of(error)}") from error


def _read(line: str) -> Body | None:
    try:
        raw = json.loads(line, parse_float=Decimal)
    except ValueError:
        return Problem(f"a message that is no JSON: {shorten(line)!r}")
    if not isinstance(raw, dict):
        return Problem(f"a message that is no object: {shorten(line)!r}")
    try:
        return event_of(raw)
    except BadAnswer as error:
        return Problem(str(error))


def _event(found: StreamEvent | BaseException) -> StreamEvent:
    if isinstance(found, BaseException):
        raise found
    return found

