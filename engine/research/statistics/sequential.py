"""A lower bound that holds however often one looks, for a gate that is asked every day until it passes."""

from __future__ import annotations

import math

from engine.research.statistics.bootstrap import MIN_EVENTS
from engine.research.statistics.events import EventResults

TUNED_FOR = 300
"""Number of events at which the bound is tightest."""


def anytime_lower_bound(events: EventResults, confidence: float = 0.95) -> float | None:
    """Lower bound of the mean net result of a trade, money, valid at all times at once; None below `MIN_EVENTS`
    events or where results do not vary.

    mean - s / n * sqrt(2 (K r^2 + 1) / r^2 * log(1 + sqrt(K r^2 + 1) / (2 a))), over K events, with a = 1 - confidence,
    s the standard deviation of an event's residual y_k - m n_k, n the mean trades of an event, and r^2 = (-2 log 2a +
    log(1 - 2 log 2a)) / `TUNED_FOR`; all of it divided by K. I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy and
    A. Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics 52(6),
    2024 (one-sided form); the boundary is the one-sided normal mixture of S. Howard et al., Annals of Statistics
    49(2), 2021.
    """
    count = len(events.net)
    if count < MIN_EVENTS:
        return None
    whole = float(events.trades.sum())
    mean = float(events.net.sum()) / whole
    residuals = events.net - mean * events.trades
    spread = math.sqrt(float((residuals**2).sum()) / count)
    if not spread > 0:
        return None
    return mean - spread * normal_mixture_boundary(count, 1 - confidence) / whole


def normal_mixture_boundary(time: float, alpha: float, tuned_for: float = TUNED_FOR) -> float:
    """What a sum of ``time`` independent values of mean 0 and variance 1 ever exceeds with chance at most ``alpha``."""
    both = 2 * math.log(2 * alpha)
    square = (-both + math.log(1 - both)) / tuned_for
    grown = time * square + 1
    return math.sqrt(2 * grown / square * math.log1p(math.sqrt(grown) / (2 * alpha)))
