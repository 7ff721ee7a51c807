"""What signals said when trades were entered: read back from the node values that decisions were taken on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.cli.errors import exit_code_of
from engine.cli.kept import KeptRun, bring_back
from engine.language.types import Kind
from engine.plan.program import Program
from engine.research.signal_quality import PredictedTrade
from engine.research.trades import ClosedTrade
from state import Store

FAIR, SAID = ".fair", ".said"


@dataclass(frozen=True, slots=True)
class Predictions:
    """Trades of which it is known what the signal said, and in words why that is not known of others, with counts."""

    found: list[PredictedTrade]
    missing: dict[str, int]


def predictions(store: Store, pack: str, trades: Sequence[ClosedTrade]) -> Predictions:
    """The fair probability of YES behind the entry of each of a pack's ``trades``, from whichever run decided it."""
    wanted = {trade.entry_client_id for trade in trades}
    decided = {
        row["client_id"]: (run["id"], row["decision"])
        for run in store.runs()
        if pack in run["packs"] and wanted
        for row in store.orders(run["id"])
        if row["client_id"] in wanted
    }
    runs: dict[str, KeptRun | str] = {}
    found, missing = [], dict[str, int]()
    for trade in trades:
        run_id, number = decided.get(trade.entry_client_id, ("", 0))
        if run_id and run_id not in runs:
            runs[run_id] = _brought_back(store, run_id)
        said = _probabilities(runs[run_id], number) if number else "no decision stands behind the entry"
        if isinstance(said, str):
            missing[said] = missing.get(said, 0) + 1
        else:
            found.append(PredictedTrade(trade, *said))
    return Predictions(found, missing)


def _brought_back(store: Store, run_id: str) -> KeptRun | str:
    """A run with its plan, or why it cannot be brought back."""
    try:
        return bring_back(store, run_id)
    except Exception as error:
        if exit_code_of(error) is None:
            raise
        return f"run {run_id}: {error}"


def _probabilities(kept: KeptRun | str, number: int) -> tuple[float, float] | str:
    """The probability that a decision was taken on and what its maker had said, or why there is none."""
    if isinstance(kept, str):
        return kept
    decision = kept.store.decision(kept.run["id"], number)
    if decision["values"] is None:
        return "the values of the decision were not kept (trace.keep in autotrader.toml)"
    plan = kept.plan.symbols.get(decision["trigger_symbol"])
    slots = [] if plan is None else _slots(kept, plan.program, FAIR)
    if plan is None or not slots:
        return "its rules read no fair probability"
    values = np.frombuffer(decision["values"], dtype=np.float64)
    if len(values) != len(plan.program.initial):
        return f"run {kept.run['id']} was kept by another engine version; its values cannot be read"
    fair = _first_known(values, slots)
    if fair is None:
        return "the fair probability was unknown"
    said = _first_known(values, _slots(kept, plan.program, SAID))
    return fair, fair if said is None else said


def _first_known(values: NDArray[np.float64], slots: Sequence[int]) -> float | None:
    return next((float(values[slot]) for slot in slots if values[slot] == values[slot]), None)


def _slots(kept: KeptRun, program: Program, ending: str) -> list[int]:
    """Where such probabilities stand among the values: facts of signals whose name ends so."""
    facts = kept.plan.ruleset.facts
    keys = [
        (key.name, slot)
        for key, slot in program.inputs.items()
        if key.what == "fact" and key.name.endswith(ending) and facts[key.name].kind == Kind.PROBABILITY.value
    ]
    return [slot for _, slot in sorted(keys)]
