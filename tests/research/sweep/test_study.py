"""A sweep: chosen on the past alone, looked at once afterwards, the same whether it was stopped or not."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.research.sweep.plateau import Key, key_of, plateau
from engine.research.sweep.search import make_search
from engine.research.sweep.space import Dimension, ParameterSet, Space
from engine.research.sweep.splits import Splits, Wish, split
from engine.research.sweep.study import Choice, SweepOutcome, run_sweep
from engine.research.sweep.windows import HOLDOUT, Figures, Outcome, pooled, rank_key

SPACE = Space(
    (Dimension("p.r.a", "number", (0.0, 1.0, 2.0, 3.0, 4.0)), Dimension("p.r.b", "number", (0.0, 1.0, 2.0))),
    {"p.r.a": 2.0, "p.r.b": 1.0},
)
SPLITS: Splits = split(np.arange(0, 4000, 10, dtype=np.int64), "UTC", Wish(folds=2))
CHOICE = Choice(top=3, min_trades=5)


class Killed(Exception):
    """The process went away."""


class Memory:
    """What survives; dies after ``lives`` keeps."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[Key, Outcome]] = {"development": {}, HOLDOUT: {}}
        self.looked: list[ParameterSet] = []
        self.runs = 0
        self.lives = 10**9

    def known(self, part: str) -> Mapping[Key, Outcome]:
        return dict(self.kept[part])

    def keep(self, outcomes: Sequence[Outcome]) -> None:
        if self.lives == 0:
            raise Killed
        self.lives -= 1
        for outcome in outcomes:
            assert key_of(outcome.parameters) not in self.kept[outcome.part], "a set was run twice"
            self.kept[outcome.part][key_of(outcome.parameters)] = outcome

    def look(self, sets: Sequence[ParameterSet]) -> None:
        self.looked += [one for one in sets if one not in self.looked]


def figures(
    expectancy: float | None, trades: int = 10, factor: float | None = 1.0, fall: float = 0.1
) -> dict[str, Any]:
    net = (expectancy or 0.0) * trades
    return {
        "trades": trades, "events": trades, "win_rate": 0.5, "won": max(net, 0.0), "lost": min(net, 0.0), "net": net,
        "expectancy": expectancy, "profit_factor": factor, "max_drawdown": fall, "sharpe": None,
    }  # fmt: skip


def outcome(part: str, values: ParameterSet) -> Outcome:
    """Good at a = 3 in the past, and just the other way round on the holdout."""
    score = -abs(values["p.r.a"] - 3) - 0.1 * values["p.r.b"]
    if part == HOLDOUT:
        return Outcome(part, values, "h", {HOLDOUT: figures(-score)}, array("d", [0.0]), "tick")
    windows = {name: figures(score) for name in (
        "train", "validation", "fold_1_train", "fold_1_validation", "fold_2_train", "fold_2_validation"
    )}  # fmt: skip
    windows["fold_1_train"] = figures(values["p.r.a"])
    return Outcome(part, values, "d", windows, array("d", [score]), "tick")


def sweep(memory: Memory, chunk: int, backwards: bool = False, method: str = "grid", most: int = 200) -> SweepOutcome:
    def evaluate(part: str, sets: Sequence[ParameterSet]) -> Iterator[list[Outcome]]:
        chunks = [sets[begin : begin + chunk] for begin in range(0, len(sets), chunk)]
        for one in reversed(chunks) if backwards else chunks:
            memory.runs += len(one)
            yield [outcome(part, values) for values in one]

    search = make_search(method, SPACE, most, 1)  # type: ignore[arg-type]
    return run_sweep(SPACE, search, SPLITS, CHOICE, evaluate, memory, lambda part, done: None)


def test_sets_are_chosen_by_the_past_and_shown_by_the_holdout() -> None:
    memory = Memory()
    found = sweep(memory, 4)
    assert len(found.sets) == 15
    best = [tuple(one.parameters.values()) for one in found.chosen]
    assert best == [(3.0, 0.0), (3.0, 1.0), (3.0, 2.0)]
    assert [one.rank for one in found.chosen] == [1, 2, 3]
    assert [tuple(one.values()) for one in memory.looked] == best
    assert len(memory.kept[HOLDOUT]) == 3


def test_a_look_is_counted_before_anything_is_seen() -> None:
    class Blind(Memory):
        def look(self, sets: Sequence[ParameterSet]) -> None:
            assert not self.kept[HOLDOUT]
            raise Killed

    memory = Blind()
    with pytest.raises(Killed):
        sweep(memory, 4)
    assert not memory.kept[HOLDOUT]


def test_the_walk_forward_takes_what_training_alone_said_was_best() -> None:
    found = sweep(Memory(), 4)
    first, second = found.steps
    assert found.sets[first.number - 1].parameters == {"p.r.a": 4.0, "p.r.b": 0.0}
    assert first.validation["expectancy"] == -1.0
    assert found.sets[second.number - 1].parameters == {"p.r.a": 3.0, "p.r.b": 0.0}
    assert found.walk_forward["expectancy"] == -0.5
    assert found.efficiency == pytest.approx(-0.5 / 2)  # 4 and 0 in training


@given(st.integers(0, 8), st.integers(1, 20), st.integers(1, 20), st.booleans())
def test_a_sweep_that_was_killed_goes_on_and_comes_to_the_same(
    lives: int, chunk: int, other_chunk: int, backwards: bool
) -> None:
    whole = sweep(Memory(), 4)
    memory = Memory()
    memory.lives = lives
    try:
        sweep(memory, chunk)
    except Killed:
        memory.lives = 10**9
    assert sweep(memory, other_chunk, backwards) == whole
    assert sum(map(len, memory.kept.values())) == 18


def test_the_neighbours_of_the_best_set_are_tried_too() -> None:
    def evaluate(part: str, sets: Sequence[ParameterSet]) -> Iterator[list[Outcome]]:
        yield [outcome(part, values) for values in sets]

    def run(around: int) -> SweepOutcome:
        search = make_search("grid", SPACE, 4, 1)
        choice = Choice(top=1, min_trades=5, around=around)
        return run_sweep(SPACE, search, SPLITS, choice, evaluate, Memory(), lambda part, done: None)

    before, after = run(0), run(10)
    (best,) = before.chosen
    assert best.plateau.evaluated < best.plateau.neighbours
    same = after.sets[best.number - 1]
    assert same.parameters == best.parameters and same.plateau.evaluated == same.plateau.neighbours
    assert [one.parameters for one in after.sets[:4]] == [one.parameters for one in before.sets]
    assert 4 < len(after.sets) <= 4 + best.plateau.neighbours
    assert len(run(1).sets) == 5


def test_what_is_done_is_not_done_again() -> None:
    memory = Memory()
    whole = sweep(memory, 4)
    runs = memory.runs
    assert sweep(memory, 4) == whole
    assert memory.runs == runs


def test_a_search_that_learns_goes_on_where_it_was_killed() -> None:
    pytest.importorskip("optuna")
    whole = sweep(Memory(), 3, method="tpe", most=12)
    memory = Memory()
    memory.lives = 2
    with pytest.raises(Killed):
        sweep(memory, 3, method="tpe", most=12)
    memory.lives = 10**9
    assert sweep(memory, 5, method="tpe", most=12) == whole


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (figures(0.1), figures(0.0)),
        (figures(0.1, factor=1.2), figures(0.1, factor=1.1)),
        (figures(0.1, factor=None), figures(0.1, factor=9.0)),
        (figures(0.1, fall=0.1), figures(0.1, fall=0.2)),
        (figures(-5.0), figures(100.0, trades=4)),
        (figures(-5.0), figures(None, trades=0, factor=None)),
    ],
)
def test_the_order_of_sets(better: Figures, worse: Figures) -> None:
    assert rank_key(better, 5) < rank_key(worse, 5)


def test_windows_together_are_weighted_by_their_trades() -> None:
    one, two = figures(2.0, trades=10), figures(-1.0, trades=30)
    found = pooled([one, two])
    assert (found["trades"], found["net"], found["expectancy"]) == (40, -10.0, -0.25)
    assert found["profit_factor"] == pytest.approx(20 / 30, abs=1e-6)
    assert pooled([figures(None, trades=0)])["expectancy"] is None


def test_a_plateau_holds_when_the_neighbours_keep_most_of_it() -> None:
    middle = {"p.r.a": 2.0, "p.r.b": 1.0}
    around = {key_of(one): 0.8 for one in SPACE.neighbours(middle)}
    assert plateau(SPACE, middle, {**around, key_of(middle): 1.0}).holds is True
    peak = plateau(SPACE, middle, {**around, key_of(middle): 2.0})
    assert (peak.neighbours, peak.evaluated, peak.kept, peak.mean_expectancy, peak.holds) == (4, 4, 0, 0.8, False)
    few = dict(list(around.items())[:1])
    assert plateau(SPACE, middle, {**few, key_of(middle): 1.0}).holds is None
    assert plateau(SPACE, middle, {**around, key_of(middle): -1.0}).holds is None
