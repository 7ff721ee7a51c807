"""The placebo test of one strategy: against scipy's permutation test, and by how often it is fooled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from engine.research.statistics.events import EventResults
from engine.research.statistics.placebo import placebo_p_value

MakeEvents = Callable[..., EventResults]


def test_scipys_permutation_test_agrees(events: MakeEvents) -> None:
    net = np.random.default_rng(1).normal(0.15, 1, 80)
    theirs = stats.permutation_test(
        (net, np.zeros(80)), lambda x, y, axis: (x - y).mean(axis=axis), permutation_type="samples",
        alternative="greater", n_resamples=20_000, rng=2, vectorized=True,
    )  # fmt: skip
    assert placebo_p_value(events(net), 3, draws=20_000) == pytest.approx(theirs.pvalue, abs=0.01)


def test_it_is_never_zero_and_little_says_nothing(events: MakeEvents) -> None:
    assert placebo_p_value(events(np.full(60, 1.0)), 1, draws=500) == pytest.approx(1 / 501)
    assert placebo_p_value(events(np.full(60, -1.0)), 1, draws=500) == 1.0
    assert placebo_p_value(events(np.full(19, 1.0)), 1) is None
    assert placebo_p_value(events(np.zeros(60)), 1) is None


def test_without_edge_it_is_below_5_percent_about_one_time_in_twenty(events: MakeEvents) -> None:
    source = np.random.default_rng(4)
    found = [placebo_p_value(events((source.random(100) < 0.7) - 0.7), n, draws=400) for n in range(300)]
    assert np.mean([p is not None and p <= 0.05 for p in found]) <= 0.09
