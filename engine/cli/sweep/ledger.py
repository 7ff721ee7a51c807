"""The trial ledger of the store as the memory of a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.cli.assemble import now_ns
from engine.research.sweep.plateau import Key, key_of
from engine.research.sweep.space import ParameterSet
from engine.research.sweep.windows import Outcome
from state import Store, SweepRow, Trial


class LedgerMemory:
    """What a sweep has kept of itself. ``before`` is how many sets were there when it was started."""

    def __init__(self, store: Store, sweep: SweepRow) -> None:
        self._ledger, self._sweep = store.trials, sweep
        self._ledger.begin(sweep, now_ns())
        self.before = len(self._ledger.trials(sweep.id))

    def known(self, part: str) -> Mapping[Key, Outcome]:
        return {key_of(t.parameters): _outcome(t) for t in self._ledger.trials(self._sweep.id, part)}

    def keep(self, outcomes: Sequence[Outcome]) -> None:
        self._ledger.append(self._sweep.id, [_trial(outcome) for outcome in outcomes], now_ns())

    def look(self, sets: Sequence[ParameterSet]) -> None:
        self._ledger.look_at_holdout(self._sweep, sets, now_ns())


def _trial(outcome: Outcome) -> Trial:
    statistics = {"engine": outcome.engine, "windows": {name: dict(one) for name, one in outcome.windows.items()}}
    return Trial(outcome.part, outcome.parameters, outcome.decisions_sha256, statistics, outcome.returns)


def _outcome(trial: Trial) -> Outcome:
    return Outcome(
        trial.part, trial.parameters, trial.decisions_sha256, trial.statistics["windows"], trial.returns,
        trial.statistics["engine"],
    )  # fmt: skip
