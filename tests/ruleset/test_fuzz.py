"""Whatever a file holds, loading it ends with findings, never with an exception."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ruleset.load import LoadedFile, load_bytes, load_text

EXAMPLE = (Path(__file__).with_name("cases") / "every_kind.yaml").read_text()
LINES = EXAMPLE.splitlines()
ODD = [
    "\t",
    "'",
    '"',
    "[",
    "{",
    "]",
    "}",
    ": ",
    "- ",
    "---\n",
    "*a ",
    "&a ",
    "!!x ",
    "|\n",
    ">2\n",
    "#",
    "%",
    "@",
    "\\",
    "é",
    "~",
    "\r",
    "?",
    ",",
]


def check(loaded: LoadedFile) -> None:
    """Every span can be shown, every expression can be pointed into, every finding says something."""
    for finding in loaded.findings:
        assert finding.message and finding.spans
        for span in finding.spans:
            assert 1 <= span.line <= span.end_line and span.column >= 1
            assert (span.line, span.column) < (span.end_line, span.end_column)
    for document in loaded.documents:
        assert document.sound <= (document.model is not None)
        for _, expression in document.expressions():
            assert expression.source is not None
            size = len(expression.text)
            for start, end in ((0, size), (size, size + 1), (size // 2, size // 2 + 1)):
                assert expression.source.span(start, end).line >= 1
    assert loaded.comments is not None


@given(st.binary(max_size=300))
def test_bytes(data: bytes) -> None:
    check(load_bytes("f.yaml", data))


@given(st.text(max_size=300))
def test_text(text: str) -> None:
    check(load_text("f.yaml", text))


@given(st.lists(st.sampled_from([*ODD, "kind", "strategy", "when", "a", "\n", "\n  ", " "]), max_size=60))
def test_yaml_like_text(pieces: list[str]) -> None:
    check(load_text("f.yaml", "".join(pieces)))


EDITS = st.tuples(
    st.integers(0, len(EXAMPLE)), st.sampled_from(["insert", "delete", "line away", "line twice"]), st.sampled_from(ODD)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(EDITS, min_size=1, max_size=4))
def test_mutated_rule_files(edits: list[tuple[int, str, str]]) -> None:
    text = EXAMPLE
    for at, kind, odd in edits:
        at = min(at, len(text))
        line = text.count("\n", 0, at)
        lines = text.splitlines(keepends=True)
        if kind == "insert":
            text = text[:at] + odd + text[at:]
        elif kind == "delete":
            text = text[:at] + text[at + 3 :]
        elif line < len(lines):
            lines[line : line + 1] = [] if kind == "line away" else [lines[line], lines[line]]
            text = "".join(lines)
    check(load_text("f.yaml", text))


@given(
    st.integers(0, len(LINES)),
    st.sampled_from(["kind", "name", "when", "then", "x", "overrides", "is"]),
    st.recursive(
        st.sampled_from(["1", "a", "yes", "~", "010", "[]", "{}"]),
        lambda inner: (
            st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
            | st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(
                lambda entries: "{" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"
            )
        ),
        max_leaves=8,
    ),
)
def test_values_of_the_wrong_shape(at: int, key: str, value: str) -> None:
    lines = [*LINES[:at], f"{key}: {value}", *LINES[at:]]
    check(load_text("f.yaml", "\n".join(lines)))
