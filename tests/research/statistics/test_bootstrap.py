"""Bounds of the mean: against scipy, against a plain loop, and by how often they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from engine.research.statistics.bootstrap import MIN_EVENTS, expectancy_interval, profit_factor_interval
from engine.research.statistics.draws import resamples
from engine.research.statistics.events import EventResults
from engine.research.statistics.sequential import anytime_lower_bound, normal_mixture_boundary

MakeEvents = Callable[..., EventResults]


def results(net: Any, trades: Any = None) -> EventResults:
    values = np.asarray(net, dtype=np.float64)
    counts = np.ones(len(values)) if trades is None else np.asarray(trades, dtype=np.float64)
    return EventResults(tuple(map(str, range(len(values)))), values, counts, len(values))


def test_a_plain_loop_over_the_same_resamples_gives_the_same_bound(events: MakeEvents) -> None:
    source = np.random.default_rng(5)
    count = source.integers(1, 4, 30)
    net = source.normal(0.3, 1, 30) * count
    of = events(net, count)
    found = expectancy_interval(of, seed=11, draws=200)
    mean = net.sum() / count.sum()
    pivots = []
    for rows in np.concatenate(list(resamples(30, 200, 11))):
        drawn, n = net[rows], count[rows]
        m = drawn.sum() / n.sum()
        pivots.append((m - mean) / (np.sqrt(30 / 29 * ((drawn - m * n) ** 2).sum()) / n.sum()))
    error = np.sqrt(30 / 29 * ((net - mean * count) ** 2).sum()) / count.sum()
    assert found is not None
    assert found.value == pytest.approx(mean)
    assert found.low == pytest.approx(mean - np.quantile(pivots, 0.95, method="higher") * error)
    assert found.high == pytest.approx(mean - np.quantile(pivots, 0.05, method="higher") * error)


def test_it_is_near_scipys_bootstrap_where_results_are_skewed() -> None:
    net = np.random.default_rng(2).exponential(1.0, 200) - 0.8
    found = expectancy_interval(results(net), seed=1, draws=4_000)
    theirs = stats.bootstrap((net,), np.mean, confidence_level=0.9, n_resamples=4_000, method="BCa", rng=1)
    assert found is not None
    width = found.high - found.low
    assert found.low == pytest.approx(theirs.confidence_interval.low, abs=0.1 * width)
    assert found.high == pytest.approx(theirs.confidence_interval.high, abs=0.1 * width)


def test_the_lower_bound_of_dear_contracts_without_edge_is_above_zero_about_one_time_in_twenty() -> None:
    """Bought at 85 cents and worth 85: many small wins, few large losses, where plain percentiles fail."""
    source = np.random.default_rng(3)
    above = 0
    for number in range(300):
        found = expectancy_interval(results((source.random(150) < 0.85) - 0.85), seed=number, draws=400)
        above += found is not None and found.low > 0
    assert above / 300 <= 0.08


def test_trades_of_one_event_are_one_observation() -> None:
    """Ten copies of every trade are no more evidence than one."""
    net = np.random.default_rng(4).normal(0.2, 1, 60)
    once, copied = expectancy_interval(results(net), 1), expectancy_interval(results(10 * net, np.full(60, 10)), 1)
    assert once is not None and copied is not None
    assert copied.low == pytest.approx(once.low)


@settings(max_examples=20)
@given(
    net=st.lists(st.integers(-20, 20), min_size=MIN_EVENTS, max_size=60).filter(lambda v: len(set(v)) > 2),
    scale=st.floats(0.01, 100),
)
def test_bounds_move_with_the_unit_and_stand_around_the_mean(net: list[int], scale: float) -> None:
    one, other = (expectancy_interval(results(np.array(net) * s), 7, draws=300) for s in (1.0, scale))
    if one is None or other is None:
        return
    assert other.low == pytest.approx(one.low * scale, rel=1e-6, abs=1e-9)
    assert one.low <= one.value <= one.high
    low, other_low = (anytime_lower_bound(results(np.array(net) * s)) for s in (1.0, scale))
    assert low is not None and other_low is not None
    assert low < one.value
    assert other_low == pytest.approx(low * scale, rel=1e-6, abs=1e-9)


def test_little_says_nothing() -> None:
    assert expectancy_interval(results(np.arange(MIN_EVENTS - 1)), 1) is None
    assert anytime_lower_bound(results(np.arange(MIN_EVENTS - 1))) is None
    assert expectancy_interval(results(np.ones(100)), 1) is None
    assert expectancy_interval(results([1.0] * 19 + [2.0]), 1) is None  # one resample in three is all ones
    assert anytime_lower_bound(results(np.ones(100))) is None


def test_the_same_seed_gives_the_same_bound_and_another_another() -> None:
    net = results(np.random.default_rng(6).normal(0, 1, 50))
    first, again, other = (expectancy_interval(net, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_profit_factor_is_bounded_by_whole_events() -> None:
    source = np.random.default_rng(8)
    net = source.normal(0.3, 1, 200)
    alone = profit_factor_interval(net, np.arange(200), 1)
    tied = profit_factor_interval(np.tile(net, 5), np.tile(np.arange(200), 5), 1)
    assert alone is not None and tied is not None
    assert alone.low < alone.value < alone.high
    assert alone.value == pytest.approx(net[net > 0].sum() / -net[net < 0].sum())
    assert (tied.low, tied.high) == (pytest.approx(alone.low), pytest.approx(alone.high))
    assert profit_factor_interval(np.abs(net), np.arange(200), 1) is None
    assert profit_factor_interval(net[:5], np.arange(5), 1) is None


def test_the_boundary_is_not_below_the_exact_mixture() -> None:
    """The exact one: where the mean over half-normal bets of exp(l S - l^2 t / 2) reaches 1 / alpha."""
    alpha = 0.05
    both = 2 * np.log(2 * alpha)
    scale = np.sqrt((-both + np.log(1 - both)) / 300)
    for time in (50, 300, 2_000):
        at = normal_mixture_boundary(time, alpha)

        def wealth(bet: float, at: float = at, time: int = time) -> float:
            density = 2 * stats.norm.pdf(bet, scale=scale)
            return float(density * np.exp(bet * at - bet * bet * time / 2))

        total, _ = integrate.quad(wealth, 0, 12 * scale, points=[at / time], limit=200)
        assert total >= 1 / alpha * (1 - 1e-6)
        assert total <= 1.6 / alpha  # and not far above: no more is given away than must be


def test_asking_after_every_event_crosses_the_anytime_bound_at_most_one_time_in_twenty() -> None:
    source = np.random.default_rng(9)
    steps = np.arange(1, 3_001)
    boundary = np.array([normal_mixture_boundary(float(step), 0.05) for step in steps])
    ever = naive = 0
    for _ in range(400):
        path = np.cumsum(source.choice([-1.0, 1.0], 3_000))
        ever += bool((path[MIN_EVENTS:] > boundary[MIN_EVENTS:]).any())
        naive += bool((path[MIN_EVENTS:] > 1.645 * np.sqrt(steps[MIN_EVENTS:])).any())
    assert ever / 400 <= 0.05
    assert naive / 400 >= 0.2  # the bound for one look does not stand up to many
