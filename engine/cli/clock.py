"""The wall clock. Only the edge may ask it."""

from __future__ import annotations

from collections.abc import Callable
from time import time_ns

_now: Callable[[], int] = time_ns


def now_ns() -> int:
    """UTC nanoseconds since the epoch; on a practice venue whose time is its own, by its clock."""
    return _now()


def follow(clock: Callable[[], int]) -> None:
    """Let everything in this process go by another clock: that of a practice venue."""
    global _now
    _now = clock
