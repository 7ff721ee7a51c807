"""A token bucket: how a venue that counts requests lets them gather, kept on our side."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens per second, and the most that can be saved up."""

    refill_rate: float
    capacity: float


class Bucket:
    """Implements ``Meter``: tokens with continuous refill. Time is in seconds of any steady clock."""

    def __init__(self, budget: Budget, now: float) -> None:
        self.budget = budget
        self._tokens = budget.capacity
        self._at = now

    def adopt(self, budget: Budget, now: float) -> None:
        """Another budget from now on; what was spent stays spent."""
        self._refill(now)
        self.budget = budget
        self._tokens = min(budget.capacity, self._tokens)

    @property
    def most(self) -> float:
        return self.budget.capacity

    def wait(self, cost: float, now: float, keep: float = 0.0) -> float:
        """Seconds until ``cost`` tokens are there beside ``keep``, if no one else takes any."""
        self._refill(now)
        return max(0.0, (cost + keep - self._tokens) / self.budget.refill_rate)

    def take(self, cost: float) -> None:
        """Reserve ``cost`` tokens, also ones that are not there yet."""
        self._tokens -= cost

    def drain(self, now: float) -> None:
        """The venue found the bucket empty: believe it."""
        self._refill(now)
        self._tokens = min(self._tokens, 0.0)

    def _refill(self, now: float) -> None:
        gained = max(0.0, now - self._at) * self.budget.refill_rate
        self._tokens = min(self.budget.capacity, self._tokens + gained)
        self._at = max(self._at, now)
