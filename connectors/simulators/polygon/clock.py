"""The market's time: it runs at a chosen speed, or stands still until it is moved."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

NANOS = 1_000_000_000


class Clock(Protocol):
    """UTC nanoseconds of the market; ``speed`` is market seconds a real second, 0 where it stands still."""

    @property
    def speed(self) -> float: ...

    def now(self) -> int: ...

    def step(self, duration_ns: int) -> None:
        """Let that much time pass at once."""
        ...


class RunningClock:
    """Begins at ``start_ns``."""

    def __init__(self, start_ns: int, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self._start_ns = start_ns
        self._monotonic = monotonic
        self._began = monotonic()

    def now(self) -> int:
        return self._start_ns + int((self._monotonic() - self._began) * self.speed * NANOS)

    def step(self, duration_ns: int) -> None:
        self._start_ns += duration_ns


class SteppedClock:
    """Moves only by ``step``."""

    speed = 0.0

    def __init__(self, start_ns: int) -> None:
        self._now = start_ns

    def now(self) -> int:
        return self._now

    def step(self, duration_ns: int) -> None:
        self._now += duration_ns
