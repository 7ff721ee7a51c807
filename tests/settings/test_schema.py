"""The published schema is the model's, and judges files as the model does."""

from __future__ import annotations

import tomllib
from pathlib import Path

import jsonschema
import pytest

from engine.settings.schema import FILE, config_schema, rendered

PROJECT = Path(__file__).parents[2]


def test_checked_in_schema_is_in_step() -> None:
    assert FILE.read_text(encoding="utf-8") == rendered(), "run `make schemas`"


def test_schema_is_draft_07() -> None:
    jsonschema.Draft7Validator.check_schema(config_schema())
    assert config_schema()["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_file_of_the_project_is_valid() -> None:
    jsonschema.Draft7Validator(config_schema()).validate(tomllib.loads((PROJECT / "autotrader.toml").read_text()))


@pytest.mark.parametrize(
    "text",
    ["[paper]\ncsh = 1", "[mraket]", "[paper]\ncash = -1", '[trace]\nlevel = "loud"', "paper = 1", "[log]\njson = 1"],
)
def test_what_the_loader_refuses_the_schema_refuses(text: str) -> None:
    assert not jsonschema.Draft7Validator(config_schema()).is_valid(tomllib.loads(text))
