"""Whether a set stands on a plateau: a peak that falls off at the next value was found by chance more often than not.

Robert Pardo, "The Evaluation and Optimization of Trading Strategies", 2nd ed., 2008, on robust parameter choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from engine.research.results import money
from engine.research.sweep.space import ParameterSet, Space

KEPT_SHARE = 0.7
"""A neighbour holds when it keeps this much of the expectancy."""

Key = tuple[tuple[str, float], ...]


def key_of(parameters: ParameterSet) -> Key:
    """The same for equal sets, in whatever order their values stand."""
    return tuple(sorted(parameters.items()))


@dataclass(frozen=True, slots=True)
class Plateau:
    """How many sets lie one step away, how many of those were evaluated, how many of them keep enough of the
    expectancy, and their mean one (money per trade).

    ``holds`` is None where that is not known: the set itself earns nothing, or less than half of its neighbours were
    evaluated.
    """

    neighbours: int
    evaluated: int
    kept: int
    mean_expectancy: float | None
    holds: bool | None

    def to_json(self) -> dict[str, Any]:
        return {
            "neighbours": self.neighbours,
            "evaluated": self.evaluated,
            "kept": self.kept,
            "mean_expectancy": self.mean_expectancy,
            "holds": self.holds,
        }


def plateau(space: Space, parameters: ParameterSet, expectancy: Mapping[Key, float | None]) -> Plateau:
    """The plateau around a set; ``expectancy`` (money per trade, None unknown) by set, of all that were evaluated."""
    around = space.neighbours(parameters)
    found: Sequence[float | None] = [expectancy[key] for key in map(key_of, around) if key in expectancy]
    known = [value for value in found if value is not None]
    own = expectancy[key_of(parameters)]
    kept = 0 if own is None or own <= 0 else sum(value >= KEPT_SHARE * own for value in known)
    unknown = own is None or own <= 0 or not found or 2 * len(found) < len(around)
    return Plateau(
        len(around), len(found), kept, money(fsum(known) / len(known)) if known else None,
        None if unknown else kept == len(found),
    )  # fmt: skip
