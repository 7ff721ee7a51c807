"""What is kept of a round. These models are its one definition: ``schemas/pipeline.json`` is made from them.

Digests are SHA-256 in hexadecimal; of a file over its bytes. Times are ISO 8601, UTC.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FORMAT: Literal["autotrader.pipeline/1"] = "autotrader.pipeline/1"
Status = Literal["running", "done", "skipped", "failed", "stopped"]


class StateError(Exception):
    """A state file that cannot be read. The text names the file, the field and the mend."""


class Part(BaseModel):
    """Frozen, no key but those below, and no value of another type made to fit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Record(Part):
    """One step of a round, as it was begun last."""

    step: str
    command: str = Field(description="What does the same when it is typed.")
    status: Status = Field(description="running: begun and not ended, as after a kill; skipped: nothing to do.")
    began: str
    seconds: float | None = Field(default=None, description="By the clock; null until it has ended.")
    exit: int | None = Field(default=None, description="Exit code of the command; null where it did not end.")
    inputs: dict[str, str] = Field(description="What was read, with its digest when the step began; absent files too.")
    outputs: dict[str, str] = Field(default={}, description="What was made, with its digest when the step ended.")
    words: str = Field(default="", description="The result, or why there is none, in words.")
    result: dict[str, Any] = Field(default={}, description="Figures of the result.")
    same_as_round: int | None = Field(default=None, description="Not done again: that round did it on the same inputs.")


class Round(Part):
    """The state file of a round."""

    format: Literal["autotrader.pipeline/1"] = FORMAT
    number: int = Field(ge=1)
    asked: dict[str, Any] = Field(description="The options of the pipeline; another round goes on only with the same.")
    began: str
    ended: str | None = Field(default=None, description="null: it broke off, and the same command goes on with it.")
    passed: bool | None = Field(default=None, description="Whether the gate was passed; null until it was asked.")
    steps: list[Record] = []

    def record(self, step: str) -> Record | None:
        """What is kept of a step."""
        return next((record for record in self.steps if record.step == step), None)

    def with_record(self, record: Record) -> Round:
        """The same with a step begun or ended; a step that was there is replaced, in its place."""
        if self.record(record.step) is None:
            return self.model_copy(update={"steps": [*self.steps, record]})
        steps = [record if one.step == record.step else one for one in self.steps]
        return self.model_copy(update={"steps": steps})


def to_text(state: Round) -> str:
    """The state file."""
    return json.dumps(state.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_round(path: Path) -> Round:
    """Read a state file; raises StateError."""
    mend = "move its folder away, and a new round begins"
    try:
        return Round.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(f"{path} cannot be read: {error}; {mend}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise StateError(f"{path}: {where}: {first['msg']}; {mend}") from None


def schema() -> dict[str, Any]:
    """JSON Schema (draft-07) of the state file."""
    found = Round.model_json_schema(ref_template="#/definitions/{model}")
    definitions = found.pop("$defs")
    draft = "http://json-schema.org/draft-07/schema#"
    return {"$schema": draft, **found, "title": "state.json of a pipeline's round", "definitions": definitions}
