"""The time of a practice exchange on this machine, which may be on a day of its own and be moved on at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import httpx

from connectors.kalshi.hosts import Hosts

EVERY_SECONDS = 0.1
PATIENCE_SECONDS = 2.0


class PracticeTime:
    """How far the exchange's time is ahead of the machine's, as it said last. It never goes back."""

    def __init__(self) -> None:
        self._ahead_ns: int | None = None

    def ahead_ns(self) -> int:
        """Nanoseconds; below zero where the exchange plays a day of the past."""
        return self._ahead_ns or 0

    async def read(self, client: httpx.AsyncClient, address: str) -> None:
        """Ask once. A stand-in that has no such clock, or does not answer, leaves things as they are."""
        with suppress(httpx.HTTPError, ValueError, KeyError, TypeError):
            told = int((await client.get(address)).json()["ahead_ns"])
            self._ahead_ns = told if self._ahead_ns is None else max(self._ahead_ns, told)

    async def keep(self, client: httpx.AsyncClient, address: str) -> None:
        """Ask again and again, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.read(client, address)


def clock_address(hosts: Hosts) -> str:
    """Where a practice exchange tells its time."""
    parts = urlsplit(hosts.rest)
    return f"{parts.scheme}://{parts.netloc}/practice/clock"


@asynccontextmanager
async def practice_time(hosts: Hosts) -> AsyncIterator[PracticeTime]:
    """The time of a practice exchange, followed while the context is open."""
    address = clock_address(hosts)
    found = PracticeTime()
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, trust_env=False) as client:
        await found.read(client, address)
        keeping = asyncio.create_task(found.keep(client, address))
        try:
            yield found
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
