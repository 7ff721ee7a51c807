"""No fold has seen the future, and no event stands on both sides."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.research.calibration.folds import FIRST_SHARE, walk_forward
from engine.research.calibration.outcomes import Outcomes

ROWS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 15), st.integers(0, 30)), min_size=1, max_size=80
)  # time of the row, its event, how much later the outcome was known


def made(rows: list[tuple[int, int, int]]) -> Outcomes:
    rows = sorted(rows)
    numbers = {event: number for number, event in enumerate(dict.fromkeys(event for _, event, _ in rows))}
    known = np.zeros(len(numbers), dtype=np.int64)
    for time, event, later in rows:
        known[numbers[event]] = max(known[numbers[event]], time + later)
    time_ns = np.array([time for time, _, _ in rows], dtype=np.int64)
    event = np.array([numbers[event] for _, event, _ in rows], dtype=np.int64)
    some = np.full(len(rows), 0.5)
    return Outcomes(some, some, time_ns, event, some, known, "made", "0" * 64)


@given(ROWS)
def test_nothing_known_later_is_in_a_fit(rows: list[tuple[int, int, int]]) -> None:
    outcomes = made(rows)
    for train, test in walk_forward(outcomes):
        assert outcomes.known_ns[outcomes.event[train]].max() < outcomes.time_ns[test].min()
        assert not set(outcomes.event[train]) & set(outcomes.event[test])


@given(ROWS)
def test_whole_events_are_tried_at_most_once_and_in_order(rows: list[tuple[int, int, int]]) -> None:
    outcomes = made(rows)
    tried = [number for fold in walk_forward(outcomes) for number in fold.test]
    assert len(tried) == len(set(tried))
    for fold in walk_forward(outcomes):
        assert set(np.flatnonzero(np.isin(outcomes.event, outcomes.event[fold.test]))) == set(fold.test)
    assert len({outcomes.event[row] for row in tried}) <= outcomes.events * (1 - FIRST_SHARE)


@given(ROWS, st.integers(0, 1_000))
def test_what_comes_later_changes_no_fit(rows: list[tuple[int, int, int]], seed: int) -> None:
    """Outcomes of rows after a fold's test never reach its fit: only times and events decide what is fitted on."""
    outcomes = made(rows)
    other = np.random.default_rng(seed).random(len(rows))
    changed = Outcomes(
        other, (other > 0.5).astype(np.float64), outcomes.time_ns, outcomes.event, other, outcomes.known_ns, "", ""
    )
    for one, two in zip(walk_forward(outcomes), walk_forward(changed), strict=True):
        assert (one.train == two.train).all() and (one.test == two.test).all()


def test_events_one_after_the_other_are_all_tried_but_the_first() -> None:
    folds = walk_forward(made([(time, time, 0) for time in range(15)]))
    assert [fold.test.tolist() for fold in folds] == [[6, 7], [8, 9], [10, 11], [12, 13], [14]]
    assert [len(fold.train) for fold in folds] == [6, 8, 10, 12, 14]
