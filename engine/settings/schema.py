"""The JSON Schema (draft-07) of ``autotrader.toml``, made from the models, for editors and for checking elsewhere.

``python -m engine.settings.schema`` writes it; a test fails when the checked-in file is out of step.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.settings.models import Settings

FILE = Path(__file__).parents[2] / "schemas" / "config.json"
_DRAFT = "http://json-schema.org/draft-07/schema#"


def config_schema() -> dict[str, Any]:
    """Schema of the whole file. Defaults stand in it, so that an editor shows them."""
    schema = Settings.model_json_schema(by_alias=True, ref_template="#/definitions/{model}")
    sections = {name: _without_titles(_without_secrets(section)) for name, section in schema["$defs"].items()}
    properties = {
        name: {"$ref": reference.get("$ref") or reference["allOf"][0]["$ref"]}
        for name, reference in schema["properties"].items()
    }
    return {
        "$schema": _DRAFT,
        "title": "autotrader.toml",
        "description": "Settings of the engine. Every key has a default.",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "definitions": sections,
    }


def rendered() -> str:
    """As it is checked in."""
    return json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n"


def _without_secrets(section: dict[str, Any]) -> dict[str, Any]:
    """The file may not say them."""
    keys = {key: value for key, value in section["properties"].items() if "writeOnly" not in json.dumps(value)}
    return {**section, "properties": keys}


def _without_titles(schema: Any) -> Any:
    """The library titles every property by its own name, which says nothing. A property may be called title."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_titles(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))
    }


if __name__ == "__main__":
    FILE.write_text(rendered(), encoding="utf-8", newline="\n")
    print(FILE)
