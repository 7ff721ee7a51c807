"""The published schemas are in step with the models, valid, and agree with the loader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from engine.ruleset.load import load_text
from engine.ruleset.schema import FOLDER, pack_schema, rendered, rule_schema, schemas, write
from engine.ruleset.source import Mapping, Node, Scalar, parse_text

CASES = Path(__file__).with_name("cases")


def as_json(node: Node) -> Any:
    """What an editor's YAML 1.2 reader makes of a tree."""
    if isinstance(node, Mapping):
        return {entry.key.text: as_json(entry.value) for entry in node.entries}
    if not isinstance(node, Scalar):
        return [as_json(item) for item in node.items]
    if not node.plain:
        return node.text
    if node.text in ("true", "false"):
        return node.text == "true"
    if re.fullmatch(r"-?\d+", node.text):
        return int(node.text)
    return float(node.text) if re.fullmatch(r"-?\d+\.\d+", node.text) else node.text or None


def errors(text: str, schema: dict[str, Any]) -> list[str]:
    validator = Draft7Validator(schema)
    documents = parse_text("f.yaml", text).documents
    return [error.message for document in documents for error in validator.iter_errors(as_json(document.root))]


@pytest.mark.parametrize("name", sorted(schemas()))
def test_the_checked_in_schema_is_in_step_with_the_models(name: str) -> None:
    mend = "run: python -m engine.ruleset.schema"
    assert (FOLDER / name).read_text(encoding="utf-8") == rendered(schemas()[name]), mend


@pytest.mark.parametrize("schema", [rule_schema(), pack_schema()], ids=["rule", "pack"])
def test_the_schema_is_valid_draft_7_and_every_reference_resolves(schema: dict[str, Any]) -> None:
    Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    references = set(re.findall(r'"#/definitions/(\w+)"', json.dumps(schema)))
    assert references <= set(schema["definitions"])


def test_one_of_every_kind_validates() -> None:
    assert errors((CASES / "every_kind.yaml").read_text(), rule_schema()) == []
    assert errors((CASES / "pack.yaml").read_text(), pack_schema()) == []


STRATEGY = "kind: strategy\nname: s\nwhen: close > 1\nthen: {buy: {size: 1}}\n"


@pytest.mark.parametrize(
    "text",
    [
        STRATEGY + "colldown: 15m\n",
        STRATEGY + "priority: 1.5\n",
        STRATEGY + "enabled: maybe\n",
        STRATEGY + "on: bar(1 minute)\n",
        STRATEGY + "universe: []\n",
        STRATEGY + "params: {f-t: {default: 1}}\n",
        STRATEGY + "params: {fast: 20}\n",
        STRATEGY + "cooldown:\n",
        STRATEGY.replace("size", "sise"),
        STRATEGY.replace("}}", "}, sell: {size: 1}}"),
        "kind: strategy\nname: s\nwhen: a\n",
        "kind: guard\nname: g\nfor: entry\nrequire: a\nelse: {block: b}\n",
        "kind: session\nname: s\nhours: noon\n",
        "kind: test\nname: t t\nrules: [a]\ngiven: {bars(x): {close: 1}}\nexpect: [{at: 1m, rule: a, is: fired}]\n",
        "kind: strat\nname: s\n",
        "name: s\n",
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(text: str) -> None:
    assert load_text("f.yaml", text).findings
    assert errors(text, rule_schema())


def test_every_field_shows_help_in_an_editor() -> None:
    bare = [
        f"{name}.{key}"
        for schema in (rule_schema(), pack_schema())
        for name, definition in schema["definitions"].items()
        for key, field in definition.get("properties", {}).items()
        if key not in ("kind", "about", "name") and not ({"description", "$ref"} & set(field))
    ]
    assert bare == []


def test_schemas_are_written_where_asked(tmp_path: Path) -> None:
    assert [path.name for path in write(tmp_path / "schemas")] == ["rule.json", "pack.json"]
    assert json.loads((tmp_path / "schemas" / "rule.json").read_text()) == rule_schema()
