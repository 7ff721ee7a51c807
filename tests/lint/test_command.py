"""``engine lint``: exit codes, formats, and what --fix prints."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from engine.cli.main import main

GOOD = """\
kind: definitions
name: shared
"""
WARNED = """\
kind: strategy
name: momentum
universe: [SPY]
let:
  unused: open
when: close > open
cooldown: 15m
then:
  buy: {size: 10, bracket: {stop: close * 0.99, target: close * 1.02}}
"""
WRONG = WARNED.replace("close > open", "close = open")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return tmp_path / "rules.yaml"


@pytest.mark.parametrize(
    ("text", "level", "code"),
    [
        (GOOD, "warning", 0),
        (WARNED, "error", 0),
        (WARNED, "warning", 1),
        (WRONG, "error", 1),
        ("kind: [", "error", 1),
    ],
)
def test_the_exit_code_says_whether_anything_reaches_the_level(rules: Path, text: str, level: str, code: int) -> None:
    rules.write_text(text)
    only = ["--select", "AT001", "--select", "AT006", "--select", "unused-let"]
    assert main(["lint", str(rules), "--fail-level", level, *only]) == code


@pytest.mark.parametrize(
    "arguments", [["nothing.yaml"], ["."], ["--select", "AT999", "rules.yaml"], [], ["--format", "xml", "."]]
)
def test_what_cannot_run_is_one_line_and_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    if "rules.yaml" in arguments:
        (tmp_path / "rules.yaml").write_text(GOOD)
    assert main(["lint", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1


def test_text_points_at_the_place_and_sums_up_on_standard_error(
    rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules.write_text(WRONG)
    assert main(["lint", str(rules)]) == 1
    printed = capsys.readouterr()
    assert f"--> {rules}:6:13" in printed.out
    assert "did you mean ==?" in printed.out
    assert printed.err == "1 file looked at: 1 error in 1 file; 1 can be mended by --fix\n"


def test_formats_for_machines_are_all_there_is_on_standard_output(
    rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules.write_text(WRONG)
    out = {}
    for name in ("json", "sarif", "github", "junit"):
        assert main(["lint", str(rules), "--format", name]) == 1
        out[name] = capsys.readouterr().out
    assert [found["code"] for found in json.loads(out["json"])["findings"]] == ["AT006"]
    [run] = json.loads(out["sarif"])["runs"]
    assert run["tool"]["driver"]["rules"][0]["shortDescription"]["text"].startswith("text that is no expression")
    assert out["github"].startswith("::error file=")
    assert ElementTree.fromstring(out["junit"]).find(".//failure") is not None


def test_fix_mends_says_so_and_judges_what_is_left(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules.write_text(WRONG)
    assert main(["lint", str(rules), "--fix", "--select", "AT006"]) == 0
    assert "close == open" in rules.read_text()
    told = capsys.readouterr().err
    assert f"mended {rules}:6:13 AT006 `=` does not compare: wrote `==`\n" in told


def test_a_folder_that_cannot_be_written_to_is_one_line(
    rules: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rules.write_text(WRONG)

    def refuse(**where: object) -> None:
        raise PermissionError(13, "Permission denied", str(rules))

    monkeypatch.setattr("engine.lint.fix.tempfile.mkstemp", refuse)
    assert main(["lint", str(rules), "--fix"]) == 2
    assert capsys.readouterr().err == f"error: {rules} cannot be changed: Permission denied\n"
    assert rules.read_text() == WRONG
