"""The clock of a practice venue on this machine, whose time may run faster than ours, on a day of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from connectors.tradier.errors import BadAnswer, NotSent
from connectors.tradier.hosts import Hosts
from connectors.transport.clock import Clock

LOOKS = 2


class PracticeTime(NamedTuple):
    """``now``: UTC nanoseconds by the venue's clock; ``speed``: how many times as fast as ours it runs."""

    now: Callable[[], int]
    speed: float

    def clock(self) -> Clock:
        """The same for a client: its waits pass as fast as the venue's time."""

        async def sleep(seconds: float) -> None:
            await asyncio.sleep(seconds / self.speed if self.speed else seconds)

        return Clock(self.now, lambda: self.now() / 1e9 if self.speed else time.monotonic(), sleep)


async def practice_time(hosts: Hosts) -> PracticeTime:
    """Read the clock of a practice venue once, and follow it from then on."""
    parts = urlsplit(hosts.rest)
    address = f"{parts.scheme}://{parts.netloc}/practice/clock"
    try:
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
            for _ in range(LOOKS):  # the first makes the connection, which takes longer than there and back
                asked = time.monotonic_ns()
                answer = await client.get(address, headers={"Accept": "application/json"})
                began = (asked + time.monotonic_ns()) // 2
    except httpx.HTTPError as error:
        raise NotSent(
            f"no connection to {parts.netloc} ({error or type(error).__name__}): start the practice venue there "
            "(engine simulate tradier), or name its address"
        ) from error
    try:
        told = answer.json()
        start, speed = int(told["now_ns"]), float(told["speed"])
    except (ValueError, KeyError, TypeError):
        raise BadAnswer(f"GET {address}: {answer.status_code} and no clock of a practice Tradier") from None
    return PracticeTime(lambda: start + int((time.monotonic_ns() - began) * speed), speed)
