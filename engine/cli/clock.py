"""The wall clock. Only the edge may ask it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from time import time_ns

TIMES = ["%Y-%m-%dT%H:%M", "%Y-%m-%d"]  # as an option takes them, in UTC

_now: Callable[[], int] = time_ns


def now_ns() -> int:
    """UTC nanoseconds since the epoch; on a practice venue whose time is its own, by its clock."""
    return _now()


def follow(clock: Callable[[], int]) -> None:
    """Let everything in this process go by another clock: that of a practice venue."""
    global _now
    _now = clock


def nanos_of(moment: datetime) -> int:
    """UTC nanoseconds of a whole second that was written without a zone."""
    return int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000_000
