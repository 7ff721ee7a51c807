"""What a suppression covers, and for how long. Its own mistakes are in ``cases/at005.txt``."""

from __future__ import annotations

from datetime import date

import pytest

from engine.lint.driver import lint_packs
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

RULE = """\
{head}kind: strategy
name: {name}
universe: [SPY]
when:{list}
  {above}
  - (close - low) / (high - low) > 0.8{behind}
  - (close - open) / (high - open) > 0.8
then:
  buy: {{size: 10}}
"""
REASON = "-- flat bars are filtered upstream"


def rule(name: str = "a", head: str = "", list: str = "", above: str = "", behind: str = "") -> str:
    return RULE.format(name=name, head=head, list=list, above=above, behind=behind)


def found(text: str, today: date = date(2026, 6, 1)) -> list[tuple[str, int]]:
    """Code and line of what is left of AT207, and of AT005."""
    findings = lint_packs([PackFiles("example", [load_text("a.yaml", text)])], today)
    return [(f.code, f.primary.line) for f in findings if f.code in ("AT005", "AT207")]


def test_without_one() -> None:
    assert found(rule()) == [("AT207", 6), ("AT207", 7)]


@pytest.mark.parametrize("codes", ["AT207", "at207", "maybe-nonfinite", "AT207 AT207", "AT207, maybe-nonfinite"])
def test_codes_and_names(codes: str) -> None:
    assert found(rule(behind=f"  # engine: ignore {codes} {REASON}")) == [("AT207", 7)]


def test_behind_the_line() -> None:
    assert found(rule(behind=f" #engine:ignore AT207 {REASON}")) == [("AT207", 7)]


def test_on_the_line_above() -> None:
    assert found(rule(above=f"# engine: ignore AT207 {REASON}")) == [("AT207", 7)]


def test_above_with_other_comments_and_empty_lines_between() -> None:
    assert found(rule(list=f"\n  # engine: ignore AT207 {REASON}\n  # more words", above="")) == [("AT207", 9)]


def test_at_the_head_for_the_whole_document_and_no_other() -> None:
    head = f"# engine: ignore AT207 {REASON}\n"
    first, second = rule("a", head=head), rule("b")
    lines = first.count("\n") + 1
    assert found(f"{first}---\n{second}") == [("AT207", lines + 6), ("AT207", lines + 7)]
    assert found(f"{second}---\n{first}") == [("AT207", 6), ("AT207", 7)]


def test_above_the_marker_of_a_document() -> None:
    assert found(f"# engine: ignore AT207 {REASON}\n---\n{rule()}") == []


def test_a_comment_behind_a_line_does_not_cover_the_next() -> None:
    assert found(rule(list=f"  # engine: ignore AT207 {REASON}")) == [("AT005", 4), ("AT207", 6), ("AT207", 7)]


def test_it_ends_on_its_day() -> None:
    text = rule(behind=f"  # engine: ignore AT207 until 2026-07-01 {REASON}")
    assert found(text, date(2026, 6, 30)) == [("AT207", 7)]
    assert found(text, date(2026, 7, 1)) == [("AT207", 6), ("AT005", 6), ("AT207", 7)]


@pytest.mark.parametrize(
    ("header", "behind"), [("", False), (">\n    ", False), ("|-\n    ", False), (">\n    ", True), ("|-\n    ", True)]
)
def test_it_covers_a_value_of_several_lines_that_begins_there(header: str, behind: bool) -> None:
    comment = f"# engine: ignore AT207 {REASON}"
    above, header = ("", header.replace("\n", f" {comment}\n")) if behind else (comment, header)
    old = "  - (close - low) / (high - low) > 0.8\n"
    value = f"  {above}\n  - {header}1 < 2 and\n    (close - low) / (high - low) > 0.8\n"
    first = 9 if header else 8
    assert found(rule().replace(old, value.replace(comment, "# a remark"))) == [("AT207", first), ("AT207", first + 1)]
    assert found(rule().replace(old, value)) == [("AT207", first + 1)]


def test_it_cannot_hide_itself() -> None:
    assert found(rule(behind=f"  # engine: ignore AT207 AT005 {REASON}")) == [("AT005", 6), ("AT207", 7)]


def test_one_line_may_have_two() -> None:
    both = rule(above=f"# engine: ignore AT207 {REASON}", behind=f"  # engine: ignore AT207 {REASON}")
    assert found(both) == [("AT207", 7)]
