"""The websockets, one for each family: connect, give the key, subscribe, and come back after every break."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection

from connectors.polygon.errors import NotEntitled, PolygonError
from connectors.polygon.events import Dropped, Event, Lost
from connectors.polygon.hosts import Hosts
from connectors.polygon.http import Listener
from connectors.polygon.session import Session, SessionLost, Turn, Wanted
from connectors.polygon.tickers import Cluster, cluster_of
from connectors.transport.clock import Attempts, Clock
from connectors.transport.tasks import Background, until_one_ends
from connectors.transport.websocket import BREAKS, no_connection, open_socket
from connectors.transport.words import shorten, words_of


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Seconds, and events that may wait unread.

    ``stable``: a connection that lasted so long was a good one, and the next break is the first again. ``ping``:
    interval and patience of the protocol's own pings, which notice a connection that is dead at the other end.
    """

    first_backoff: float = 0.5
    longest_backoff: float = 30.0
    stable: float = 10.0
    open: float = 10.0
    reply: float = 10.0
    ping: float = 10.0
    watch: float = 1.0
    unread: int = 200_000


class PolygonStream(Background):
    """``async with PolygonStream(hosts, key, channels) as stream: events = await stream.take()``.

    ``channels`` are such as ``AM.SPY`` and ``V.I:SPX``; each goes to the websocket of its family. The reader gets
    Ready for each family, after a break Lost and Ready again, and Dropped for a channel that is refused. Nothing is
    told again of what a break has missed. BadKey ends the stream, NotEntitled that family; when no channel is left
    the stream ends with NotEntitled. ``heard`` gets messages as they come, with the family of each.
    """

    name = "polygon stream"

    def __init__(
        self,
        hosts: Hosts,
        key: str,
        channels: Iterable[str],
        *,
        clock: Clock | None = None,
        settings: StreamSettings | None = None,
        heard: Listener | None = None,
    ) -> None:
        self._heard = heard
        self._hosts, self._key = hosts, key
        self._clock = clock or Clock()
        self._settings = settings or StreamSettings()
        self._wanted: dict[Cluster, Wanted] = {}
        for channel in channels:
            cluster = cluster_of(channel.partition(".")[2])
            self._wanted.setdefault(cluster, Wanted(cluster)).add([channel])
        self._events: asyncio.Queue[Event] = asyncio.Queue(self._settings.unread)
        self.connections = 0

    @property
    def clusters(self) -> frozenset[Cluster]:
        """The families that still have a channel."""
        return frozenset(cluster for cluster, wanted in self._wanted.items() if wanted.channels)

    @property
    def channels(self) -> frozenset[str]:
        """The channels that are wanted and not refused."""
        return frozenset(channel for wanted in self._wanted.values() for channel in wanted.channels)

    @property
    def unread(self) -> int:
        """How many events wait for the reader."""
        return self._events.qsize()

    async def take(self, timeout: float | None = None) -> list[Event]:
        """Wait for an event, at most ``timeout`` seconds, and take all that are there; raises what ended the stream."""
        taken: list[Event] = []
        if self._events.empty():
            first = await self._first(timeout)
            if first is not None:
                taken.append(first)
        while not self._events.empty():
            taken.append(self._events.get_nowait())
        return taken

    async def _first(self, timeout: float | None) -> Event | None:
        assert self._runner is not None, "take is for an open stream"
        getting = asyncio.ensure_future(self._events.get())
        try:
            await asyncio.wait((getting, self._runner), timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return getting.result()
            if self._runner.done():
                self._runner.result()
                raise PolygonError("the stream has ended")
            return None
        finally:
            getting.cancel()

    # -- connections

    async def _run(self) -> None:
        """All families, until each has ended or one failed for all of them."""
        tasks = [asyncio.create_task(self._family(wanted)) for wanted in self._wanted.values()]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        raise NotEntitled("websocket: no channel is left that the plan of the key includes")

    async def _family(self, wanted: Wanted) -> None:
        attempts = Attempts(
            self._clock, self._settings.first_backoff, self._settings.longest_backoff, self._settings.stable
        )
        while wanted.channels:
            attempts.began()
            wait = 0.0
            try:
                reason = await self._connection(wanted)
            except NotEntitled as error:
                for channel in list(wanted.channels):
                    wanted.drop(channel)
                    await self._events.put(Dropped(channel, str(error)))
                return
            except SessionLost as error:
                reason, wait = str(error), error.wait
            again = attempts.wait()
            await self._events.put(Lost(wanted.cluster, shorten(reason)))
            if wanted.channels:
                await self._clock.sleep(max(wait, again))

    async def _connection(self, wanted: Wanted) -> str:
        """One connection from handshake to end; returns why it ended."""
        address = self._hosts.socket(wanted.cluster)
        try:
            socket = await open_socket(
                address, local=self._hosts.local, patience=self._settings.open, ping=self._settings.ping
            )
        except BREAKS as error:
            return no_connection(address, error)
        try:
            return await self._converse(socket, wanted)
        finally:
            await socket.close()

    async def _converse(self, socket: ClientConnection, wanted: Wanted) -> str:
        session = Session(wanted, self._key, self._clock.monotonic(), self._settings.reply)
        self.connections += 1
        errors = await until_one_ends(self._read(socket, session, wanted), self._watch(socket, session, wanted))
        if not errors:
            return "nothing is left to be told" if not wanted.channels else "the vendor closed the connection"
        if isinstance(errors[0], BREAKS):
            return words_of(errors[0])
        raise errors[0]

    async def _read(self, socket: ClientConnection, session: Session, wanted: Wanted) -> None:
        async for frame in socket:
            if self._heard is not None:
                text = frame if isinstance(frame, str) else frame.decode(errors="replace")
                self._heard(f"stream {wanted.cluster.value}", text)
            await self._pass_on(socket, session.receive(frame, self._clock.monotonic()))
            if not wanted.channels:
                return

    async def _watch(self, socket: ClientConnection, session: Session, wanted: Wanted) -> None:
        while wanted.channels:
            await self._clock.sleep(self._settings.watch)
            await self._pass_on(socket, session.watch(self._clock.monotonic()))

    async def _pass_on(self, socket: ClientConnection, turn: Turn) -> None:
        for command in turn.commands:
            await socket.send(json.dumps(command))
        for event in turn.events:
            await self._events.put(event)
