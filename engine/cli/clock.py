"""The wall clock. Only the edge may ask it."""

from __future__ import annotations

from time import time_ns


def now_ns() -> int:
    """UTC nanoseconds since the epoch."""
    return time_ns()
