"""What the trial ledger of the store holds of a pack, as the gates count it."""

from __future__ import annotations

import numpy as np

from engine.research.statistics.trials import Trials
from state import Store


def trials_of(store: Store, pack: str) -> Trials | None:
    """Every set of a pack that was ever tried; None where none was.

    Results by period are those of the sweep that tried the most sets (the newest of equals): only trials of one sweep
    have the same periods.
    """
    tried = store.trials.distinct(pack)
    if not tried:
        return None
    events = np.array([trial.statistics["windows"]["train"]["events"] for trial in tried], dtype=np.float64)
    largest = max(store.trials.sweeps(pack), key=lambda row: int(row["trials"]))
    results = np.column_stack([np.asarray(column) for column in store.trials.matrix(largest["id"])])
    return Trials(len(tried), events, results)
