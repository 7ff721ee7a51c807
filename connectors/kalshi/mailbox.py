"""The queue between the socket and its reader: bounded, and a slow reader sees the latest state, not every step."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable

from connectors.kalshi.events import StreamEvent, conflation_key


class Mailbox:
    """Events in order. An unread state (book, ticker) takes the value of a newer one in its place.

    ``most``: events that wait before the socket is no longer read; the venue then cuts the connection off, and the
    reader learns of it. Nothing but states is ever dropped.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[list[StreamEvent]] = deque()
        self._slots: dict[Hashable, list[StreamEvent]] = {}
        self._failure: BaseException | None = None
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    async def put(self, event: StreamEvent) -> None:
        """Add ``event``, or wait while the box is full."""
        key = conflation_key(event.body)
        if key is not None and key in self._slots:
            self._slots[key][0] = event
            return
        while len(self._waiting) >= self._most:
            self._emptied.clear()
            await self._emptied.wait()
        slot = [event]
        self._waiting.append(slot)
        if key is not None:
            self._slots[key] = slot
        self._filled.set()

    def fail(self, error: BaseException) -> None:
        """Let the reader get ``error`` once everything before it is read."""
        self._failure = error
        self._filled.set()

    async def get(self) -> StreamEvent:
        """The oldest event, waiting for one; raises what ``fail`` said when there is none left."""
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            self._filled.clear()
            await self._filled.wait()
        event = self._waiting.popleft()[0]
        self._slots.pop(conflation_key(event.body), None)
        self._emptied.set()
        return event
