"""The probability of back-test overfitting against brute force, and where the answer is known."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.research.statistics.overfitting import probability_of_overfitting


def by_hand(results: np.ndarray, blocks: int) -> tuple[float, float]:
    """Split by split, in plain Python: probability of overfitting and of loss."""
    rows = np.array_split(np.arange(len(results)), blocks)
    below = lost = splits = 0
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([rows[b] for b in chosen])
        outside = np.concatenate([rows[b] for b in range(blocks) if b not in chosen])
        ratios = [c.mean() / c.std() if c.std() > 1e-12 else 0.0 for c in results[inside].T]
        best = ratios.index(max(ratios))
        out = [c.mean() / c.std() if c.std() > 1e-12 else 0.0 for c in results[outside].T]
        rank = stats.rankdata(out)[best] / (results.shape[1] + 1)
        below += math.log(rank / (1 - rank)) <= 0
        lost += results[outside][:, best].sum() < 0
        splits += 1
    return below / splits, lost / splits


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), trials=st.integers(2, 7), blocks=st.sampled_from([2, 4, 6]), size=st.integers(2, 6))
def test_brute_force_agrees(seed: int, trials: int, blocks: int, size: int) -> None:
    results = np.random.default_rng(seed).normal(0.1, 1, (blocks * size, trials))
    found = probability_of_overfitting(results, blocks)
    assert (found.probability, found.loss_probability) == pytest.approx(by_hand(results, blocks))
    assert found.splits == math.comb(blocks, blocks // 2)


def test_a_set_that_is_always_best_is_not_overfitted() -> None:
    results = np.random.default_rng(1).normal(0, 1, (320, 20))
    results[:, 7] += 3
    found = probability_of_overfitting(results)
    assert (found.probability, found.loss_probability) == (0.0, 0.0)


def test_the_best_of_noise_is_below_the_middle_half_of_the_time_or_more() -> None:
    many = [
        probability_of_overfitting(np.random.default_rng(n).normal(0, 1, (160, 30)), 8).probability for n in range(40)
    ]
    assert 0.4 <= np.mean(many) <= 0.7


def test_the_order_of_the_sets_does_not_matter() -> None:
    results = np.random.default_rng(3).normal(0, 1, (96, 9))
    found, turned = (probability_of_overfitting(r, 8) for r in (results, results[:, ::-1]))
    assert found.probability == turned.probability
    assert found.slope == pytest.approx(turned.slope)


def test_the_oldest_rows_go_where_they_do_not_fill_a_block() -> None:
    results = np.random.default_rng(4).normal(0, 1, (67, 5))
    assert probability_of_overfitting(results, 8) == probability_of_overfitting(results[3:], 8)


@pytest.mark.parametrize(
    ("results", "blocks", "says"),
    [
        (np.zeros((100, 1)), 4, "nothing was chosen"),
        (np.zeros((100, 3)), 5, "cannot be halved"),
        (np.zeros((7, 3)), 4, "7 periods are too few for 4 blocks"),
        (np.full((40, 3), np.nan), 4, "not a finite number"),
    ],
)
def test_what_cannot_be_computed_is_said(results: np.ndarray, blocks: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        probability_of_overfitting(results, blocks)
