"""Scores worked by hand, against scipy, and their identities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from engine.research.calibration.metrics import brier_losses, by_event, equal_mass_bins, log_losses, scores

ROWS = st.lists(st.tuples(st.integers(0, 20).map(lambda p: p / 20), st.booleans(), st.integers(0, 25)), min_size=1,
                max_size=80)  # fmt: skip


def columns(rows: list[tuple[float, bool, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    p, y, event = zip(*rows, strict=True)
    return np.array(p), np.array(y, dtype=np.float64), np.unique(event, return_inverse=True)[1]


def test_losses_worked_by_hand() -> None:
    p, y = np.array([0.8, 0.25, 0.0]), np.array([1.0, 0.0, 1.0])
    assert brier_losses(p, y) == pytest.approx([0.04, 0.0625, 1.0])
    assert log_losses(p, y) == pytest.approx([-np.log(0.8), -np.log(0.75), -np.log(1e-3)])
    assert by_event(np.array([1.0, 2.0, 6.0]), np.array([3, 0, 3])).tolist() == [2.0, 3.5]


@settings(max_examples=30)
@given(ROWS)
def test_the_split_of_the_brier_score_adds_up(rows: list[tuple[float, bool, int]]) -> None:
    p, y, event = columns(rows)
    found = scores(p, y, event, 1)
    assert found.brier == pytest.approx(by_event(brier_losses(p, y), event).mean())
    parts = found.reliability - found.resolution + found.uncertainty + found.within_bins
    assert found.brier == pytest.approx(parts)
    assert min(found.reliability, found.resolution) >= 0
    assert 0 <= found.ece <= 1 and 0 < found.ece_p <= 1
    assert sum(one.events for one in found.bins) == pytest.approx(len(np.unique(event)))


def test_with_one_probability_a_bin_the_split_is_exact() -> None:
    p = np.repeat([0.2, 0.5, 0.9], 40)
    y = np.concatenate([np.repeat([1.0, 0.0], [n, 40 - n]) for n in (10, 20, 30)])
    found = scores(p, y, np.arange(120), 1)
    assert found.within_bins == pytest.approx(0, abs=1e-15)
    assert found.reliability == pytest.approx((0.05**2 + 0 + 0.15**2) / 3)
    assert found.resolution == pytest.approx((0.25**2 + 0 + 0.25**2) / 3)
    assert found.ece == pytest.approx((0.05 + 0.15) / 3)


def test_bins_hold_equal_weight_and_never_part_equal_probabilities() -> None:
    p = np.concatenate([np.linspace(0, 1, 100), np.full(50, 0.5)])
    bins = equal_mass_bins(p, np.ones(150))
    assert len(set(bins[p == 0.5])) == 1
    assert (np.diff(bins[np.argsort(p, kind="stable")]) >= 0).all()
    even = np.bincount(equal_mass_bins(np.linspace(0, 1, 200), np.ones(200)))
    assert even.tolist() == [20] * 10
    assert set(equal_mass_bins(np.linspace(0, 1, 19), np.ones(19))) == {0}


def test_slope_and_intercept_are_the_maximum_that_scipy_finds() -> None:
    source = np.random.default_rng(2)
    p = np.clip(source.beta(1.5, 1.5, 400), 0.02, 0.98)
    y = (source.random(400) < special.expit(0.4 + 0.7 * special.logit(p))).astype(np.float64)
    theirs = optimize.minimize(
        lambda at: -(special.xlogy(y, q := special.expit(at[0] * special.logit(p) + at[1]))
                     + special.xlogy(1 - y, 1 - q)).sum(),
        [1.0, 0.0],
    )  # fmt: skip
    found = scores(p, y, np.arange(400), 1)
    assert [found.slope, found.intercept] == pytest.approx(theirs.x, abs=1e-4)
    assert found.slope_error == pytest.approx(np.sqrt(theirs.hess_inv[0, 0]), rel=0.15)


def test_copies_of_an_event_make_nothing_surer() -> None:
    source = np.random.default_rng(3)
    p = source.uniform(0.1, 0.9, 120)
    y = (source.random(120) < p).astype(np.float64)
    once = scores(p, y, np.arange(120), 1)
    often = scores(np.repeat(p, 7), np.repeat(y, 7), np.repeat(np.arange(120), 7), 1)
    for name in ("brier", "log_loss", "ece", "slope", "slope_error", "ece_if_right", "ece_p"):
        assert getattr(often, name) == pytest.approx(getattr(once, name)), name
    assert once.bins[0].low == pytest.approx(often.bins[0].low)


@pytest.mark.parametrize(("shift", "fooled"), [(0.0, False), (0.25, True)])
def test_the_reference_of_ece_tells_wrong_probabilities_from_right_ones(shift: float, fooled: bool) -> None:
    source = np.random.default_rng(4)
    true = source.uniform(0.1, 0.7, 600)
    y = (source.random(600) < true).astype(np.float64)
    found = scores(true + shift, y, np.arange(600), 1)
    assert found.ece > 0.01  # never zero in a finite sample, even where all is right
    assert (found.ece_p < 0.01) is fooled


def test_no_slope_where_outcomes_do_not_vary_or_are_split_without_rest() -> None:
    p = np.linspace(0.1, 0.9, 60)
    for y in (np.ones(60), (p > 0.5).astype(np.float64)):
        found = scores(p, y, np.arange(60), 1)
        assert (found.slope, found.intercept) == (None, None)
