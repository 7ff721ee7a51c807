"""What was tried before a result was chosen. The count comes from a ledger that forgets nothing, never from a claim."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.research.statistics.curve import Floats
from engine.research.statistics.overfitting import Overfitting, probability_of_overfitting

MIN_TRIAL_EVENTS = 3


@dataclass(frozen=True, eq=False)
class Trials:
    """Every set of parameters that was ever evaluated for a pack.

    ``count``: all of them. ``events``: of each trial that traded, how many events it traded (see `event_of`).
    ``results``: net money by period (rows, in order of time) and trial (columns), for the trials of which it is kept
    over the same periods; None where there are none, for ``why_no_results``.
    """

    count: int
    events: Floats
    results: Floats | None = None
    why_no_results: str = "the ledger keeps no results of trials by period"

    @cached_property
    def overfitting(self) -> Overfitting | str:
        """How far choosing among the trials overfits, or in words why that is unknown."""
        if self.results is None:
            return self.why_no_results
        try:
            return probability_of_overfitting(self.results)
        except ValueError as error:
            return str(error)

    @cached_property
    def chance_variance(self) -> float | None:
        """Variance among the trials' Sharpe ratios per event that chance alone would give: mean of 1 / (n - 1) over
        trials of n events, times 1 - r with r their mean correlation; 0 for one trial, None where no trial has
        `MIN_TRIAL_EVENTS` events.

        r is 0 unless results of all trials are kept. Bailey and Lopez de Prado take the variance that is found, which
        is the same where no set has skill. Where some have, the differences of skill are in it too, and a good set
        would be held back by being better than bad ones.
        """
        if self.count == 1:
            return 0.0
        traded = self.events[self.events >= MIN_TRIAL_EVENTS]
        if not len(traded):
            return None
        every = self.results is not None and self.results.shape[1] == self.count
        shared = mean_correlation(self.results) if every and self.results is not None else 0.0
        return float((1 / (traded - 1)).mean()) * (1 - shared)


def mean_correlation(results: Floats) -> float:
    """Mean correlation of all pairs of columns that vary, between 0 and 1; 0 where fewer than two do."""
    centred = results - results.mean(axis=0)
    norms = np.sqrt((centred**2).sum(axis=0))
    varies = norms > 1e-12 * np.maximum(np.abs(results).max(axis=0), 1e-300)
    count = int(varies.sum())
    if count < 2:
        return 0.0
    together = (centred[:, varies] / norms[varies]).sum(axis=1)
    return min(max((float((together**2).sum()) - count) / (count * (count - 1)), 0.0), 1.0)
