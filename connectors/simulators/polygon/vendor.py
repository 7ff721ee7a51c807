"""The vendor's state: whose keys count, what they include, what has traded by now. No I/O."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.simulators.clock import PracticeClock
from connectors.simulators.faults import Faults
from connectors.simulators.polygon.faults import KINDS, SCOPES
from connectors.simulators.polygon.tape import Tape

WINDOW_SECONDS = 60.0


@dataclass(slots=True)
class Options:
    """``refused``: tickers (``I:NDX``) and channels (``Q``) that the plan does not include; ``quotes`` and ``trades``
    say whether snapshots carry them. ``per_minute``: requests, 0 for no limit. ``connections``: websockets of a family
    for one key; beyond it the oldest is cut off, or the newest. ``lag_ns``: how late minutes are told.
    """

    seed: int = 7
    refused: frozenset[str] = frozenset()
    quotes: bool = True
    delayed: bool = False
    per_minute: int = 0
    connections: int = 1
    evict_newest: bool = False
    lag_ns: int = 1_000_000_000


@dataclass
class Vendor:
    """``steady`` gives real seconds, which requests are counted by."""

    tape: Tape
    clock: PracticeClock
    key: str
    options: Options = field(default_factory=Options)
    fault_spec: str = ""
    steady: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.faults = Faults(self.options.seed, KINDS, SCOPES, self.fault_spec)
        self._asked: deque[float] = deque()
        self.requests = 0

    def now(self) -> int:
        return self.clock.now()

    def includes(self, *names: str) -> bool:
        """Whether the plan includes all of these tickers and channels."""
        return not self.options.refused.intersection(names)

    def admit(self) -> bool:
        """Count a request; whether the plan allows it now."""
        self.requests += 1
        if not self.options.per_minute:
            return True
        now = self.steady()
        while self._asked and self._asked[0] <= now - WINDOW_SECONDS:
            self._asked.popleft()
        if len(self._asked) >= self.options.per_minute:
            return False
        self._asked.append(now)
        return True
