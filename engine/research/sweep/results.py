"""The results file of a sweep. These models are its one definition: ``schemas/sweep.json`` is made from them, the
writer fills them and the reader checks against them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FORMAT: Literal["autotrader.sweep/1"] = "autotrader.sweep/1"
_MEND = "`engine sweep PACK --data DIR --out FILE` writes one"


class ResultsError(Exception):
    """A file that is no results file of a sweep. The text names the file, the field and the mend."""


class Part(BaseModel):
    """Frozen, no key but those below, and no value of another type made to fit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PooledFigures(Part):
    """Of the trades in one or several windows; null is unknown."""

    trades: int = Field(ge=0, description="Closed trades that lie wholly in the window.")
    win_rate: float | None = Field(description="Share of trades that made money.")
    won: float = Field(description="Sum of the nets above zero, money.")
    lost: float = Field(description="Sum of the nets below zero, money.")
    net: float = Field(description="Sum of all nets, money.")
    expectancy: float | None = Field(description="Net per trade, money.")
    profit_factor: float | None = Field(description="won over lost; null where nothing was lost.")


class Figures(PooledFigures):
    """Of the trades in one window; null is unknown."""

    events: int = Field(ge=0, description="Independent observations: a contract's event, or a symbol's day.")
    max_drawdown: float | None = Field(description="Deepest fall of cash and closed trades from a peak, a ratio.")
    sharpe: float | None = Field(description="Sharpe ratio per period of returns, not annualised.")


class Stretch(Part):
    """Trades that open at or after ``first`` and close before ``end`` (ISO 8601, UTC)."""

    first: str
    end: str


class FoldSplit(Part):
    train: Stretch
    validation: Stretch


class SplitFile(Part):
    """How the data was split."""

    unit: Literal["day", "tick"] = Field(description="What boundaries lie on.")
    holdout_share: float
    embargo_seconds: float | None = Field(description="null: a number of ticks instead.")
    embargo_ticks: int | None = Field(description="null: a time instead.")
    purge_seconds: float
    train: Stretch
    folds: list[FoldSplit]
    holdout: Stretch


class FoldFigures(Part):
    train: Figures
    validation: Figures


class PlateauFile(Part):
    """The sets one step away: how many there are, were evaluated, and keep 70% of the expectancy."""

    neighbours: int
    evaluated: int
    kept: int
    mean_expectancy: float | None
    holds: bool | None = Field(description="null: it earns nothing, or less than half of them were evaluated.")


class SetFile(Part):
    """One evaluated set."""

    number: int = Field(ge=1, description="In the order of the search; 1 is the rules' own defaults.")
    rank: int = Field(ge=1, description="By the validation windows, 1 is the best.")
    parameters: dict[str, float] = Field(description="By pack.rule.name, in the base unit of the parameter's kind.")
    decisions_sha256: str = Field(description="Of the run over the development part.")
    train: Figures = Field(description="The whole development part.")
    validation: Figures = Field(description="The validation windows of all folds; sets are ranked by these.")
    folds: list[FoldFigures]
    plateau: PlateauFile
    holdout: Figures | None = Field(description="null: this set was not looked at there.")
    holdout_decisions_sha256: str | None = Field(description="Of the run over all of the data.")


class StepFile(Part):
    """One step of the walk forward: the set that was best in training, and what it then did."""

    fold: int
    number: int
    train: Figures
    validation: Figures


class WalkForward(Part):
    steps: list[StepFile]
    validation: PooledFigures = Field(description="The validation windows of the sets that were chosen fold by fold.")
    efficiency: float | None = Field(description="Expectancy after each choice over expectancy before it.")


class DimensionFile(Part):
    parameter: str
    kind: str
    values: list[float]
    default: float


class SearchFile(Part):
    method: Literal["grid", "random", "tpe"]
    seed: int
    max_runs: int
    top_n: int
    min_trades: int
    combinations: int = Field(description="How many sets the space has.")
    note: str = Field(description="What was left out, in words; empty where nothing was.")


class DataFile(Part):
    fingerprint: str = Field(description="SHA-256 over all market events of the data.")
    described: str
    first: str
    last: str
    timezone: str


class Trials(Part):
    """Counts of the trial ledger when the file was written."""

    sweep: int = Field(description="Sets of this sweep.")
    pack_on_this_data: int = Field(description="Different sets of the pack that were ever tried on this data.")
    pack: int = Field(description="Different sets of the pack that were ever tried on any data.")
    sharpe_variance: float | None = Field(description="Of the Sharpe ratios per period over pack_on_this_data.")


class Looks(Part):
    """How often this stretch of market was read as a holdout, this sweep included."""

    sweeps: int
    sets: int


class SweepFile(Part):
    """The results of one sweep. The same sweep on the same store writes the same bytes."""

    format: Literal["autotrader.sweep/1"]
    sweep: str = Field(description="Derived from all that decides the results.")
    pack: str
    ruleset_sha256: str
    version: str = Field(description="Of the engine.")
    data: DataFile
    conditions: dict[str, str] = Field(description="Cash, costs and fills of the paper broker.")
    search: SearchFile
    space: list[DimensionFile]
    splits: SplitFile
    sets: list[SetFile] = Field(min_length=1)
    top: list[int] = Field(description="Numbers of the chosen sets by holdout expectancy, profit factor, drawdown.")
    walk_forward: WalkForward
    trials: Trials
    holdout_reads: Looks

    def set(self, number: int) -> SetFile:
        """A set by its number."""
        return self.sets[number - 1]


def to_text(results: SweepFile) -> str:
    """The file as it is written: indented JSON with keys in a fixed order."""
    return json.dumps(results.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_results(path: Path) -> SweepFile:
    """A results file; raises ResultsError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise ResultsError(f"{path} cannot be read: {why}; {_MEND}") from None
    try:
        return SweepFile.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ResultsError(
            f"{path} is no results file of a sweep{f', see {where}' if where else ''}: {first['msg']}; {_MEND}"
        ) from None


def schema() -> dict[str, Any]:
    """The JSON Schema (draft-07) of the file."""
    found = SweepFile.model_json_schema(ref_template="#/definitions/{model}")
    definitions = found.pop("$defs")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **_without_titles({**found, "title": ""}),
        "title": "Results of engine sweep",
        "definitions": {name: _without_titles(one) for name, one in definitions.items()},
    }


def _without_titles(value: Any) -> Any:
    """The library titles every property by its own name, which says nothing."""
    if isinstance(value, list):
        return [_without_titles(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {k: _without_titles(v) for k, v in value.items() if not (k == "title" and isinstance(v, str))}
