"""The exchange's time: the machine's, or one that only moves when told."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """UTC nanoseconds. ``stepped`` says that time stands still between calls of ``step``."""

    @property
    def stepped(self) -> bool: ...

    @property
    def ahead_ns(self) -> int:
        """How far it is ahead of the machine's clock, for clients that follow it; 0 where time stands still."""
        ...

    def now(self) -> int: ...

    def signing(self) -> int:
        """What a client's clock shows when it signs: not moved by ``step`` where time is real."""
        ...

    def step(self, duration_ns: int) -> None:
        """Let time pass at once; on a real clock everything from then on is that much later."""
        ...


class RealClock:
    """``begin_ns``: what it shows first; None is the machine's time."""

    stepped = False

    def __init__(self, begin_ns: int | None = None) -> None:
        self._ahead_ns = 0 if begin_ns is None else begin_ns - time.time_ns()

    @property
    def ahead_ns(self) -> int:
        return self._ahead_ns

    def now(self) -> int:
        return time.time_ns() + self._ahead_ns

    def signing(self) -> int:
        return time.time_ns()

    def step(self, duration_ns: int) -> None:
        self._ahead_ns += duration_ns


class SteppedClock:
    stepped = True
    ahead_ns = 0

    def __init__(self, start_ns: int) -> None:
        self._now = start_ns

    def now(self) -> int:
        return self._now

    def signing(self) -> int:
        return self._now

    def step(self, duration_ns: int) -> None:
        self._now += duration_ns
