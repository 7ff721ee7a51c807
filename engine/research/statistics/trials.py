"""What was tried before a result was chosen. The count comes from a ledger that forgets nothing, never from a claim."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.research.statistics.curve import Floats
from engine.research.statistics.overfitting import Overfitting, probability_of_overfitting


@dataclass(frozen=True, eq=False)
class Trials:
    """Every set of parameters that was ever evaluated for a pack.

    ``count``: all of them. ``sharpes``: the Sharpe ratio of an event's net result (see `moments`) of each trial that
    has one. ``results``: net money by period (rows, in order of time) and trial (columns), for as many trials as have
    it over the same periods; None where none was kept.
    """

    count: int
    sharpes: Floats
    results: Floats | None = None

    @cached_property
    def overfitting(self) -> Overfitting | str:
        """How far choosing among the trials overfits, or in words why that is unknown."""
        if self.results is None:
            return "the ledger keeps no results of trials by period"
        try:
            return probability_of_overfitting(self.results)
        except ValueError as error:
            return str(error)

    @property
    def variance(self) -> float | None:
        """Variance of the trials' ratios, with n - 1; 0 for one trial, None where two ratios are not known."""
        if self.count == 1:
            return 0.0
        return float(np.var(self.sharpes, ddof=1)) if len(self.sharpes) > 1 else None
