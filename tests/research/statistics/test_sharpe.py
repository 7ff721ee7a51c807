"""Probabilistic and deflated Sharpe ratio: the published example, scipy's moments, and what must hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.research.statistics.sharpe import (
    Moments,
    deflated_sharpe,
    expected_maximum_sharpe,
    moments,
    probabilistic_sharpe,
)
from engine.research.statistics.trials import Trials, mean_correlation

# Bailey and Lopez de Prado 2014, the numerical example: an annual ratio of 2.5 over five years of 250 days, skewness
# -3, kurtosis 10, and a variance of 1/2 among the annual ratios of the trials.
PUBLISHED = Moments(1250, 2.5 / math.sqrt(250), -3.0, 10.0)
VARIANCE = 0.5 / 250


def test_the_published_example() -> None:
    assert expected_maximum_sharpe(100, VARIANCE) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(PUBLISHED, 100, VARIANCE) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(PUBLISHED, 46, VARIANCE) == pytest.approx(0.9505, abs=5e-4)
    normal = Moments(1250, PUBLISHED.sharpe, 0.0, 3.0)
    assert deflated_sharpe(normal, 88, VARIANCE) == pytest.approx(0.9505, abs=5e-4)


@given(st.lists(st.integers(-30, 30), min_size=3, max_size=50).filter(lambda values: len(set(values)) > 1))
def test_moments_are_scipys(values: list[int]) -> None:
    found = moments(np.array(values, dtype=np.float64))
    assert found is not None
    assert found.sharpe == pytest.approx(np.mean(values) / np.std(values, ddof=1))
    assert found.skewness == pytest.approx(stats.skew(values), abs=1e-9)
    assert found.kurtosis == pytest.approx(stats.kurtosis(values, fisher=False))


def test_without_variation_or_with_two_values_there_are_no_moments() -> None:
    assert moments(np.full(50, 0.1)) is None
    assert moments(np.array([1.0, 2.0])) is None


def test_for_normal_results_it_is_the_chance_of_the_mean() -> None:
    """With skewness 0 and kurtosis 3 the standard error is Jobson and Korkie's: sqrt((1 + SR^2 / 2) / (n - 1))."""
    of = Moments(101, 0.2, 0.0, 3.0)
    assert probabilistic_sharpe(of) == pytest.approx(stats.norm.cdf(0.2 * 10 / math.sqrt(1 + 0.02)))


@given(st.integers(1, 5_000), st.integers(1, 5_000), st.floats(0, 0.01))
def test_more_trials_never_make_a_result_surer(fewer: int, more: int, variance: float) -> None:
    fewer, more = sorted((fewer, more))
    few, many = (deflated_sharpe(PUBLISHED, n, variance) for n in (fewer, more))
    assert many <= few + 1e-12
    assert few <= probabilistic_sharpe(PUBLISHED) + (1e-12 if fewer != 2 else 1)


def test_the_expected_maximum_is_that_of_simulated_trials() -> None:
    drawn = np.random.default_rng(1).normal(0, 0.1, (20_000, 50)).max(axis=1).mean()
    assert expected_maximum_sharpe(50, 0.01) == pytest.approx(drawn, rel=0.02)
    assert expected_maximum_sharpe(1, 0.01) == 0.0
    with pytest.raises(ValueError, match="0 trials"):
        expected_maximum_sharpe(0, 0.1)


def test_the_variance_by_chance_is_the_one_found_where_no_set_has_skill() -> None:
    """Sets that share half of their luck; the variance that the paper takes agrees in the mean."""
    source = np.random.default_rng(2)
    found, expected = [], []
    for _ in range(60):
        results = source.normal(size=(300, 1)) * math.sqrt(0.5) + source.normal(size=(300, 40)) * math.sqrt(0.5)
        of_each = [m.sharpe for m in map(moments, results.T) if m is not None]
        found.append(np.var(of_each, ddof=1))
        variance = Trials(40, np.full(40, 300.0), results).chance_variance
        assert variance is not None
        expected.append(variance)
    assert np.mean(expected) == pytest.approx(np.mean(found), rel=0.1)


def test_trials_of_which_little_is_known_share_nothing() -> None:
    results = np.random.default_rng(3).normal(size=(100, 5))
    assert Trials(9, np.full(5, 101.0), results).chance_variance == pytest.approx(0.01)  # four of nine are not kept
    assert Trials(9, np.full(5, 101.0)).chance_variance == pytest.approx(0.01)
    assert Trials(1, np.array([101.0])).chance_variance == 0.0
    assert Trials(3, np.array([2.0, 0.0])).chance_variance is None


def test_mean_correlation_is_numpys() -> None:
    results = np.random.default_rng(4).normal(size=(80, 1)) + np.random.default_rng(5).normal(size=(80, 6))
    whole = np.corrcoef(results.T)
    assert mean_correlation(results) == pytest.approx((whole.sum() - 6) / 30)
    flat = np.column_stack((results, np.full(80, 2.0)))
    assert mean_correlation(flat) == pytest.approx(mean_correlation(results))
    assert mean_correlation(results[:, :1]) == 0.0
