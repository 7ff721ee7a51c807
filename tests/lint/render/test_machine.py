"""The forms that other programs read: JSON, SARIF, GitHub annotations, JUnit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from engine.language.diagnostics import Finding, Severity, Span
from engine.lint.check import Check, Page
from engine.lint.render import render_github, render_json, render_junit, render_sarif

NAMES = sorted(path.stem for path in (Path(__file__).parent / "cases").glob("*.yaml"))
FILE = "rules/my pack/a,b:c.yaml"


@pytest.fixture
def fixable(case: Callable[[str], Any]) -> Any:
    return case("with_a_fix")


def test_json_holds_everything(fixable: Any) -> None:
    said = json.loads(render_json(fixable.findings, fixable.sources))
    assert (said["files"], said["errors"], said["warnings"]) == (1, 1, 1)
    unused, unknown = said["findings"]
    assert unused["severity"] == "warning"
    assert unknown == {
        "code": "AT101",
        "name": "unknown-name",
        "severity": "error",
        "message": "there is no name `fast_emma`,\nnot even: 100% sure",
        "help": "did you mean `fast_ema`?",
        "witness": "close = 3",
        "page": "docs/lint/AT101.md",
        "spans": [
            {"file": FILE, "line": 2, "column": 5, "end_line": 2, "end_column": 14, "label": "no such name"},
            {"file": FILE, "line": 3, "column": 5, "end_line": 3, "end_column": 10, "label": "as here"},
            {"file": FILE, "line": 1, "column": 1, "end_line": 1, "end_column": 5, "label": ""},
        ],
        "edits": [{"file": FILE, "line": 2, "column": 5, "end_line": 2, "end_column": 14, "replacement": "fast_ema"}],
    }


def test_json_of_nothing_found() -> None:
    assert json.loads(render_json([], {"a.yaml": ""})) == {"files": 1, "errors": 0, "warnings": 0, "findings": []}


def test_github_escapes_what_its_commands_are_made_of(fixable: Any) -> None:
    assert render_github(fixable.findings, fixable.sources).splitlines() == [
        "::warning file=rules/my pack/a%2Cb%3Ac.yaml,line=1,endLine=2,title=AT501 unused-let::nothing uses this",
        "::error file=rules/my pack/a%2Cb%3Ac.yaml,line=2,col=5,endLine=2,endColumn=14,title=AT101 unknown-name"
        "::there is no name `fast_emma`,%0Anot even: 100%25 sure%0Arules/my pack/a,b:c.yaml:3: as here"
        "%0Ahelp: did you mean `fast_ema`?%0Awitness: close = 3",
    ]


def sarif(findings: list[Finding], sources: dict[str, str], **more: Any) -> dict[str, Any]:
    log = json.loads(render_sarif(findings, sources, **more))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


@pytest.mark.parametrize("name", NAMES)
def test_sarif_is_built_as_the_standard_says(name: str, case: Callable[[str], Any]) -> None:
    given = case(name)
    run = sarif(given.findings, given.sources)
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"]
    assert run["columnKind"] == "unicodeCodePoints"
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert len(run["results"]) == len(given.findings)
    assert len({result["partialFingerprints"]["ruleAndLine/v1"] for result in run["results"]}) == len(given.findings)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]
        assert len(result["locations"]) == 1
        for location in (*result["locations"], *result.get("relatedLocations", ())):
            _check_place(location["physicalLocation"])


def _check_place(place: dict[str, Any]) -> None:
    uri, region = place["artifactLocation"]["uri"], place["region"]
    assert " " not in uri and "\\" not in uri
    assert all(number >= 1 for number in region.values())
    assert (region["startLine"], region["startColumn"]) <= (region["endLine"], region["endColumn"])


def test_sarif_of_one_finding(fixable: Any) -> None:
    check = Check("AT101", "unknown-name", "A name that nothing has.", Page("", "", "It is a typo.", ""), lambda c: ())
    run = sarif(fixable.findings, fixable.sources, checks=[check], version="1.2.3")
    assert run["tool"]["driver"]["version"] == "1.2.3"
    rule = run["tool"]["driver"]["rules"][0]
    assert (rule["id"], rule["name"]) == ("AT101", "unknown-name")
    assert rule["shortDescription"] == {"text": "A name that nothing has."}
    assert rule["fullDescription"] == {"text": "It is a typo."}
    assert "docs/lint/AT101.md" in rule["help"]["markdown"]
    result = run["results"][1]
    place = result["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "rules/my%20pack/a%2Cb%3Ac.yaml"},
        "region": {"startLine": 2, "startColumn": 5, "endLine": 2, "endColumn": 14},
    }
    assert [related.get("message") for related in result["relatedLocations"]] == [{"text": "as here"}, None]
    (fix,) = result["fixes"]
    assert fix["description"] == {"text": "did you mean `fast_ema`?"}
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"] == place["artifactLocation"]
    assert change["replacements"] == [
        {"deletedRegion": place["region"], "insertedContent": {"text": "fast_ema"}},
    ]


def fingerprints(findings: list[Finding], sources: dict[str, str]) -> list[str]:
    return [result["partialFingerprints"]["ruleAndLine/v1"] for result in sarif(findings, sources)["results"]]


def test_a_fingerprint_stays_when_lines_move(case: Callable[[str], Any]) -> None:
    before = case("one_span")
    (name, text), (finding,) = *before.sources.items(), before.findings
    moved = [replace(span, line=span.line + 2, end_line=span.end_line + 2) for span in finding.spans]
    after = fingerprints([replace(finding, spans=tuple(moved))], {name: f"# a\n# b\n{text}"})
    assert after == fingerprints(before.findings, before.sources)
    edited = fingerprints(before.findings, {name: text.replace("slow_ema", "fast_ema")})
    assert edited != after


def test_an_absolute_path_is_a_file_uri() -> None:
    finding = Finding("AT001", "yaml-syntax", "m", (Span("/a b/c.yaml", 1, 1, 1, 2),))
    (result,) = sarif([finding], {})["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///a%20b/c.yaml"


def suites(said: str) -> ElementTree.Element:
    return ElementTree.fromstring(said.encode())


def test_junit_has_a_case_for_each_finding_and_each_clean_file(fixable: Any) -> None:
    root = suites(render_junit(fixable.findings, {**fixable.sources, "rules/clean.yaml": ""}))
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    cases = {(case.get("classname"), case.get("name")): case for case in root.iter("testcase")}
    assert list(cases) == [
        ("rules/clean.yaml", "no findings"),
        (FILE, "AT501 unused-let at 1:1"),
        (FILE, "AT101 unknown-name at 2:5"),
    ]
    failure = cases[FILE, "AT101 unknown-name at 2:5"].find("failure")
    assert failure is not None
    assert failure.get("message") == "there is no name `fast_emma`,\nnot even: 100% sure"
    assert "^^^^^^^^^ no such name" in (failure.text or "")
    assert cases[FILE, "AT501 unused-let at 1:1"].find("failure") is None


def test_junit_fails_warnings_when_asked(fixable: Any) -> None:
    root = suites(render_junit(fixable.findings, fixable.sources, fail_level=Severity.WARNING))
    assert root.get("failures") == "2"


def test_junit_survives_what_xml_cannot_hold() -> None:
    finding = Finding("AT001", "yaml-syntax", "bad \x00 \x1b ]]> <&", (Span("a\x01.yaml", 1, 1, 1, 2),))
    (failure,) = suites(render_junit([finding], {"a\x01.yaml": "\x00"})).iter("failure")
    assert failure.get("message") == "bad \ufffd \ufffd ]]> <&"
