"""Splits of outcomes in order of time: what is fitted has never seen what it is tried on, nor anything known later."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.research.calibration.outcomes import Outcomes

FOLDS = 5
FIRST_SHARE = 0.4
"""Share of events that no fold is tried on, because the first fit needs some history."""


class Fold(NamedTuple):
    """Row numbers to fit on and to try on."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]


def walk_forward(outcomes: Outcomes) -> list[Fold]:
    """Folds of whole events in the order of their first row. An event is in ``train`` only if its outcomes were all
    known before the first row of ``test`` was said. Folds with nothing to fit on are left out.
    """
    start = np.full(outcomes.events, np.iinfo(np.int64).max)
    np.minimum.at(start, outcomes.event, outcomes.time_ns)
    begin = int(np.ceil(outcomes.events * FIRST_SHARE))
    found = []
    for block in np.array_split(np.arange(begin, outcomes.events), FOLDS):
        if not len(block):
            continue
        test = np.flatnonzero(np.isin(outcomes.event, block))
        train = np.flatnonzero(outcomes.known_ns[outcomes.event] < start[block].min())
        if len(train):
            found.append(Fold(train, test))
    return found
