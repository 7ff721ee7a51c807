"""A clock that moves when told, and wakes whoever sleeps by it."""

from __future__ import annotations

import asyncio


class Steps:
    """``now`` is in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, sleeper))
        await sleeper

    async def to(self, now: float) -> None:
        """Everybody who is due by then wakes in turn."""
        await settle()
        while due := sorted(one for one in self._sleepers if one[0] <= now and not one[1].done()):
            self.now = max(self.now, due[0][0])
            self._sleepers.remove(due[0])
            due[0][1].set_result(None)
            await settle()
        self.now = now
        await settle()


async def settle() -> None:
    """Let everything go on that can."""
    for _ in range(20):
        await asyncio.sleep(0)
