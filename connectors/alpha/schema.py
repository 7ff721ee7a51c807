"""The JSON Schema (draft-07) of the signal file, made from its models: ``python -m connectors.alpha.schema`` writes it.

A test fails when the checked-in file is out of step.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from connectors.alpha.models import SignalFile

FILE = Path(__file__).parents[2] / "schemas" / "alpha_signals.json"


def signals_schema() -> dict[str, Any]:
    """Schema of the whole file."""
    schema = SignalFile.model_json_schema(mode="validation", ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        **_without_titles(schema),
        "title": "alpha_signals.json",
        "definitions": _without_titles(definitions),
    }


def rendered() -> str:
    """As it is checked in."""
    return json.dumps(signals_schema(), indent=2, ensure_ascii=False) + "\n"


def _without_titles(schema: Any) -> Any:
    """The library titles every property by its own name, which says nothing."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    return {key: _without_titles(value) for key, value in kept.items()}


if __name__ == "__main__":
    FILE.write_text(rendered(), encoding="utf-8", newline="\n")
    print(FILE)
