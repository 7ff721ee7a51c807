"""The wall clock. Only the edge may ask it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from time import time_ns

TIMES = ["%Y-%m-%dT%H:%M", "%Y-%m-%d"]  # as an option takes them, in UTC
NANOS = 1_000_000_000
LOOK_SECONDS = 0.1  # between two looks at a clock that may jump

_now: Callable[[], int] = time_ns


def now_ns() -> int:
    """UTC nanoseconds since the epoch; on a practice venue whose time is its own, by its clock."""
    return _now()


def machine_ns() -> int:
    """UTC nanoseconds since the epoch by this machine, whatever a practice venue says: for what processes of one
    machine tell each other, such as that they live."""
    return time_ns()


def follow(clock: Callable[[], int]) -> None:
    """Let everything in this process go by another clock: that of a practice venue."""
    global _now
    _now = clock


async def sleep(seconds: float) -> None:
    """Wait so long by this clock: not longer than it takes a practice venue's time to get there."""
    if _now is time_ns:
        await asyncio.sleep(seconds)
        return
    until = now_ns() + int(seconds * NANOS)
    while (left := (until - now_ns()) / NANOS) > 0:
        await asyncio.sleep(min(left, LOOK_SECONDS))


def nanos_of(moment: datetime) -> int:
    """UTC nanoseconds of a whole second that was written without a zone."""
    return int(moment.replace(tzinfo=UTC).timestamp()) * NANOS
