"""How good probabilities are. Weights make each event count once; every figure is a weighted mean.

A. H. Murphy, Journal of Applied Meteorology 12, 1973 (split of the Brier score); J. Broecker and L. Smith, Weather and
Forecasting 22, 2007 (consistency bars); D. R. Cox, Biometrika 45, 1958 (slope and intercept).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.research.calibration.maps import logistic, logit
from engine.research.calibration.outcomes import row_weights
from engine.research.statistics import Floats
from engine.research.statistics.draws import generator

BINS = 10
MIN_IN_BIN = 20
DRAWS = 1_000
LOG_FLOOR = 1e-3


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of neighbouring probabilities: ``events`` is their weight, ``said`` the mean probability, ``came`` the share
    that came true. If the probabilities were right, ``came`` would lie from ``low`` to ``high`` nine times in ten.
    """

    events: float
    said: float
    came: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scores:
    """Of probabilities p and outcomes y; bins hold equal weight.

    - ``brier`` = mean (p - y)^2 = ``reliability`` - ``resolution`` + ``uncertainty`` + ``within_bins``.
    - ``log_loss`` = - mean (y ln p + (1 - y) ln(1 - p)) with p kept 0.001 from 0 and 1.
    - ``ece`` = sum over bins of weight |said - came|; ``ece_if_right`` is the mean of it and ``ece_p`` the share of
      draws that reach it when outcomes are drawn from the probabilities themselves: it is never 0 in a finite sample.
    - ``slope``, ``intercept`` of a logistic regression of y on logit p (1 and 0 if right), None where they cannot be
      had; ``slope_error`` is the standard error clustered by event.
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float
    log_loss: float
    ece: float
    ece_if_right: float
    ece_p: float
    slope: float | None
    slope_error: float | None
    intercept: float | None
    bins: tuple[Bin, ...]


def brier_losses(p: Floats, y: Floats) -> Floats:
    """(p - y)^2 by row."""
    found: Floats = (p - y) ** 2
    return found


def log_losses(p: Floats, y: Floats) -> Floats:
    """-ln of the probability of what happened, by row; p is kept 0.001 from 0 and 1."""
    inside = np.clip(p, LOG_FLOOR, 1 - LOG_FLOOR)
    found: Floats = -(y * np.log(inside) + (1 - y) * np.log1p(-inside))
    return found


def by_event(values: Floats, event: NDArray[np.int64]) -> Floats:
    """Mean of each event's rows, in order of the event's number; events without a row are left out."""
    count = np.bincount(event)
    found: Floats = np.bincount(event, values)[count > 0] / count[count > 0]
    return found


def scores(p: Floats, y: Floats, event: NDArray[np.int64], seed: int) -> Scores:
    """All figures; ``event`` numbers the event of each row. ``seed`` draws the resampled outcomes."""
    weight = row_weights(event)
    whole = float(weight.sum())
    bins = equal_mass_bins(p, weight)
    mass = np.bincount(bins, weight)
    said, came = np.bincount(bins, weight * p) / mass, np.bincount(bins, weight * y) / mass
    base = float((weight * y).sum()) / whole
    brier = float((weight * brier_losses(p, y)).sum()) / whole
    reliability = float((mass * (said - came) ** 2).sum()) / whole
    resolution = float((mass * (came - base) ** 2).sum()) / whole
    uncertainty = base * (1 - base)
    ece = float((mass * np.abs(said - came)).sum()) / whole
    drawn = _resampled(p, event, weight, bins, seed) / mass
    drawn_ece = (np.abs(drawn - said) * mass).sum(axis=1) / whole
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    slope, slope_error, intercept = _slope(p, y, weight, event) or (None, None, None)
    return Scores(
        brier, reliability, resolution, uncertainty, brier - reliability + resolution - uncertainty,
        float((weight * log_losses(p, y)).sum()) / whole, ece, float(drawn_ece.mean()),
        (1 + int((drawn_ece >= ece - 1e-12).sum())) / (1 + DRAWS), slope, slope_error, intercept,
        tuple(Bin(*map(float, values)) for values in zip(mass, said, came, low, high, strict=True)),
    )  # fmt: skip


def equal_mass_bins(p: Floats, weight: Floats) -> NDArray[np.int64]:
    """The bin of each row, from 0: equal weight as far as equal probabilities, which stay together, allow; at most
    `BINS`, and fewer where that would leave less than `MIN_IN_BIN` events in one.
    """
    wanted = max(1, min(BINS, round(float(weight.sum())) // MIN_IN_BIN))
    _, inverse = np.unique(p, return_inverse=True)
    mass = np.bincount(inverse, weight)
    middle = np.round((np.cumsum(mass) - mass / 2) / mass.sum(), 9)  # thirds that are summed miss a whole by a hair
    raw = np.minimum((middle * wanted).astype(np.int64), wanted - 1)
    _, numbered = np.unique(raw, return_inverse=True)
    found: NDArray[np.int64] = numbered[inverse].astype(np.int64)
    return found


def _resampled(p: Floats, event: NDArray[np.int64], weight: Floats, bins: NDArray[np.int64], seed: int) -> Floats:
    """Weight that came true by draw (rows) and bin, outcomes drawn from ``p``; rows of one event share their luck."""
    source = generator(seed)
    count = int(bins.max()) + 1
    inside = np.zeros((len(p), count))
    inside[np.arange(len(p)), bins] = weight
    found = np.empty((DRAWS, count))
    step = max(1, 2_000_000 // len(p))
    for start in range(0, DRAWS, step):
        luck = source.random((min(step, DRAWS - start), int(event.max()) + 1))
        found[start : start + step] = (luck[:, event] < p) @ inside
    return found


def _slope(
    p: Floats, y: Floats, weight: Floats, event: NDArray[np.int64]
) -> tuple[float, float, float] | None:
    """Slope, its clustered standard error, and intercept; None where outcomes or probabilities do not vary enough."""
    x = np.column_stack((logit(p), np.ones_like(p)))
    if np.ptp(x[:, 0]) < 1e-9 or y.min() == y.max():
        return None
    at = np.array([1.0, 0.0])
    for _ in range(50):
        q = logistic(x @ at)
        curve = (x * (weight * q * (1 - q))[:, None]).T @ x
        if np.linalg.cond(curve) > 1e12:
            return None  # outcomes are split by the probabilities without a rest: the slope has no bound
        step = np.linalg.solve(curve, x.T @ (weight * (y - q)))
        at = at + step
        if float(np.abs(step).max()) < 1e-10:
            break
    else:
        return None
    pulls = x * (weight * (y - logistic(x @ at)))[:, None]
    summed = np.column_stack([np.bincount(event, column) for column in pulls.T])
    inverse = np.linalg.inv(curve)
    error = math.sqrt(float((inverse @ (summed.T @ summed) @ inverse)[0, 0]))
    return float(at[0]), error, float(at[1])
