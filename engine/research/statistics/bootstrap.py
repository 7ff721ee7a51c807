"""Intervals by the bootstrap with whole events as what is drawn: trades of one event never stand apart.

A. Davison and D. Hinkley, "Bootstrap Methods and their Application", 1997, sections 2.4 (studentised) and 3.8
(clusters); A. C. Cameron, J. Gelbach and D. Miller, Review of Economics and Statistics 90(3), 2008.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.research.statistics.curve import Floats, Ints
from engine.research.statistics.draws import resamples
from engine.research.statistics.events import EventResults

DRAWS = 2_000
MIN_EVENTS = 20
"""With fewer events nothing is said about chance."""


@dataclass(frozen=True, slots=True)
class Interval:
    """``low`` and ``high`` of a two-sided interval around ``value``, all in the figure's own unit."""

    value: float
    low: float
    high: float


def expectancy_interval(
    events: EventResults, seed: int, confidence: float = 0.9, draws: int = DRAWS
) -> Interval | None:
    """Studentised bootstrap interval of the mean net result of a trade, money; None below `MIN_EVENTS` events or where
    results do not vary enough for every resample to. ``low`` of the default is the one-sided 95% lower bound.

    With net y_k and n_k trades of event k of K: m = sum y / sum n, e_k = y_k - m n_k,
    se = sqrt(K / (K - 1) * sum e^2) / sum n; t* = (m* - m) / se* over resampled events;
    low = m - q_{(1 + confidence) / 2}(t*) se, high = m - q_{(1 - confidence) / 2}(t*) se. Studentising, unlike plain
    percentiles, corrects for the skewness of results that are many small wins and a few large losses.
    """
    if len(events.net) < MIN_EVENTS:
        return None
    mean, error = _ratio(events.net[None, :], events.trades[None, :])
    if not error[0] > 0:
        return None
    parts = []
    for rows in resamples(len(events.net), draws, seed):
        means, errors = _ratio(events.net[rows], events.trades[rows])
        with np.errstate(divide="ignore", invalid="ignore"):
            parts.append((means - mean[0]) / errors)
    pivots = np.concatenate(parts)
    # A resample without any spread has no t; it counts as the farthest out on the side that its mean is on.
    pivots = np.where(np.isnan(pivots), 0.0, pivots)
    tail = (1 - confidence) / 2
    low, high = np.quantile(pivots, [1 - tail, tail], method="higher")
    if not (np.isfinite(low) and np.isfinite(high)):
        return None
    return Interval(float(mean[0]), float(mean[0] - low * error[0]), float(mean[0] - high * error[0]))


def profit_factor_interval(
    trade_nets: Floats, event_index: Ints, seed: int, confidence: float = 0.9, draws: int = DRAWS
) -> Interval | None:
    """Percentile bootstrap interval of the profit factor; ``event_index`` numbers the event of each trade from 0.

    None below `MIN_EVENTS` events or without a losing trade. A resample without a loss counts as infinitely good.
    """
    count = int(event_index.max()) + 1 if len(event_index) else 0
    won = np.bincount(event_index, np.maximum(trade_nets, 0.0), count)
    lost = np.bincount(event_index, np.maximum(-trade_nets, 0.0), count)
    if count < MIN_EVENTS or not lost.sum() > 0:
        return None
    parts = []
    for rows in resamples(count, draws, seed):
        wins, losses = won[rows].sum(axis=1), lost[rows].sum(axis=1)
        parts.append(np.divide(wins, losses, out=np.full(len(wins), np.inf), where=losses > 0))
    factors = np.sort(np.concatenate(parts))
    tail = (1 - confidence) / 2
    low, high = np.quantile(factors, [tail, 1 - tail], method="nearest")
    return Interval(float(won.sum() / lost.sum()), float(low), float(high))


def _ratio(net: Floats, trades: Floats) -> tuple[Floats, Floats]:
    """Mean net of a trade and its standard error, by row."""
    events = net.shape[1]
    whole = trades.sum(axis=1)
    mean = net.sum(axis=1) / whole
    residuals = net - mean[:, None] * trades
    error = np.sqrt(events / (events - 1) * (residuals**2).sum(axis=1)) / whole
    return mean, error
