"""``data/alpha_calibration.json``: the correction that signals apply, and what it rests on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.research.calibration.choose import CLIP, Choice
from engine.research.calibration.errors import CalibrationError
from engine.research.calibration.maps import AnyMap, Method
from engine.research.calibration.metrics import Scores
from engine.research.calibration.outcomes import Outcomes
from engine.research.results import iso_utc
from engine.research.statistics import Floats

_Number = Annotated[float, Field(allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Basis(_Part):
    """What the correction was fitted on."""

    file: str = Field(description="Name of the file of outcomes.")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="Of that file.")]
    rows: _Count
    events: Annotated[int, Field(ge=1, description="Independent outcomes: rows of one event count once.")]
    first: str = Field(description="Time of the first row, ISO 8601 in UTC.")
    last: str = Field(description="Time of the last row.")


class Figures(_Part):
    """Scores over rows that the correction had not seen; see docs/calibration.md."""

    log_loss: _Number
    brier: _Number
    reliability: _Number
    resolution: _Number
    uncertainty: _Number
    ece: _Number
    ece_if_right: _Number
    ece_p: _Number
    slope: _Number | None
    intercept: _Number | None


class Tried(_Part):
    """One method in the time-ordered cross-validation."""

    method: Method
    log_loss: _Number | None = Field(description="Null where it was not tried.")
    brier: _Number | None
    behind: _Number | None = Field(description="Log-loss above the best one's.")
    behind_error: _Number | None = Field(description="Standard error of that, by event.")
    left_out: str = Field(description="Why it was not tried; empty where it was.")


class Calibration(_Part):
    """A rising correction of fair probabilities, clipped, and what it rests on."""

    version: Literal[1]
    map: AnyMap
    clip: Annotated[float, Field(gt=0, lt=0.5, description="Corrected probabilities stay this far from 0 and 1.")]
    fitted_on: Basis
    tried: tuple[Tried, ...]
    before: Figures
    after: Figures

    def apply(self, p: float) -> float:
        """The corrected probability of ``p``. Raises ValueError unless ``p`` is from 0 to 1."""
        if not (math.isfinite(p) and 0 <= p <= 1):
            raise ValueError(f"{p} is no probability")
        return float(self.apply_all(np.array([p], dtype=np.float64))[0])

    def apply_all(self, p: Floats) -> Floats:
        """The same for an array of probabilities from 0 to 1; NaN stays NaN."""
        found: Floats = np.clip(self.map.of(p), self.clip, 1 - self.clip)
        return found


def calibration_of(outcomes: Outcomes, choice: Choice) -> Calibration:
    """What is written about a choice."""
    first, last = iso_utc(int(outcomes.time_ns[0])), iso_utc(int(outcomes.time_ns[-1]))
    assert first is not None and last is not None
    tried = tuple(
        Tried(
            method=c.method, log_loss=c.log_loss, brier=c.brier, behind=c.behind, behind_error=c.behind_error,
            left_out=c.left_out,
        )
        for c in choice.candidates
    )  # fmt: skip
    basis = Basis(
        file=outcomes.source, sha256=outcomes.sha256, rows=len(outcomes.outcome), events=outcomes.events, first=first,
        last=last,
    )  # fmt: skip
    return Calibration(
        version=1, map=choice.map, clip=CLIP, fitted_on=basis, tried=tried, before=_figures(choice.before),
        after=_figures(choice.after),
    )  # fmt: skip


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write the file whole or not at all, folder made if missing. Raises CalibrationError."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(calibration.model_dump_json(indent=2) + "\n", encoding="utf-8", newline="\n")
        temporary.replace(path)
    except OSError as error:
        raise CalibrationError(f"{path} cannot be written: {error.strerror or error}") from None


def load_calibration(path: Path) -> Calibration:
    """The correction in a file. Raises CalibrationError that names the field; nothing is ever left uncorrected in
    silence.
    """
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise CalibrationError(f"there is no file {path}; `engine calibrate --from FILE` makes one") from None
    except OSError as error:
        raise CalibrationError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise CalibrationError(
            f"{path}{f', {field}' if field else ''}: {first['msg']}; make it again with `engine calibrate`"
        ) from None


def _figures(scores: Scores) -> Figures:
    return Figures(**{name: getattr(scores, name) for name in Figures.model_fields})
