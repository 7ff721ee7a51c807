"""What the trial ledger of the store holds of a pack, as the gates count it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.cli.gate.costs import why_free
from engine.research.statistics.trials import Trials
from state import Store


def trials_of(store: Store, pack: str) -> Trials | None:
    """Every set of a pack that was ever tried; None where none was.

    Results by period are those of the sweep that tried the most sets (the newest of equals): only trials of one sweep
    have the same periods. A sweep whose fills cost nothing counts for how much was tried, and its results show nothing.
    """
    tried = store.trials.distinct(pack)
    if not tried:
        return None
    events = np.array([trial.statistics["windows"]["train"]["events"] for trial in tried], dtype=np.float64)
    sweeps = store.trials.sweeps(pack)
    free = {row["id"]: _why_free(row["plan"]) for row in sweeps}
    costed = [row for row in sweeps if not free[row["id"]]]
    if not costed:
        newest = sweeps[0]["id"]
        return Trials(len(tried), events, why_no_results=f"no sweep shows any; of sweep {newest}: {free[newest]}")
    largest = max(costed, key=lambda row: int(row["trials"]))
    results = np.column_stack([np.asarray(column) for column in store.trials.matrix(largest["id"])])
    return Trials(len(tried), events, results)


def _why_free(plan: Mapping[str, Any]) -> str:
    """Why a sweep shows nothing by its conditions; empty when it does. It names the rates of all contracts it had."""
    conditions = plan["conditions"]
    if conditions["fill_model"] == "optimistic":
        return "its fills were optimistic"
    contracts = {name.partition(" ")[2] for name in conditions if name.startswith("contract_rate ")}
    traded = {plan["execution"].get(symbol, symbol) for symbols in plan["universe"].values() for symbol in symbols}
    return why_free(conditions, traded - contracts)
