"""The search space: what the rules say may be tried, and an even part of it where it is too large."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.rules import load_rules
from engine.research.sweep.search import make_search
from engine.research.sweep.space import Dimension, Space, SpaceError, space_of

PROJECT = Path(__file__).parents[3]
SPACES = st.lists(st.integers(1, 6), min_size=1, max_size=6).filter(lambda sizes: max(sizes) > 1)


def space(sizes: list[int]) -> Space:
    dimensions = tuple(
        Dimension(f"p.r.d{n}", "number", tuple(float(value) for value in range(size))) for n, size in enumerate(sizes)
    )
    return Space(dimensions, {d.key: d.values[0] + 0.5 for d in dimensions})


def within(of: Space, values: dict[str, float]) -> bool:
    return list(values) == [d.key for d in of.dimensions] and all(values[d.key] in d.values for d in of.dimensions)


@given(SPACES, st.integers(1, 60))
def test_a_grid_is_whole_or_an_even_part_of_it(sizes: list[int], most: int) -> None:
    whole = space(sizes)
    found = list(whole.spread(most))
    assert found == list(whole.spread(most))
    assert len({tuple(one.values()) for one in found}) == len(found) == min(most, whole.size)
    assert all(within(whole, one) for one in found)


@given(SPACES, st.integers(1, 60), st.integers(0, 3))
def test_a_random_part_has_no_set_twice_and_none_from_outside(sizes: list[int], most: int, seed: int) -> None:
    whole = space(sizes)
    found = make_search("random", whole, most, seed).propose()
    assert found == make_search("random", whole, most, seed).propose()
    assert found[0] == whole.defaults
    assert len({tuple(one.values()) for one in found}) == len(found) == min(most, whole.size + 1)
    assert all(within(whole, one) for one in found[1:])


def test_each_value_has_its_fair_share_of_a_part() -> None:
    sizes = [3, 3, 3, 4, 3, 3, 2, 3, 3, 3, 3]
    found = list(space(sizes).spread(200))
    for number, size in enumerate(sizes):
        used = Counter(one[f"p.r.d{number}"] for one in found)
        assert len(used) == size and max(used.values()) - min(used.values()) <= 4


def test_another_seed_draws_other_sets() -> None:
    whole = space([6, 6, 6])
    assert make_search("random", whole, 20, 1).propose() != make_search("random", whole, 20, 2).propose()


def test_the_rules_own_values_are_tried_first_and_once() -> None:
    whole = space([2, 2])
    assert [tuple(one.values()) for one in make_search("grid", whole, 200, 0).propose()] == [
        (0.5, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0),
    ]  # fmt: skip
    on_grid = Space(whole.dimensions, {"p.r.d0": 1.0, "p.r.d1": 0.0})
    assert [tuple(one.values()) for one in make_search("grid", on_grid, 200, 0).propose()] == [
        (1.0, 0.0), (0.0, 0.0), (0.0, 1.0), (1.0, 1.0),
    ]  # fmt: skip


def test_neighbours_are_one_step_away() -> None:
    whole = space([3, 2])
    assert whole.neighbours({"p.r.d0": 1.0, "p.r.d1": 0.0}) == [
        {"p.r.d0": 0.0, "p.r.d1": 0.0}, {"p.r.d0": 2.0, "p.r.d1": 0.0}, {"p.r.d0": 1.0, "p.r.d1": 1.0},
    ]  # fmt: skip
    assert [one["p.r.d0"] for one in whole.neighbours({"p.r.d0": 0.5, "p.r.d1": 0.0})] == [0.0, 1.0, 0.5]


def test_the_space_of_a_pack_is_what_its_rules_say() -> None:
    ruleset = load_rules([PROJECT / "rules"], ["index_scalper"]).ruleset
    found = space_of(ruleset, "index_scalper")
    fast = next(d for d in found.dimensions if d.key == "index_scalper.ema_crossover.fast")
    assert (fast.kind, fast.values, found.defaults[fast.key]) == ("number", (10.0, 20.0, 30.0), 20.0)
    timeout = next(d for d in found.dimensions if d.key == "index_scalper.timeout.trade_timeout")
    assert timeout.values == (1200.0, 2700.0, 5400.0)  # seconds


def test_a_pack_that_says_nothing_cannot_be_swept() -> None:
    ruleset = load_rules([PROJECT / "rules"], ["index_scalper"]).ruleset
    with pytest.raises(SpaceError, match="no parameter of another says over which values"):
        space_of(ruleset, "another")


@pytest.mark.parametrize("seed", [1, 2])
def test_the_estimator_finds_the_better_part_and_proposes_the_same_again(seed: int) -> None:
    pytest.importorskip("optuna")
    whole = space([8, 8, 8])

    def run() -> list[dict[str, float]]:
        search, tried = make_search("tpe", whole, 80, seed), []
        while batch := search.propose():
            tried += batch
            search.learn([-sum((value - 5) ** 2 for value in one.values()) for one in batch])
        return tried

    found = run()
    assert found == run()
    assert found[0] == whole.defaults
    assert len({tuple(one.values()) for one in found}) == len(found) == 80
    assert all(within(whole, one) for one in found[1:])
    near = [sum(abs(value - 5) for value in one.values()) for one in found]
    assert sum(near[40:]) < 0.7 * sum(near[1:41])
