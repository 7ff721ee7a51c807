"""The file of fitted flow parameters: what signals are built with, and how it was found."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.research.flow.features import FlowSettings
from engine.research.flow.fit import Fitted
from engine.research.flow.model import Coefficients

VERSION = 1


class ParametersError(Exception):
    """A file of flow parameters that cannot be used. One line with the field and the mend."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Numbers(_Strict):
    """Coefficients as the model has them."""

    flow: float
    calibration: float = Field(ge=0, le=0.5)

    def coefficients(self) -> Coefficients:
        return Coefficients(self.flow, self.calibration)


class Settings(_Strict):
    """Features as they were made for the fit, and are to be made for signals. Times in seconds."""

    window: float = Field(gt=0)
    half_life: float = Field(gt=0)
    cap_multiple: float = Field(ge=1)
    anchor_trades: int = Field(ge=1)
    least_trades: int = Field(ge=1)
    half_trades: float = Field(ge=0)
    most_move: float = Field(gt=0, le=0.5)

    def settings(self) -> FlowSettings:
        return FlowSettings(**self.model_dump())


class Label(_Strict):
    """What samples were labelled with: how markets ended, or their price ``ahead`` seconds later."""

    kind: Literal["outcome", "price"]
    ahead: float | None = None


class CalibrationUsed(_Strict):
    """Which table was used, for which domain of markets that do not say theirs."""

    domain: str
    sha256: str


class Data(_Strict):
    """What it was fitted on."""

    trades: int
    markets: int
    events: int
    samples: int
    first: str
    last: str


class FoldReport(_Strict):
    """One fold: fitted to what was known before it began, judged on what came in it."""

    begins: str
    ends: str
    train_events: int
    test_events: int
    coefficients: Numbers
    market_log_loss: float
    model_log_loss: float


class FlowParameters(_Strict):
    """The whole file."""

    version: Literal[1] = 1
    made_at: str
    settings: Settings
    label: Label
    calibration: CalibrationUsed | None
    data: Data
    folds: list[FoldReport]
    gain: float = Field(description="How much less log-loss than the market's price in the folds, a mean over events.")
    gain_low: float = Field(description="Its one-sided 95% bound, events being independent.")
    better: bool
    fitted: Numbers
    in_force: Numbers = Field(description="What signals are built with: zeros unless the folds were better.")

    def rendered(self) -> str:
        """The text of the file."""
        return json.dumps(self.model_dump(mode="json"), indent=2) + "\n"


def parse_parameters(text: str, name: str) -> FlowParameters:
    """The parameters in a text of a file called ``name``."""
    try:
        told: Any = json.loads(text)
        found = FlowParameters.model_validate(told)
    except json.JSONDecodeError as error:
        raise ParametersError(f"{name}:{error.lineno} is no JSON: {error.msg}; fit anew") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ParametersError(f"{name}: {field}: {first['msg']}; fit anew with `engine signals fit-flow`") from None
    if not found.better and found.in_force != Numbers(flow=0.0, calibration=0.0):
        raise ParametersError(f"{name}: in_force must be zeros, because the folds were no better than the market")
    return found


def numbers(coefficients: Coefficients) -> Numbers:
    """As the file says them."""
    return Numbers(flow=coefficients.flow, calibration=coefficients.calibration)


def settings_of(settings: FlowSettings) -> Settings:
    """As the file says them."""
    return Settings(**asdict(settings))


def folds_of(fitted: Fitted, iso: Any) -> list[FoldReport]:
    """Folds with times as ``iso`` writes them."""
    return [
        FoldReport(
            begins=iso(fold.begins_ns), ends=iso(fold.ends_ns), train_events=fold.train_events,
            test_events=fold.test_events, coefficients=numbers(fold.coefficients),
            market_log_loss=fold.market_loss, model_log_loss=fold.model_loss,
        )
        for fold in fitted.folds
    ]  # fmt: skip
