"""Time and chance of the connector, passed in so that tests and replays command them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """``now_ns``: UTC nanoseconds; ``monotonic``: steady seconds; ``sleep``: seconds; ``jitter``: a draw in [0, 1)."""

    now_ns: Callable[[], int] = time.time_ns
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random


def backoff(attempt: int, first: float, longest: float, jitter: float) -> float:
    """Seconds before try ``attempt`` (1 is the first repetition): doubling, at most ``longest``, fully jittered."""
    return min(longest, first * 2.0 ** min(attempt - 1, 32)) * jitter
