"""One sweep from first set to last: search on the past, choose, then look once at what was held back.

The order is the point. Sets are ranked by the validation windows of the development part alone; only the best few are
run over the holdout, and each such look is counted before it happens. What is found is the same whether the sweep ran
through or was stopped and started again, on one process or many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.research.sweep.plateau import Key, Plateau, key_of, plateau
from engine.research.sweep.search import Search
from engine.research.sweep.space import ParameterSet, Space
from engine.research.sweep.splits import Splits
from engine.research.sweep.windows import DEVELOPMENT, HOLDOUT, Figures, Outcome, pooled, rank_key

Evaluate = Callable[[str, Sequence[ParameterSet]], Iterable[Sequence[Outcome]]]
"""Runs sets over a part; gives outcomes as they come, in any order."""


class Kept(Protocol):
    """What is remembered between two starts of the same sweep."""

    def known(self, part: str) -> Mapping[Key, Outcome]:
        """Every outcome that is there already."""
        ...

    def keep(self, outcomes: Sequence[Outcome]) -> None:
        """These must be safe before this returns."""
        ...

    def look(self, sets: Sequence[ParameterSet]) -> None:
        """The holdout is going to be read for these sets; counted before this returns."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """How sets are chosen: the best ``top`` by their validation windows, those with ``min_trades`` there first. After
    the search at most ``around`` sets one step away from the best one are tried too: does it stand on a plateau?
    """

    top: int
    min_trades: int
    around: int = 0


@dataclass(frozen=True, slots=True)
class TriedSet:
    """One evaluated set. ``number`` counts from 1 in the order of the search, ``rank`` from 1 by the validation
    windows; ``holdout`` is there for the chosen ones only."""

    number: int
    rank: int
    outcome: Outcome
    plateau: Plateau
    holdout: Outcome | None

    @property
    def parameters(self) -> ParameterSet:
        return self.outcome.parameters


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the walk forward: the set that was best in training, and what it then did."""

    fold: int
    number: int
    train: Figures
    validation: Figures


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """All sets in the order of the search; ``steps`` of the walk forward, and their validation windows together."""

    sets: tuple[TriedSet, ...]
    steps: tuple[Step, ...]
    walk_forward: Figures
    efficiency: float | None

    @property
    def chosen(self) -> list[TriedSet]:
        """The sets that were run over the holdout, the best in validation first."""
        return sorted((one for one in self.sets if one.holdout is not None), key=lambda one: one.rank)


def run_sweep(
    space: Space, search: Search, splits: Splits, choice: Choice, evaluate: Evaluate, kept: Kept,
    progress: Callable[[str, int], None],
) -> SweepOutcome:  # fmt: skip
    """Run a sweep, or the rest of one. ``progress`` is told how many sets of a part are done, kept ones included."""
    tried = _develop(search, choice, evaluate, kept, progress)
    around = _around(space, tried, _order(tried, choice)[0], choice.around)
    tried += _evaluated(DEVELOPMENT, around, evaluate, kept, progress).values()
    order = _order(tried, choice)
    rank = {number: place for place, number in enumerate(order, 1)}
    best = [tried[number].parameters for number in order[: choice.top]]
    kept.look(best)
    held = dict(_evaluated(HOLDOUT, best, evaluate, kept, progress))
    expectancy = {key_of(one.parameters): one.windows["validation"]["expectancy"] for one in tried}
    sets = tuple(
        TriedSet(
            n + 1, rank[n], one, plateau(space, one.parameters, expectancy), held.get(key_of(one.parameters))
        )
        for n, one in enumerate(tried)
    )
    steps = _walk(tried, len(splits.folds), choice)
    return SweepOutcome(sets, steps, pooled([step.validation for step in steps]), _efficiency(steps))


def _develop(
    search: Search, choice: Choice, evaluate: Evaluate, kept: Kept, progress: Callable[[str, int], None]
) -> list[Outcome]:
    tried: list[Outcome] = []
    while batch := search.propose():
        found = _evaluated(DEVELOPMENT, batch, evaluate, kept, progress)
        tried += found.values()
        search.learn([_score(outcome, choice.min_trades) for outcome in found.values()])
    return tried


def _order(tried: Sequence[Outcome], choice: Choice) -> list[int]:
    """Places in ``tried``, the best set first."""
    return sorted(range(len(tried)), key=lambda n: (rank_key(tried[n].windows["validation"], choice.min_trades), n))


def _around(space: Space, tried: Sequence[Outcome], best: int, most: int) -> list[dict[str, float]]:
    """Neighbours of a set that were not tried."""
    known = {key_of(one.parameters) for one in tried}
    return [one for one in space.neighbours(tried[best].parameters) if key_of(one) not in known][:most]


def _evaluated(
    part: str, sets: Sequence[ParameterSet], evaluate: Evaluate, kept: Kept, progress: Callable[[str, int], None]
) -> dict[Key, Outcome]:
    """Outcomes in the order of ``sets``; what is kept is not run again."""
    known = kept.known(part)
    found = {key: known[key] for key in map(key_of, sets) if key in known}
    progress(part, len(found))
    missing = [one for one in sets if key_of(one) not in found]
    for outcomes in evaluate(part, missing) if missing else ():
        kept.keep(outcomes)
        found |= {key_of(outcome.parameters): outcome for outcome in outcomes}
        progress(part, len(outcomes))
    return {key: found[key] for key in map(key_of, sets)}


def _score(outcome: Outcome, min_trades: int) -> float:
    """What a search learns from: the expectancy in validation, far below any of them with too few trades."""
    figures = outcome.windows["validation"]
    if figures["trades"] < min_trades or figures["expectancy"] is None:
        return -1e12 + float(figures["trades"])
    return float(figures["expectancy"])


def _walk(tried: Sequence[Outcome], folds: int, choice: Choice) -> tuple[Step, ...]:
    return tuple(_step(tried, fold, choice) for fold in range(1, folds + 1))


def _step(tried: Sequence[Outcome], fold: int, choice: Choice) -> Step:
    train, validation = f"fold_{fold}_train", f"fold_{fold}_validation"
    best = min(range(len(tried)), key=lambda n: (rank_key(tried[n].windows[train], choice.min_trades), n))
    return Step(fold, best + 1, tried[best].windows[train], tried[best].windows[validation])


def _efficiency(steps: Sequence[Step]) -> float | None:
    """Walk-forward efficiency (Pardo): expectancy after the choice over expectancy before it."""
    before, after = pooled([s.train for s in steps])["expectancy"], pooled([s.validation for s in steps])["expectancy"]
    if before is None or after is None or before <= 0:
        return None
    return float(round(after / before, 6))
