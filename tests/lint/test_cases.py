"""Each check on small packs: ``cases/<code>.txt`` holds rules, and every finding of that check whole.

A chunk begins with ``==== title``; `>> name` begins a file (a chunk without one is ``rules.yaml`` beside the pack
below); ``----`` begins the findings that are wanted, in the form that ``told`` prints. No findings: it must be silent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from engine.language.diagnostics import Finding, Span
from engine.lint.driver import lint_packs
from engine.lint.registry import checks
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

CASES = Path(__file__).with_name("cases")
TODAY = date(2026, 6, 1)
PACK = """\
kind: pack
name: example
venue: paper
timezone: America/New_York
calendar: XNYS
universe: [SPY]
"""


@dataclass(frozen=True)
class Case:
    code: str
    title: str
    files: dict[str, str]
    wanted: str


def cases() -> Iterator[Case]:
    for path in sorted(CASES.glob("at*.txt")):
        for chunk in re.split(r"^==== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            title, _, rest = chunk.partition("\n")
            rules, _, wanted = rest.partition("----\n")
            named = re.split(r"^>> (.*)\n", rules, flags=re.MULTILINE)
            files = dict(zip(named[1::2], named[2::2], strict=True)) or {"pack.yaml": PACK, "rules.yaml": named[0]}
            yield Case(path.stem.upper(), title, files, wanted.strip())


def packs(files: dict[str, str]) -> list[PackFiles]:
    """Files as packs: a name without a folder belongs to the pack ``example``."""
    found: dict[str, list[str]] = {}
    for name in files:
        found.setdefault(name.rpartition("/")[0] or "example", []).append(name)
    return [PackFiles(pack, [load_text(name, files[name]) for name in names]) for pack, names in found.items()]


def told(finding: Finding) -> str:
    lines = [f"{finding.severity} {finding.code} {finding.name}: {finding.message}"]
    lines += [f"  {place(span)} {span.label}".rstrip() for span in finding.spans]
    lines += [f"  help: {finding.help}"] if finding.help else []
    lines += [f"  edit: {place(edit.span)} -> {edit.replacement!r}" for edit in finding.edits]
    return "\n".join(lines)


def place(span: Span) -> str:
    file = "" if span.file == "rules.yaml" else f"{span.file} "
    return f"{file}{span.line}:{span.column}-{span.end_line}:{span.end_column}"


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c.code} {c.title}") for c in cases()])
def test_case(case: Case) -> None:
    findings = lint_packs(packs(case.files), TODAY)
    assert "\n".join(told(f) for f in findings if f.code == case.code) == case.wanted


def test_every_check_here_has_a_case_that_fails_and_one_that_passes() -> None:
    covered = {(case.code, bool(case.wanted)) for case in cases()}
    ours = [check.code for check in checks() if check.code[2] in "01256"]
    assert [code for code in ours if {(code, True), (code, False)} - covered] == []
