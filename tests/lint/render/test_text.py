"""The text form, to the letter. ``UPDATE_CASES=1 pytest`` writes the expected files again; read the difference."""

from __future__ import annotations

import os
import random
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.diagnostics import Finding, Severity, Span
from engine.lint.render import render_text, summary

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.stem for path in CASES.glob("*.yaml"))
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("name", NAMES)
def test_text_is_as_expected(name: str, case: Callable[[str], Any]) -> None:
    given_case = case(name)
    said = render_text(given_case.findings, given_case.sources) + "\n"
    expected = CASES / f"{name}.txt"
    if os.environ.get("UPDATE_CASES"):
        expected.write_text(said, encoding="utf-8")
        pytest.fail(f"{expected} was written again")
    assert said == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_colour_changes_nothing_else(name: str, case: Callable[[str], Any]) -> None:
    given_case = case(name)
    plain = render_text(given_case.findings, given_case.sources)
    coloured = render_text(given_case.findings, given_case.sources, color=True)
    assert coloured != plain
    assert ANSI.sub("", coloured) == plain


@pytest.mark.parametrize("name", NAMES)
def test_order_of_findings_does_not_matter(name: str, case: Callable[[str], Any]) -> None:
    given_case = case(name)
    shuffled = random.Random(1).sample(given_case.findings, len(given_case.findings))
    assert render_text(shuffled, given_case.sources) == render_text(given_case.findings, given_case.sources)


def test_nothing_found_is_nothing_said() -> None:
    assert render_text([], {"a.yaml": "x"}) == ""


def test_no_character_of_a_file_reaches_the_terminal_as_a_command() -> None:
    span = Span("a.yaml", 1, 1, 1, 2, "label \x1b[31m\x07")
    finding = Finding("AT001", "yaml-syntax", "message \x1b[2J \u202e", (span,), help="\x9b31m", witness="\x00")
    said = render_text([finding], {"a.yaml": "\x1b]0;title\x07 \u2066x"})
    assert {unicodedata.category(character) for character in said.replace("\n", "")}.isdisjoint({"Cc", "Cf", "Cs"})


def _found(*severities: Severity) -> list[Finding]:
    return [Finding("AT001", "yaml-syntax", "m", (Span(f"{i}", 1, 1, 1, 2),), s) for i, s in enumerate(severities)]


def test_summary_counts() -> None:
    assert summary([]) == "no findings"
    assert summary(_found(Severity.ERROR)) == "1 error in 1 file"
    both = _found(Severity.ERROR, Severity.WARNING, Severity.ERROR)
    assert summary(both) == "2 errors and 1 warning in 3 files"


LINES = st.lists(st.text(alphabet="ab日é\u0301\t\x1b ⚡", max_size=200), min_size=1, max_size=6)
NUMBERS = st.integers(min_value=1, max_value=220)


@given(lines=LINES, places=st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=4))
def test_any_span_of_any_text_can_be_shown(lines: list[str], places: list[tuple[int, int, int, int]]) -> None:
    spans = [
        Span("a.yaml", a % 9 + 1, b, a % 9 + 1 + c % 3, b + d if c % 3 == 0 else d, f"label{index}")
        for index, (a, b, c, d) in enumerate(places)
    ]
    finding = Finding("AT001", "yaml-syntax", "message", tuple(spans))
    said = render_text([finding], {"a.yaml": "\n".join(lines)})
    assert "^" in said
    for span in spans:
        assert span.label in said


@given(
    before=st.text(alphabet="ab日\t⚡é", max_size=150),
    word=st.text(alphabet="xyz", min_size=1, max_size=20),
    after=st.text(alphabet="ab日\t⚡é", max_size=150),
)
def test_carets_stand_under_the_word(before: str, word: str, after: str) -> None:
    start = len(before) + 1
    finding = Finding("AT001", "yaml-syntax", "m", (Span("a.yaml", 1, start, 1, start + len(word)),))
    rows = render_text([finding], {"a.yaml": before + word + after}).splitlines()
    source, carets = rows[3], rows[4]
    assert carets.count("^") == len(word)
    assert _cells(source[: source.index(word)]) == carets.index("^")


def _cells(text: str) -> int:
    """Terminal cells of text without combining characters."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
