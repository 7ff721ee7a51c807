"""Time and chance of a connector, passed in so that tests and replays command them, and waits between attempts."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """``now_ns``: UTC nanoseconds; ``monotonic``: steady seconds; ``sleep``: seconds; ``jitter``: a draw in [0, 1).

    ``ahead_ns``: how far the venue's time is ahead of the clock by which it judges signatures. A practice exchange may
    be on a day of its own, and still wants requests signed for today.
    """

    now_ns: Callable[[], int] = time.time_ns
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
    ahead_ns: Callable[[], int] = lambda: 0

    def venue_ns(self) -> int:
        """UTC nanoseconds by the venue's time, in which everything but signatures is told."""
        return self.now_ns() + self.ahead_ns()


def backoff(attempt: int, first: float, longest: float, jitter: float) -> float:
    """Seconds before try ``attempt`` (1 is the first repetition): doubling, at most ``longest``, fully jittered."""
    return min(longest, first * 2.0 ** min(attempt - 1, 32)) * jitter


class Attempts:
    """Waits between connections: longer after each that broke soon, short again after one that lasted ``stable``
    seconds. Begin each connection with ``began``."""

    def __init__(self, clock: Clock, first: float, longest: float, stable: float) -> None:
        self._clock, self._first, self._longest, self._stable = clock, first, longest, stable
        self._attempt = 0
        self._began = 0.0

    def began(self) -> None:
        """A connection is tried now."""
        self._began = self._clock.monotonic()

    def wait(self) -> float:
        """Seconds to wait now that it is over."""
        lasted = self._clock.monotonic() - self._began
        self._attempt = 1 if lasted > self._stable else self._attempt + 1
        return backoff(self._attempt, self._first, self._longest, self._clock.jitter())
