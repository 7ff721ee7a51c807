"""Corrections against scipy, and what must hold for any data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special

from engine.research.calibration.maps import (
    FITS,
    PULL,
    Beta,
    Identity,
    Isotonic,
    Platt,
    fit_beta,
    fit_platt,
    logistic,
    logit,
    pool_adjacent_violators,
)
from engine.research.statistics import Floats

GRID = np.linspace(0, 1, 201)
ROWS = st.lists(
    st.tuples(st.integers(0, 100).map(lambda c: c / 100), st.booleans(), st.sampled_from([0.25, 0.5, 1.0])),
    min_size=5, max_size=60,
)  # fmt: skip


def columns(rows: list[tuple[float, bool, float]]) -> tuple[Floats, Floats, Floats]:
    p, y, weight = zip(*rows, strict=True)
    return np.array(p), np.array(y, dtype=np.float64), np.array(weight)


def sample(count: int, seed: int = 1) -> tuple[Floats, Floats, Floats]:
    source = np.random.default_rng(seed)
    p = np.clip(source.beta(1.2, 1.2, count), 0.01, 0.99)
    y = (source.random(count) < logistic(-0.3 + 0.6 * logit(p))).astype(np.float64)
    return p, y, source.choice([0.5, 1.0], count)


@given(st.floats(-700, 700))
def test_logistic_is_scipys_and_undoes_logit(x: float) -> None:
    assert logistic(np.array([x]))[0] == pytest.approx(special.expit(x), abs=1e-15)
    inside = float(np.clip(special.expit(x), 1e-5, 1 - 1e-5))
    assert logistic(logit(np.array([inside])))[0] == pytest.approx(inside, abs=1e-12)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_platt_and_beta_are_the_penalised_maximum_that_scipy_finds(seed: int) -> None:
    p, y, weight = sample(150, seed)

    def cost(at: Floats, x: Floats, prior: Floats) -> float:
        q = special.expit(x @ at)
        likelihood = (weight * (special.xlogy(y, q) + special.xlogy(1 - y, 1 - q))).sum()
        return float(-likelihood + PULL / 2 * ((at - prior) ** 2).sum())

    x = np.column_stack((np.ones_like(p), np.log(p / (1 - p))))
    theirs = optimize.minimize(cost, [0.0, 1.0], (x, np.array([0.0, 1.0])), bounds=[(None, None), (0, None)], tol=1e-12)
    ours = fit_platt(p, y, weight)
    assert [ours.intercept, ours.slope] == pytest.approx(theirs.x, abs=1e-4)
    x = np.column_stack((np.log(p), -np.log(1 - p), np.ones_like(p)))
    theirs = optimize.minimize(
        cost, [1.0, 1.0, 0.0], (x, np.array([1.0, 1.0, 0.0])), bounds=[(0, None), (0, None), (None, None)], tol=1e-12
    )
    other = fit_beta(p, y, weight)
    assert [other.a, other.b, other.c] == pytest.approx(theirs.x, abs=1e-4)


def test_outcomes_against_the_probabilities_make_a_flat_map_and_never_a_falling_one() -> None:
    p, y, weight = sample(400)
    turned = fit_platt(1 - p, y, weight)
    assert turned.slope == 0.0
    assert turned.of(np.array([0.1, 0.9])).tolist() == pytest.approx([special.expit(turned.intercept)] * 2)


@given(ROWS)
def test_steps_are_scipys_isotonic_regression(rows: list[tuple[float, bool, float]]) -> None:
    p, y, weight = columns(rows)
    x, steps = pool_adjacent_violators(p, y, weight)
    assert (np.diff(x) > 0).all() and (np.diff(steps) > 0).all()
    values, inverse = np.unique(p, return_inverse=True)
    mass = np.bincount(inverse, weight)
    theirs = optimize.isotonic_regression(np.bincount(inverse, weight * y) / mass, weights=mass).x
    ours = np.array([steps[np.searchsorted(edges(x, p, steps, theirs, values), v)] for v in values])
    assert ours == pytest.approx(theirs)


def edges(x: Floats, p: Floats, steps: Floats, theirs: Floats, values: Floats) -> Floats:
    """The largest probability of each step, from how many values scipy gives each height."""
    heights = np.unique(theirs.round(12))
    assert heights == pytest.approx(np.unique(steps.round(12)))
    return np.array([values[theirs.round(12) == height].max() for height in heights])


@given(ROWS)
def test_every_fit_rises_and_stays_a_probability(rows: list[tuple[float, bool, float]]) -> None:
    p, y, weight = columns(rows)
    for fit in FITS.values():
        found = fit(p, y, weight).of(GRID)
        assert (np.diff(found) >= -1e-12).all()
        assert (found >= 0).all() and (found <= 1).all()


def test_a_handful_of_outcomes_changes_little_and_many_change_much() -> None:
    few = fit_platt(*sample(5))
    many = fit_platt(*sample(5_000))
    assert abs(few.slope - 1) < abs(many.slope - 1)
    assert many.slope == pytest.approx(0.6, abs=0.1)
    assert many.intercept == pytest.approx(-0.3, abs=0.1)


def test_maps_worked_by_hand() -> None:
    p = np.array([0.2, 0.5, 0.8])
    assert Identity().of(p).tolist() == [0.2, 0.5, 0.8]
    assert Platt(slope=2, intercept=0).of(p) == pytest.approx([1 / 17, 0.5, 16 / 17])
    assert Beta(a=1, b=1, c=0).of(p) == pytest.approx(p)
    steps = Isotonic(knots=((0.2, 0.1), (0.6, 0.5)), weight=0.5)
    assert steps.of(np.array([0.0, 0.4, 1.0])) == pytest.approx([0.05, 0.35, 0.75])
