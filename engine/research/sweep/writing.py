"""From an outcome to the results file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.research.sweep.results import FORMAT, SweepFile
from engine.research.sweep.space import Space
from engine.research.sweep.splits import Splits
from engine.research.sweep.study import Step, SweepOutcome, TriedSet
from engine.research.sweep.windows import HOLDOUT, rank_key


def sweep_file(
    outcome: SweepOutcome, space: Space, splits: Splits, said: Mapping[str, Any],
    trials: Mapping[str, Any], looks: Mapping[str, int],
) -> SweepFile:  # fmt: skip
    """The results file. ``said``: what the sweep was asked for and on what; ``trials`` and ``looks``: counts of the
    ledger, as the file has them."""
    return SweepFile.model_validate({
        "format": FORMAT,
        **{name: said[name] for name in ("sweep", "pack", "ruleset_sha256", "version")},
        "data": {name: said[name] for name in ("fingerprint", "described", "first", "last", "timezone")},
        "conditions": said["conditions"],
        "search": {
            **{name: said[name] for name in ("method", "seed", "max_runs", "top_n", "min_trades")},
            "combinations": space.size,
            "note": _note(outcome, space, said["method"]),
        },
        "space": [
            {"parameter": d.key, "kind": d.kind, "values": list(d.values), "default": space.defaults[d.key]}
            for d in space.dimensions
        ],
        "splits": splits.to_json(),
        "sets": [_set(one) for one in outcome.sets],
        "top": [one.number for one in by_holdout(outcome)],
        "walk_forward": {
            "steps": [_step(step) for step in outcome.steps],
            "validation": dict(outcome.walk_forward),
            "efficiency": outcome.efficiency,
        },
        "trials": dict(trials),
        "holdout_reads": dict(looks),
    })  # fmt: skip


def by_holdout(outcome: SweepOutcome) -> list[TriedSet]:
    """The chosen sets by what they did on the holdout, the best first; equals in the order of the choice."""
    ranked = [(rank_key(one.holdout.windows[HOLDOUT], 0), one.rank, one) for one in outcome.chosen if one.holdout]
    return [one for _, _, one in sorted(ranked, key=lambda pair: pair[:2])]


def _note(outcome: SweepOutcome, space: Space, method: str) -> str:
    tried = len(outcome.sets)
    if tried >= space.size:
        return ""
    how = {"grid": "an evenly spread part of the grid", "random": "a random part", "tpe": "the part that was searched"}
    return f"{tried:,} of {space.size:,} sets were tried: {how[method]}; raise --max-runs for more"


def _set(one: TriedSet) -> dict[str, Any]:
    windows = one.outcome.windows
    folds = (len(windows) - 2) // 2
    return {
        "number": one.number,
        "rank": one.rank,
        "parameters": dict(sorted(one.parameters.items())),
        "decisions_sha256": one.outcome.decisions_sha256,
        "train": dict(windows["train"]),
        "validation": dict(windows["validation"]),
        "folds": [
            {"train": dict(windows[f"fold_{n}_train"]), "validation": dict(windows[f"fold_{n}_validation"])}
            for n in range(1, folds + 1)
        ],
        "plateau": one.plateau.to_json(),
        "holdout": None if one.holdout is None else dict(one.holdout.windows[HOLDOUT]),
        "holdout_decisions_sha256": None if one.holdout is None else one.holdout.decisions_sha256,
    }


def _step(step: Step) -> dict[str, Any]:
    return {"fold": step.fold, "number": step.number, "train": dict(step.train), "validation": dict(step.validation)}
