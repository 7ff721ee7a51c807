"""What an estimator says, and what every estimator is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from connectors.arena.board import Board

DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Forecast:
    """How likely each model of the table is to lead at the check; ``unlisted``: that one which is not on it yet does.

    The seed's estimates need not add up to one; those of the model do, with ``unlisted``.
    """

    models: Mapping[str, float]
    unlisted: float = 0.0

    def of(self, models: Collection[str]) -> float:
        """How likely one of these is to lead, within 0 and 1."""
        return min(1.0, sum(self.models.get(model, 0.0) for model in models))


Estimator = Callable[[Board, float], Forecast]
"""Of a table and the days until the check, which are not below 0."""
