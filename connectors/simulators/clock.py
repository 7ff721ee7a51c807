"""The time of a practice market: as fast as the machine's, so many times as fast, or standing until it is moved."""

from __future__ import annotations

import time

NANOS = 1_000_000_000


class PracticeClock:
    """UTC nanoseconds from ``start_ns`` on. ``speed``: market seconds a real second; 0 stands still until ``step``.

    ``began``: when it was ``start_ns``, in steady seconds of this machine; None is now.
    """

    def __init__(self, start_ns: int, speed: float = 1.0, began: float | None = None) -> None:
        self.speed = speed
        self._start_ns, self._began_ns = start_ns, time.monotonic_ns() if began is None else int(began * NANOS)

    def now(self) -> int:
        """The market's time."""
        return self._start_ns + int((time.monotonic_ns() - self._began_ns) * self.speed)

    def step(self, duration_ns: int) -> None:
        """Let time pass at once."""
        self._start_ns += duration_ns
