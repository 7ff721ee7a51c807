"""JSON and progress as the verbs print them."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from engine.cli.console import print_json, progress


def test_one_object_on_one_line_with_exact_decimals(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"price": Decimal("0.10"), "why": "≤ 2", "unknown": None})
    said = capsys.readouterr().out
    assert said == '{"price": "0.10", "why": "≤ 2", "unknown": null}\n'


def test_indented_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [1]}, indent=True)
    said = capsys.readouterr().out
    assert said.count("\n") > 2
    assert json.loads(said) == {"a": [1]}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_unknown_must_be_null_and_never_nan(value: float) -> None:
    with pytest.raises(ValueError):
        print_json({"x": value})


def test_no_bar_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("reading", 10) as advance:
        advance(10)
    assert capsys.readouterr() == ("", "")
