"""AT301 to AT410 on small packs: ``cases/<code>.txt`` holds rules, and every finding of that check whole.

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

from engine.language.diagnostics import Finding, Severity, Span
from engine.lint.driver import lint_packs
from engine.lint.registry import checks
from engine.market.facts import FactSpec, Scope
from engine.market.manifest import CORE
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

CASES = Path(__file__).with_name("cases")
PACK = """\
kind: pack
name: example
venue: paper
timezone: America/New_York
calendar: XNYS
universe: [SPY]
limits: {notional: $10000}
"""
SIGNALS = (
    FactSpec("model.fair_price", "price", Scope.SIGNAL, "A fair price.", "when it is computed", True, live=True),
    FactSpec("alpha.fair", "probability", Scope.SIGNAL, "A fair probability.", "when computed", True, live=True),
    FactSpec("alpha.net_flow", "quantity", Scope.SIGNAL, "Bought less sold.", "when computed", True, live=True),
    FactSpec("yes.ask", "probability", Scope.QUOTE, "Ask of a contract.", "when the quote arrives", True, live=True),
)


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
            files = {"rules.yaml": named[0]} if named[0].strip() else {}
            files |= dict(zip(named[1::2], named[2::2], strict=True))
            yield Case(path.stem.upper(), title, files, wanted.strip())


def packs(files: dict[str, str]) -> list[PackFiles]:
    """Files as packs: a name without a folder belongs to the pack ``example``, which has a pack.yaml by itself."""
    found: dict[str, dict[str, str]] = {"example": {"pack.yaml": PACK}}
    for name, text in files.items():
        folder, _, file = name.rpartition("/")
        found.setdefault(folder or "example", {})[file] = text
    return [
        PackFiles(pack, [load_text(shown(pack, name), text) for name, text in inside.items()])
        for pack, inside in found.items()
    ]


def shown(pack: str, name: str) -> str:
    return name if pack == "example" else f"{pack}/{name}"


def told(finding: Finding) -> str:
    lines = [f"{finding.code} {finding.name}: {finding.message}"]
    lines += [f"  {place(span)} {span.label}".rstrip() for span in finding.spans]
    lines += [f"  help: {finding.help}", f"  witness: {finding.witness}".rstrip()]
    return "\n".join(lines)


def place(span: Span) -> str:
    file = "" if span.file == "rules.yaml" else f"{span.file} "
    return f"{file}{span.line}:{span.column}-{span.end_line}:{span.end_column}"


def found(case: Case) -> str:
    findings = lint_packs(packs(case.files), date(2026, 6, 1), (*CORE, *SIGNALS))
    mistakes = [f.message for f in findings if f.code < "AT205"]
    assert mistakes == [], f"the rules of a case must be rules: {mistakes}"
    ours = [f for f in findings if f.code == case.code]
    assert all(finding.severity is Severity.ERROR for finding in ours)
    return "\n".join(told(finding) for finding in ours)


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c.code} {c.title}") for c in cases()])
def test_case(case: Case) -> None:
    assert found(case) == case.wanted


def test_every_check_here_has_a_case_that_fails_and_one_that_passes() -> None:
    covered = {(case.code, bool(case.wanted)) for case in cases()}
    ours = [check.code for check in checks() if check.code[2] in "34"]
    assert [code for code in ours if {(code, True), (code, False)} - covered] == []
