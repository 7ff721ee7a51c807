"""The time of a market: this machine's, or that of the practice vendor, which may run faster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from connectors.polygon.errors import BadAnswer, Unavailable
from connectors.polygon.hosts import Hosts

CLOCK_PATH = "/practice/clock"
ANSWER_SECONDS = 5.0
LOOKS = 2
NANOS = 1_000_000_000
DELAY_NS = 15 * 60 * NANOS


@dataclass(frozen=True, slots=True)
class MarketClock:
    """``speed``: market seconds a real second."""

    start_ns: int
    began: float
    speed: float = 1.0
    monotonic: Callable[[], float] = time.monotonic

    def now_ns(self) -> int:
        """The market's time in UTC nanoseconds."""
        return self.start_ns + int((self.monotonic() - self.began) * self.speed * NANOS)

    def seconds_until(self, time_ns: int) -> float:
        """Real seconds until a time of the market; 0 when it has passed."""
        return max(0.0, (time_ns - self.now_ns()) / NANOS / self.speed)

    async def wait_until(self, time_ns: int) -> None:
        """Sleep until a time of the market."""
        while (wait := self.seconds_until(time_ns)) > 0:
            await asyncio.sleep(wait)


@dataclass(frozen=True, slots=True)
class WallClock(MarketClock):
    """The time of this machine, which NTP may set meanwhile, less what the data is late by."""

    start_ns: int = 0
    began: float = 0.0
    late_ns: int = 0

    def now_ns(self) -> int:
        return time.time_ns() - self.late_ns


async def market_clock(hosts: Hosts, *, delayed: bool = False) -> MarketClock:
    """The clock that the vendor's data goes by: the practice vendor is asked for its own.

    ``delayed``: what is told is 15 minutes old, and so is the end of the history.
    """
    if not hosts.local:
        return WallClock(late_ns=DELAY_NS if delayed else 0)
    try:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
            for _ in range(LOOKS):  # the first makes the connection, which takes longer than there and back
                asked = time.monotonic()
                answer = await client.get(hosts.rest + CLOCK_PATH)
                began = (asked + time.monotonic()) / 2
        said = answer.raise_for_status().json()
        return MarketClock(int(said["now_ns"]), began, float(said["speed"]))
    except httpx.HTTPError as error:
        raise Unavailable(
            f"GET {CLOCK_PATH}: {str(error) or type(error).__name__}; "
            "is the practice vendor running there (engine simulate polygon)?"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadAnswer(f"GET {CLOCK_PATH}: this is not the practice vendor's clock ({error})") from error
