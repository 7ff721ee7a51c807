"""What is due when. Things due at one instant happen in the order in which they were set."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True, slots=True)
class Timer:
    due_ns: int
    count: int
    act: Callable[[], None] = field(compare=False)


class Timers:
    def __init__(self) -> None:
        self._waiting: list[Timer] = []
        self._count = 0

    def at(self, due_ns: int, act: Callable[[], None]) -> None:
        """Call ``act`` once time has reached ``due_ns``; a time already past is due at once."""
        self._count += 1
        heapq.heappush(self._waiting, Timer(due_ns, self._count, act))

    def next_ns(self) -> int | None:
        return self._waiting[0].due_ns if self._waiting else None

    def pop(self, now: int) -> Timer | None:
        """The first that is due by ``now``, taken away."""
        return heapq.heappop(self._waiting) if self._waiting and self._waiting[0].due_ns <= now else None
