"""How sure a Sharpe ratio is, and what is left of it after all the sets of parameters that were tried.

Ratios here are per observation (one event, or one day), never per year. D. H. Bailey and M. Lopez de Prado, "The Sharpe
Ratio Efficient Frontier", Journal of Risk 15(2), 2012, and "The Deflated Sharpe Ratio", Journal of Portfolio Management
40(5), 2014.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from engine.research.statistics.curve import Floats

_NORMAL = NormalDist()
_EULER = 0.5772156649015329
_DUST = 1e-12


@dataclass(frozen=True, slots=True)
class Moments:
    """Of n observations: Sharpe ratio mean / s (s with n - 1), skewness and kurtosis (3 for a normal) by the moments
    with n.
    """

    count: int
    sharpe: float
    skewness: float
    kurtosis: float


def moments(values: Floats) -> Moments | None:
    """None with fewer than 3 observations, or where they do not vary."""
    count = len(values)
    if count < 3:
        return None
    centred = values - values.mean()
    second = float((centred**2).mean())
    if second <= (_DUST * float(np.abs(values).max())) ** 2:
        return None
    deviation = math.sqrt(second * count / (count - 1))
    third, fourth = float((centred**3).mean()), float((centred**4).mean())
    return Moments(count, float(values.mean()) / deviation, third / second**1.5, fourth / second**2)


def probabilistic_sharpe(of: Moments, benchmark: float = 0.0) -> float:
    """Chance that the true ratio is above ``benchmark``:
    Z((SR - SR*) sqrt(n - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2)).
    """
    variance = 1 - of.skewness * of.sharpe + (of.kurtosis - 1) / 4 * of.sharpe**2
    if variance <= _DUST:  # two-valued results whose ratio is at the edge of what moments allow: no uncertainty is left
        return float(of.sharpe > benchmark)
    return _NORMAL.cdf((of.sharpe - benchmark) * math.sqrt(of.count - 1) / math.sqrt(variance))


def expected_maximum_sharpe(trials: int, variance: float) -> float:
    """SR0, the best ratio to be expected of ``trials`` tries without skill whose ratios have ``variance``:
    sqrt(V) ((1 - g) Z^-1(1 - 1/N) + g Z^-1(1 - 1/(N e))), g = 0.5772; 0 for one trial.

    Raises ValueError on no trial or a negative variance.
    """
    if trials < 1 or not variance >= 0:
        raise ValueError(f"{trials} trials of variance {variance}: needs one trial at least and a variance not below 0")
    if trials == 1:
        return 0.0
    best = (1 - _EULER) * _NORMAL.inv_cdf(1 - 1 / trials) + _EULER * _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * best


def deflated_sharpe(of: Moments, trials: int, variance: float) -> float:
    """The probabilistic Sharpe ratio against the best of ``trials`` without skill (see `expected_maximum_sharpe`).

    ``variance`` is that among the ratios of all trials, per observation like ``of``.
    """
    return probabilistic_sharpe(of, expected_maximum_sharpe(trials, variance))
