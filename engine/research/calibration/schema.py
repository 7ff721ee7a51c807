"""The JSON Schema (draft-07) of a calibration file, made from the model.

``python -m engine.research.calibration.schema`` writes it; a test fails when the checked-in file is out of step.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.research.calibration.file import Calibration

FILE = Path(__file__).parents[3] / "schemas" / "calibration.json"
_DRAFT = "http://json-schema.org/draft-07/schema#"


def calibration_schema() -> dict[str, Any]:
    """Schema of the whole file."""
    schema = Calibration.model_json_schema(ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs")
    return {"$schema": _DRAFT, **schema, "title": "alpha_calibration.json", "definitions": definitions}


def rendered() -> str:
    """As it is checked in."""
    return json.dumps(calibration_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(rendered(), encoding="utf-8", newline="\n")
    print(FILE)
