"""The websocket: connects, signs anew each time, subscribes, watches for silence, and comes back after every break."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

import websockets
from websockets.asyncio.client import ClientConnection

from connectors.kalshi.book import Book
from connectors.kalshi.errors import KalshiError, NotAuthorized, error_of
from connectors.kalshi.events import Body, BookLost, Connected, Disconnected, StreamEvent
from connectors.kalshi.hosts import Hosts
from connectors.kalshi.mailbox import Mailbox
from connectors.kalshi.session import Session, SessionLost, Turn
from connectors.kalshi.sign import Signer
from connectors.kalshi.subscriptions import Channel, Command, Wanted
from connectors.transport.clock import Attempts, Clock
from connectors.transport.tasks import Background, until_one_ends
from connectors.transport.websocket import BREAKS, no_connection, open_socket
from connectors.transport.words import shorten, words_of


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Seconds, and events that may wait unread.

    ``silence``: after so long without a message the venue is asked for a sign of life; ``reply``: how long it may take
    for that and for every other reply; ``ping``: interval and patience of the protocol's own pings, which notice a
    connection that is dead at the other end; ``watch``: how often all that is looked at.
    """

    first_backoff: float = 0.5
    longest_backoff: float = 30.0
    open: float = 10.0
    silence: float = 30.0
    reply: float = 10.0
    ping: float = 10.0
    watch: float = 1.0
    unread: int = 10_000


class KalshiStream(Background):
    """``async with KalshiStream(hosts, signer) as stream: async for event in stream: …``.

    Subscribe before or while it runs. A connection that breaks is made again with all subscriptions; the reader gets
    Disconnected, then Connected, then Subscribed, and must reconcile its orders by REST at that. Messages about own
    orders and fills may come twice. NotAuthorized ends the stream.
    """

    name = "kalshi stream"

    def __init__(
        self, hosts: Hosts, signer: Signer, *, clock: Clock | None = None, settings: StreamSettings | None = None
    ) -> None:
        self._hosts = hosts
        self._signer = signer
        self._clock = clock or Clock()
        self._settings = settings or StreamSettings()
        self._wanted = Wanted()
        self._books: dict[str, Book] = {}
        self._mailbox = Mailbox(self._settings.unread)
        self._outbox: asyncio.Queue[Command] = asyncio.Queue()
        self._session: Session | None = None
        self._last_frame = 0.0
        self.connections = 0

    # -- for the reader

    def subscribe(self, channel: Channel, tickers: Iterable[str] | None = None) -> None:
        """Want a channel for ``tickers``, or for all markets (books: tickers only), on this and every connection."""
        self._wanted.add(channel, tickers)
        self._sync()

    def unsubscribe(self, channel: Channel, tickers: Iterable[str] | None = None) -> None:
        """Want a channel no more, for some ``tickers`` or at all."""
        self._wanted.remove(channel, tickers)
        self._sync()

    def book(self, ticker: str) -> Book | None:
        """The live book of a market: None when it is not subscribed or unknown at the moment."""
        found = self._books.get(ticker)
        return found if found is not None and found.ready else None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        self._mailbox.fail(_Closed())

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        """Every event; ends when the stream is left."""
        while True:
            try:
                yield await self._mailbox.get()
            except _Closed:
                return

    async def take(self) -> list[StreamEvent]:
        """Wait for an event, and take all that have come by then; raises what ended the stream."""
        return await self._mailbox.take()

    # -- connections

    async def _run(self) -> None:
        attempts = Attempts(
            self._clock, self._settings.first_backoff, self._settings.longest_backoff, self._settings.longest_backoff
        )
        down_since: int | None = None
        try:
            while True:
                attempts.began()
                before = self.connections
                reason = await self._connection(down_since)
                if self.connections > before:  # it was up, so the break begins now
                    down_since = self._clock.venue_ns()
                await self._lose(reason)
                await self._clock.sleep(attempts.wait())
        except Exception as error:
            self._mailbox.fail(error)

    async def _connection(self, down_since: int | None) -> str:
        """One connection from handshake to end; returns why it ended. NotAuthorized when the key is not accepted."""
        try:
            socket = await self._open()
        except websockets.InvalidStatus as error:
            answer = _handshake_error(error)
            if isinstance(answer, NotAuthorized):
                raise answer from None
            return str(answer)
        except BREAKS as error:
            return no_connection(self._hosts.stream, error)
        try:
            return await self._converse(socket, down_since)
        finally:
            await socket.close()

    async def _open(self) -> ClientConnection:
        path = urlsplit(self._hosts.stream).path
        headers = self._signer.headers("GET", path, self._clock.now_ns() // 1_000_000)
        return await open_socket(
            self._hosts.stream, local=self._hosts.local, patience=self._settings.open, ping=self._settings.ping,
            headers=headers,
        )  # fmt: skip

    async def _converse(self, socket: ClientConnection, down_since: int | None) -> str:
        session = Session(self._wanted, self._books, self._settings.reply)
        self._session, self._outbox = session, asyncio.Queue()
        self._last_frame = self._clock.monotonic()
        self.connections += 1
        await self._tell(Connected(down_since))
        self._sync()
        try:
            errors = await until_one_ends(self._read(socket, session), self._write(socket), self._watch(session))
        finally:
            self._session = None
        if not errors:
            return "the venue closed the connection"
        if isinstance(errors[0], (SessionLost, *BREAKS)):
            return words_of(errors[0])
        raise errors[0]

    async def _read(self, socket: ClientConnection, session: Session) -> None:
        async for frame in socket:
            received_ns = self._clock.venue_ns()
            now = self._last_frame = self._clock.monotonic()
            await self._pass_on(session.receive(frame, now), received_ns)

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            await socket.send(json.dumps(await self._outbox.get()))

    async def _watch(self, session: Session) -> None:
        while True:
            await self._clock.sleep(self._settings.watch)
            now = self._clock.monotonic()
            await self._pass_on(session.watch(now), self._clock.venue_ns())
            if now - self._last_frame > self._settings.silence and (probe := session.probe(now)) is not None:
                self._outbox.put_nowait(probe)

    async def _pass_on(self, turn: Turn, received_ns: int) -> None:
        for command in turn.commands:
            self._outbox.put_nowait(command)
        for body in turn.events:
            await self._mailbox.put(StreamEvent(received_ns, body, turn.sent_ms))

    def _sync(self) -> None:
        if self._session is not None:
            for command in self._session.sync(self._clock.monotonic()):
                self._outbox.put_nowait(command)

    async def _lose(self, reason: str) -> None:
        await self._tell(Disconnected(shorten(reason)))
        for book in self._books.values():
            if book.ready:
                book.clear()
                await self._tell(BookLost(book.ticker, "the connection was lost"))

    async def _tell(self, body: Body) -> None:
        await self._mailbox.put(StreamEvent(self._clock.venue_ns(), body))


class _Closed(Exception):
    """The stream was left on purpose."""


def _handshake_error(error: websockets.InvalidStatus) -> KalshiError:
    answer = error.response
    text = bytes(answer.body or b"").decode(errors="replace")
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    return error_of("websocket handshake", answer.status_code, body, text, writes=False)
