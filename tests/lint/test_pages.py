"""Each check's page: its examples do what it says, and docs/lint is what the checks make of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from engine.language.diagnostics import Finding
from engine.lint.check import Check
from engine.lint.driver import lint_packs
from engine.lint.pages import pages, write_pages
from engine.lint.registry import checks
from engine.market.facts import FactSpec, Scope
from engine.market.manifest import CORE
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

DOCS = Path(__file__).parents[2] / "docs" / "lint"
PACK = """\
kind: pack
name: example
venue: paper
timezone: America/New_York
calendar: XNYS
universe: [SPY]
"""
# A signal's price, as no connector of this version publishes one.
MODEL = FactSpec("model.fair_price", "price", Scope.SIGNAL, "A fair price.", "when it is computed", True, live=True)
MANIFEST = (*CORE, MODEL)
each_check = pytest.mark.parametrize("check", [pytest.param(c, id=f"{c.code} {c.name}") for c in checks()])


def findings(check: Check, example: str) -> list[Finding]:
    """What the check says to an example: a file of a plain pack, unless it brings its own or says that it has none."""
    manifest, rules = PACK, example
    if example.startswith("kind: pack"):
        manifest, _, rules = example.partition("---\n")
    files = [load_text("rules.yaml", rules)]
    if "without pack.yaml" not in example:
        files.append(load_text("pack.yaml", manifest))
    found = lint_packs([PackFiles("example", files)], date(2026, 6, 1), MANIFEST)
    return [f for f in found if (f.code, f.name) == (check.code, check.name)]


@each_check
def test_what_to_avoid_gives_the_finding(check: Check) -> None:
    found = findings(check, check.page.avoid)
    assert found
    assert {finding.severity for finding in found} == {check.severity}


@each_check
def test_what_to_prefer_does_not(check: Check) -> None:
    assert findings(check, check.page.prefer) == []


@each_check
def test_a_page_says_everything(check: Check) -> None:
    assert all(text.strip() for text in (check.summary, check.page.why, check.page.exceptions))


def test_the_written_pages_are_those_of_the_checks() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    assert written == dict(pages()), "run `make docs`"


def test_the_index_links_every_page() -> None:
    index = pages()["README.md"]
    assert [
        check.code for check in checks() if f"| [{check.code}]({check.code}.md) | {check.name} |" not in index
    ] == []


def test_a_page_of_a_check_that_is_no_more_is_removed(tmp_path: Path) -> None:
    (tmp_path / "AT999.md").write_text("old", encoding="utf-8")
    (tmp_path / "notes.md").write_text("not ours", encoding="utf-8")
    write_pages(tmp_path)
    assert not (tmp_path / "AT999.md").exists()
    assert {path.name for path in tmp_path.iterdir()} == {*pages(), "notes.md"}
