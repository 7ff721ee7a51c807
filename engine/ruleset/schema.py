"""The JSON Schemas (draft-07) of rule files, made from the models. Editors read them through the line

``# yaml-language-server: $schema=../../schemas/rule.json``

``python -m engine.ruleset.schema`` writes them; a test fails when the checked-in files are out of step.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.json_schema import models_json_schema

from engine.ruleset.model_parts import KeyPattern, RuleModel
from engine.ruleset.models import KINDS, RULE_KINDS

FOLDER = Path(__file__).parents[2] / "schemas"
_DRAFT = "http://json-schema.org/draft-07/schema#"
_DROPPED = ("title", "default")


def rule_schema() -> dict[str, Any]:
    """Schema of one document of a rule file: the kind chooses the rest."""
    return {
        "$schema": _DRAFT,
        "title": "Rule",
        "description": "One document of a rule file. `kind` says which fields follow.",
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(RULE_KINDS), "description": "What kind of rule this is."}},
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"$ref": f"#/definitions/{model.__name__}"},
            }
            for kind, model in RULE_KINDS.items()
        ],
        "definitions": _definitions(list(RULE_KINDS.values())),
    }


def pack_schema() -> dict[str, Any]:
    """Schema of ``pack.yaml``."""
    definitions = _definitions([KINDS["pack"]])
    top = definitions.pop("Pack")
    return {"$schema": _DRAFT, "title": "Pack", **top, "definitions": definitions}


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema by the name of its file."""
    return {"rule.json": rule_schema(), "pack.json": pack_schema()}


def rendered(schema: dict[str, Any]) -> str:
    """As it is checked in."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path = FOLDER) -> list[Path]:
    """Write every schema into ``folder``; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in schemas().items():
        path = folder / name
        path.write_text(rendered(schema), encoding="utf-8")
        written.append(path)
    return written


def _definitions(models: list[Any]) -> dict[str, Any]:
    """Draft-07 definitions of ``models`` and everything below them, by class name."""
    _, made = models_json_schema(
        [(model, "validation") for model in models], by_alias=True, ref_template="#/definitions/{model}"
    )
    definitions: dict[str, Any] = _plain(made["$defs"])
    for model in {below for top in models for below in _below(top)}:
        _finish(model, definitions[model.__name__])
    return {name: definitions[name] for name in sorted(definitions)}


def _finish(model: type[RuleModel], schema: dict[str, Any]) -> None:
    """What pydantic cannot know: patterned keys, and which fields exclude one another."""
    properties = schema["properties"]
    for attribute, info in model.model_fields.items():
        marker = next((each for each in info.metadata if isinstance(each, KeyPattern)), None)
        if marker is not None:
            below = properties.pop(attribute)["additionalProperties"]
            schema.setdefault("patternProperties", {})[f"^{marker.pattern}$"] = below
    if "kind" in properties:
        schema["properties"] = {"kind": properties.pop("kind"), **properties}
    if model.exactly_one:
        schema["oneOf"] = [{"required": [name]} for name in model.exactly_one]
    if model.at_least_one:
        schema["anyOf"] = [{"required": [name]} for name in model.at_least_one]


def _plain(value: Any) -> Any:
    """Without titles, defaults and the null alternative: a field that is not wanted is left out, never null."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    alternatives = value.get("anyOf")
    if isinstance(alternatives, list):
        arms = [arm for arm in alternatives if arm != {"type": "null"}]
        rest = {key: item for key, item in value.items() if key != "anyOf"}
        value = {**arms[0], **rest} if len(arms) == 1 else {**rest, "anyOf": arms}
    value = dict(value)
    if value.get("type") == "array":
        value.setdefault("minItems", 1)  # the loader takes no empty list
    if "patternProperties" in value:
        value.setdefault("additionalProperties", False)
        value.pop("propertyNames", None)
    return {
        key: {name: _plain(item) for name, item in inner.items()} if key == "properties" else _plain(inner)
        for key, inner in value.items()
        if key not in _DROPPED
    }


def _below(model: type[RuleModel]) -> Iterator[type[RuleModel]]:
    yield model
    for info in model.model_fields.values():
        for inner in _models_in(info.annotation):
            yield from _below(inner)


def _models_in(annotation: Any) -> Iterator[type[RuleModel]]:
    if get_origin(annotation) in (Annotated, Union, UnionType, tuple, dict):
        for arm in get_args(annotation):
            yield from _models_in(arm)
    elif isinstance(annotation, type) and issubclass(annotation, RuleModel):
        yield annotation


if __name__ == "__main__":
    for path in write(*(Path(argument) for argument in sys.argv[1:2])):
        print(path)
