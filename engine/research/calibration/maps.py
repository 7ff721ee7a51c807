"""Corrections of a probability: identity, Platt, beta, isotonic. Each rises, and is fitted with a pull to identity.

A fit maximises the weighted log-likelihood minus ``PULL`` / 2 times the squared distance of its coefficients from those
that change nothing (a normal prior): with few outcomes a correction is small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.research.statistics import Floats

PULL = 4.0
HALF_WAY = 1_000
"""Isotonic steps count as much as the identity at this many events."""
FLOOR = 1e-6
"""Probabilities are kept this far from 0 and 1 before a logarithm is taken."""
_STEPS = 100

Share = Annotated[float, Field(ge=0, le=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Map(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def of(self, p: Floats) -> Floats:
        """Corrected probabilities, before clipping."""
        raise NotImplementedError


class Identity(_Map):
    """Nothing is changed."""

    method: Literal["identity"] = "identity"

    def of(self, p: Floats) -> Floats:
        return p.copy()


class Platt(_Map):
    """logit q = intercept + slope logit p (J. Platt 1999, on the logit of a probability)."""

    method: Literal["platt"] = "platt"
    slope: NotNegative
    intercept: Finite

    def of(self, p: Floats) -> Floats:
        return logistic(self.intercept + self.slope * logit(p))


class Beta(_Map):
    """logit q = a ln p - b ln(1 - p) + c (M. Kull, T. Silva Filho and P. Flach, AISTATS 2017)."""

    method: Literal["beta"] = "beta"
    a: NotNegative
    b: NotNegative
    c: Finite

    def of(self, p: Floats) -> Floats:
        inside = np.clip(p, FLOOR, 1 - FLOOR)
        return logistic(self.a * np.log(inside) - self.b * np.log1p(-inside) + self.c)


class Isotonic(_Map):
    """q = weight * f(p) + (1 - weight) * p with f rising, straight between ``knots`` (p, f(p)) and flat beyond them."""

    method: Literal["isotonic"] = "isotonic"
    knots: Annotated[tuple[tuple[Share, Share], ...], Field(min_length=1)]
    weight: Share

    @model_validator(mode="after")
    def _rising(self) -> Isotonic:
        x, y = zip(*self.knots, strict=True)
        if any(later <= before for before, later in pairwise(x)):
            raise ValueError("knots must be in rising order of their first number")
        if any(later < before for before, later in pairwise(y)):
            raise ValueError("the second numbers of knots must not fall")
        return self

    def of(self, p: Floats) -> Floats:
        x, y = (np.array(side) for side in zip(*self.knots, strict=True))
        found: Floats = self.weight * np.interp(p, x, y) + (1 - self.weight) * p
        return found


AnyMap = Annotated[Identity | Platt | Beta | Isotonic, Field(discriminator="method")]
Method = Literal["identity", "platt", "beta", "isotonic"]
Fit = Callable[[Floats, Floats, Floats], Identity | Platt | Beta | Isotonic]


def logit(p: Floats) -> Floats:
    """ln(p / (1 - p)) with p kept `FLOOR` from 0 and 1."""
    inside = np.clip(p, FLOOR, 1 - FLOOR)
    found: Floats = np.log(inside) - np.log1p(-inside)
    return found


def logistic(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    found: Floats = 0.5 * (1 + np.tanh(0.5 * x))
    return found


def fit_identity(p: Floats, y: Floats, weight: Floats) -> Identity:
    return Identity()


def fit_platt(p: Floats, y: Floats, weight: Floats) -> Platt:
    """Probabilities, outcomes (0 or 1) and weights of equal length."""
    found = _fit(np.column_stack((np.ones_like(p), logit(p))), y, weight, np.array([0.0, 1.0]), (1,))
    return Platt(intercept=float(found[0]), slope=float(found[1]))


def fit_beta(p: Floats, y: Floats, weight: Floats) -> Beta:
    """Probabilities, outcomes (0 or 1) and weights of equal length."""
    inside = np.clip(p, FLOOR, 1 - FLOOR)
    columns = np.column_stack((np.log(inside), -np.log1p(-inside), np.ones_like(p)))
    a, b, c = _fit(columns, y, weight, np.array([1.0, 1.0, 0.0]), (0, 1))
    return Beta(a=float(a), b=float(b), c=float(c))


def fit_isotonic(p: Floats, y: Floats, weight: Floats) -> Isotonic:
    """Probabilities, outcomes (0 or 1) and weights of equal length; ``weight`` sums to the number of events."""
    x, steps = pool_adjacent_violators(p, y, weight)
    events = float(weight.sum())
    # Sums of rounded weights can leave a mean a hair outside.
    knots = tuple(zip(np.clip(x, 0, 1).tolist(), np.clip(steps, 0, 1).tolist(), strict=True))
    return Isotonic(knots=knots, weight=events / (events + HALF_WAY))


FITS: Mapping[Method, Fit] = {"identity": fit_identity, "platt": fit_platt, "beta": fit_beta, "isotonic": fit_isotonic}
"""Ways to fit, from the plainest to the most flexible."""


def pool_adjacent_violators(p: Floats, y: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """The rising steps nearest to ``y`` in weighted squares (M. Ayer et al., Annals of Mathematical Statistics 26,
    1955): weighted mean ``p`` and ``y`` of each step, in rising order.
    """
    order = np.argsort(p, kind="stable")
    values, first = np.unique(p[order], return_index=True)
    masses = np.add.reduceat(weight[order], first)
    heights = np.add.reduceat((weight * y)[order], first) / masses
    stack: list[tuple[float, float, float]] = []  # mass, p, y
    for mass, place, height in zip(masses.tolist(), values.tolist(), heights.tolist(), strict=True):
        stack.append((mass, place, height))
        while len(stack) > 1 and stack[-2][2] >= stack[-1][2]:
            (m2, x2, y2), (m1, x1, y1) = stack.pop(), stack.pop()
            both = m1 + m2
            stack.append((both, (m1 * x1 + m2 * x2) / both, (m1 * y1 + m2 * y2) / both))
    return np.array([x for _, x, _ in stack]), np.array([height for _, _, height in stack])


def _fit(columns: Floats, y: Floats, weight: Floats, prior: Floats, rising: tuple[int, ...]) -> Floats:
    """Coefficients of a logistic regression with a pull to ``prior``; those in ``rising`` are kept from going below 0.

    A coefficient that would is set to 0 and the others are fitted again (Kull et al. 2017).
    """
    free = list(range(columns.shape[1]))
    while True:
        found = np.zeros(columns.shape[1])
        found[free] = _newton(columns[:, free], y, weight, prior[free])
        below = [number for number in free if number in rising and found[number] < 0]
        if not below:
            return found
        free.remove(min(below, key=lambda number: found[number]))


def _newton(columns: Floats, y: Floats, weight: Floats, prior: Floats) -> Floats:
    at = prior.copy()
    for _ in range(_STEPS):
        q = logistic(columns @ at)
        slope = columns.T @ (weight * (y - q)) - PULL * (at - prior)
        curve = (columns * (weight * q * (1 - q))[:, None]).T @ columns + PULL * np.eye(len(at))
        step = np.linalg.solve(curve, slope)
        here, size = _penalised(columns, y, weight, prior, at), 1.0
        while size > 1e-8 and _penalised(columns, y, weight, prior, at + size * step) < here - 1e-12 * abs(here):
            size /= 2
        at = at + size * step
        if float(np.abs(size * step).max()) < 1e-12:
            break
    return at


def _penalised(columns: Floats, y: Floats, weight: Floats, prior: Floats, at: Floats) -> float:
    z = columns @ at
    likelihood = float((weight * (y * z - np.logaddexp(0.0, z))).sum())
    return likelihood - PULL / 2 * float(((at - prior) ** 2).sum())
