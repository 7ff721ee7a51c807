"""Search by a tree-structured Parzen estimator (J. Bergstra et al., "Algorithms for Hyper-Parameter Optimization",
NIPS 2011), as Optuna has it: it looks where sets that scored well are denser than those that did not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.research.sweep.space import Space

BATCH = 10  # fixed, so that the sets do not depend on how many workers there are
LEAST_SCORE = -1e300  # the estimator only ranks scores, and cannot rank an infinity


class MissingOptunaError(Exception):
    """Optuna is not installed. The text says how to."""


class Tpe:
    """Sets of one space, ten at a time, from a seed and the scores so far. At most ``most`` different ones."""

    def __init__(self, space: Space, most: int, seed: int) -> None:
        try:
            import optuna
        except ImportError:
            mend = "pip install -e '.[tpe]' in the engine's folder"
            raise MissingOptunaError(f"--search tpe needs Optuna: {mend}") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        # Places in rising values, so that the estimator knows which values are close to one another.
        self._distributions: dict[str, Any] = {
            d.key: optuna.distributions.IntDistribution(0, len(d.values) - 1) for d in space.dimensions
        }
        self._space, self._most = space, min(most, space.size + 1)
        self._asked: list[Any] = []
        self._tried: dict[tuple[float, ...], float | None] = {}
        self._first = True

    def propose(self) -> list[dict[str, float]]:
        if self._first:
            self._first = False
            self._tried[tuple(self._space.defaults.values())] = None
            return [dict(self._space.defaults)]
        batch: list[dict[str, float]] = []
        # It may ask again for what it knows; that costs nothing, but it must end some time.
        for _ in range(20 * self._most):
            if len(batch) == BATCH or len(self._tried) == self._most:
                break
            trial = self._study.ask(self._distributions)
            values = self._space.of(trial.params)
            key = tuple(values.values())
            if key not in self._tried:
                self._tried[key] = None
                self._asked.append((trial, key))
                batch.append(values)
            else:
                known = self._tried[key]
                if known is None:
                    self._asked.append((trial, key))
                else:
                    self._study.tell(trial, known)
        return batch

    def learn(self, scores: Sequence[float]) -> None:
        new = [key for key, score in self._tried.items() if score is None]
        for key, score in zip(new, scores, strict=True):
            self._tried[key] = max(score, LEAST_SCORE)
        for trial, key in self._asked:
            self._study.tell(trial, self._tried[key])
        self._asked = []
