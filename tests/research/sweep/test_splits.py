"""Time-ordered parts: nothing that is learned from knows of what comes after it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.research.sweep.splits import PERIODS, SplitError, Wish, split

MINUTE, DAY = 60_000_000_000, 86_400_000_000_000
START = 1_709_649_000_000_000_000  # 2024-03-05 14:30 UTC
ZONE = "America/New_York"


def times(days: int, bars: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([START + day * DAY + bar * MINUTE for day in range(days) for bar in range(bars)], dtype=np.int64)


WISHES = st.builds(
    Wish,
    holdout=st.floats(0.1, 0.5),
    folds=st.integers(1, 5),
    embargo_ns=st.none() | st.integers(0, 3 * 60 * MINUTE),
    purge_ns=st.integers(0, 60 * MINUTE),
)
TRADES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.2)), max_size=60)


@given(st.integers(1, 50), WISHES, TRADES)
def test_no_trade_that_is_learned_from_overlaps_what_comes_after(
    days: int, wish: Wish, lives: list[tuple[float, float]]
) -> None:
    known = times(days, 300)
    try:
        found = split(known, ZONE, wish)
    except SplitError:
        return
    span = int(known[-1] - known[0])
    opened = np.array([known[0] + int(begin * span) for begin, _ in lives], dtype=np.int64)
    closed = np.minimum(opened + np.array([int(length * span) for _, length in lives], dtype=np.int64), known[-1])
    for train, later in ((found.train, found.holdout), *((fold.train, fold.validation) for fold in found.folds)):
        assert later.first_ns - train.end_ns >= (wish.embargo_ns or 0) + wish.purge_ns
        learned, judged = train.holds(opened, closed), later.holds(opened, closed)
        assert not (learned & judged).any()
        if learned.any() and judged.any():
            assert closed[learned].max() + wish.purge_ns + (wish.embargo_ns or 0) < opened[judged].min()
        if wish.embargo_ns is None:
            assert ((known >= train.end_ns + wish.purge_ns) & (known < later.first_ns)).sum() >= len(known) / 100
    assert found.holdout.first_ns >= found.boundary_ns >= found.train.end_ns
    assert all(fold.validation.end_ns <= found.boundary_ns for fold in found.folds)


@given(st.integers(1, 50), st.integers(1, 5))
def test_folds_move_forward_and_validate_everything_but_the_first_stretch_once(days: int, folds: int) -> None:
    found = split(times(days, 300), ZONE, Wish(folds=folds, embargo_ns=0))
    assert all(fold.train.first_ns == found.first_ns for fold in found.folds)
    edges = [fold.validation.first_ns for fold in found.folds] + [found.boundary_ns]
    assert edges == sorted(set(edges))
    assert [fold.validation.end_ns for fold in found.folds] == edges[1:]
    assert [fold.train.end_ns for fold in found.folds] == edges[:-1]


def test_boundaries_lie_on_days_where_there_are_enough() -> None:
    found = split(times(20, 60), ZONE, Wish())
    assert (found.unit, found.boundary_ns) == ("day", START + 15 * DAY)
    assert [f.validation.first_ns - START for f in found.folds] == [day * DAY + 12 * MINUTE for day in (3, 6, 9, 12)]


def test_a_single_day_is_split_by_its_ticks() -> None:
    found = split(times(1, 400), ZONE, Wish())
    assert (found.unit, found.boundary_ns) == ("tick", START + 300 * MINUTE)
    assert found.holdout.first_ns == START + 304 * MINUTE


@pytest.mark.parametrize("days", [3, 60])
def test_periods_cover_each_part_and_are_days_where_there_are_enough(days: int) -> None:
    known = times(days, 60)
    found = split(known, ZONE, Wish())
    ends = found.periods["development"]
    assert len(ends) == (45 if days == 60 else PERIODS)
    assert ends[-1] == found.boundary_ns and found.periods["holdout"][-1] == known[-1] + 1
    assert (np.diff(ends) > 0).all() and ends[0] > known[0]


@pytest.mark.parametrize(
    ("days", "bars", "wish", "said"),
    [
        (1, 5, Wish(), "the data has 5 ticks, too few to split 6 ways"),
        (20, 60, Wish(embargo_ns=4 * DAY), "validation of fold 1 would be empty"),
        (10, 60, Wish(purge_ns=2 * DAY), "training of fold 1 would be empty"),
        (10, 60, Wish(folds=1, embargo_ns=3 * DAY), "the holdout would be empty"),
    ],
)
def test_what_cannot_be_split_says_why(days: int, bars: int, wish: Wish, said: str) -> None:
    with pytest.raises(SplitError, match=said):
        split(times(days, bars), ZONE, wish)
