"""Reading YAML with positions: the author's text, the right caret in every style, one clear finding per mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.language.diagnostics import Span
from engine.ruleset.source import MAX_BYTES, MAX_SCALAR, Mapping, Scalar, Sequence, parse_bytes, parse_text, read_source
from engine.ruleset.yaml_scalars import character_map


def scalar_at(text: str, key: str = "k") -> Scalar:
    """The scalar under ``key`` of the only document."""
    tree = parse_text("f.yaml", text)
    assert tree.findings == ()
    root = tree.documents[0].root
    assert isinstance(root, Mapping)
    entry = root.find(key)
    assert entry is not None and isinstance(entry.value, Scalar)
    return entry.value


def under(text: str, span: Span) -> str:
    """What ``span`` covers in ``text``."""
    lines = text.splitlines(keepends=True)
    start = sum(len(line) for line in lines[: span.line - 1]) + span.column - 1
    end = sum(len(line) for line in lines[: span.end_line - 1]) + span.end_column - 1
    return text[start:end]


@pytest.mark.parametrize("written", ["12:30", "010", "1e-3", "yes", "on", "~", "0x1F", "2024-03-05", "1_000", ".inf"])
def test_a_scalar_keeps_the_text_the_author_wrote(written: str) -> None:
    assert scalar_at(f"k: {written}\n").text == written


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("k: close > slow\n", "slow"),
        ("k: close >\n   slow\n", "slow"),
        ("k: close\n\n\n   > slow\n", "slow"),
        ("k: 'it''s > slow'\n", "slow"),
        ("k: 'close >\n  slow'\n", "slow"),
        ('k: "a\\tb \\u00e9 slow"\n', "slow"),
        ('k: "close \\\n    slow"\n', "slow"),
        ("k: |\n  close\n    > slow\n", "slow"),
        ("k: |2-\n    close > slow\n", "slow"),
        ("k: >+\n  close\n  > slow\n\n", "slow"),
        ("k: >- # why\n\n  close >\n\n  slow\n", "slow"),
        ("k: &a close > slow\nl: *a\n", "slow"),
        ("k: &a\n  # note\n  close > slow\n", "slow"),
        ("k: {x: close > slow}\n".replace("{x: ", "").replace("}", ""), "slow"),
        ("\ufeffk: close > slow\n".lstrip("\ufeff"), "slow"),
        ("k: 🚀é > slow\r\nl: 1\r\n", "slow"),
        ("k: >\r\n  close\r\n  slow\r\n", "slow"),
    ],
)
def test_the_caret_lands_under_the_word_in_every_style(text: str, word: str) -> None:
    scalar = scalar_at(text)
    start = scalar.text.index(word)
    assert under(text, scalar.span(start, start + len(word))) == word


def test_an_alias_points_at_the_anchored_text() -> None:
    text = "k: &a close > slow\nl: *a\n"
    scalar = scalar_at(text, "l")
    assert scalar.span(8, 12) == Span("f.yaml", 1, 15, 1, 19)


def test_an_offset_past_the_end_points_just_behind_the_text() -> None:
    assert scalar_at("k: a >\n").span(3, 4) == Span("f.yaml", 1, 7, 1, 8)
    assert scalar_at("k:\nl: 1\n").span(0, 0).line == 1


def test_columns_do_not_count_the_byte_order_mark() -> None:
    tree = parse_bytes("f.yaml", b"\xef\xbb\xbfk: 1\n")
    root = tree.documents[0].root
    assert isinstance(root, Mapping)
    assert root.entries[0].key.whole() == Span("f.yaml", 1, 1, 1, 2)


WORDS = st.text(st.sampled_from("ab >:#é🚀'\"\\-"), min_size=1, max_size=8)
PIECES = ["a", " ", "é", "\\n", "\\x41", "\\u00e9", "\\\\", '\\"', "#", "\\ "]
BREAKS = st.sampled_from(["\n", "\n\n", "\n \n", "\n\n\n"])


def mapped_characters(scalar: Scalar) -> list[tuple[str, str]]:
    """(character of the value, what stands in the file) for each character, from the map the caret uses."""
    raw = scalar.file.text[scalar.start : scalar.end]
    found = character_map(raw, scalar.style, scalar.text)
    assert found is not None, "the map does not give the parsed value back"
    assert list(found.starts) == sorted(set(found.starts))
    return [(character, raw[a:b]) for character, a, b in zip(scalar.text, found.starts, found.ends, strict=True)]


def check_map(text: str, style: str) -> None:
    tree = parse_text("f.yaml", text)
    if tree.findings or not tree.documents:
        return  # this text is no YAML in this style; the other tests cover what is said then
    root = tree.documents[0].root
    assert isinstance(root, Mapping)
    scalar = root.entries[0].value
    if not isinstance(scalar, Scalar) or scalar.style != style:
        return
    for character, written in mapped_characters(scalar):
        folded = character in " \n" and set(written) <= {"\n", "\r"}
        escaped = written[:1] == "\\" if style == '"' else written == "''" and character == "'"
        assert written == character or folded or escaped, (character, written)


@given(st.lists(WORDS, min_size=1, max_size=5), BREAKS)
@example(["a", "b  ", " c"], "\n\n")
def test_every_character_of_a_plain_scalar_maps_to_itself(lines: list[str], brk: str) -> None:
    check_map("k: " + (brk + "   ").join(lines) + "\n", "")


@given(st.lists(WORDS, min_size=1, max_size=5), BREAKS)
@example([" a ", " ", "b "], "\n\n")
def test_every_character_of_a_single_quoted_scalar_maps_to_itself(lines: list[str], brk: str) -> None:
    check_map("k: '" + (brk + "   ").join(line.replace("'", "''") for line in lines) + "'\n", "'")


@given(
    st.lists(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), max_size=5),
    st.sampled_from(["\n", "\n\n", "\\\n", " \\\n\n", "\t\n"]),
)
@example(["a ", "b"], "\\\n")
def test_every_character_of_a_double_quoted_scalar_maps_to_itself(lines: list[str], brk: str) -> None:
    check_map('k: "' + (brk + "   ").join(lines) + '"\n', '"')


@settings(max_examples=300)
@given(
    st.sampled_from("|>"),
    st.sampled_from(["", "-", "+"]),
    st.sampled_from(["", "1", "2", "4"]),
    st.lists(st.text(st.sampled_from("ab #:\té"), max_size=6), max_size=7),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "l: 1\n", "# note\n"]),
)
@example("|", "", "2", ["  a", "", " b"], "\n", "")
@example(">", "+", "", ["a", "", "  b", "c", ""], "\n", "l: 1\n")
def test_every_character_of_a_block_maps_to_itself(
    style: str, chomp: str, digit: str, lines: list[str], brk: str, after: str
) -> None:
    indent = " " * int(digit or 2)
    body = "".join((indent + line if line else "") + brk for line in lines)
    check_map(f"k: {style}{digit}{chomp}{brk}{body}{after}", style)


def test_nodes_know_their_places() -> None:
    text = "a:\n  - x\n  - {b: [1, 2]}\n"
    tree = parse_text("f.yaml", text)
    root = tree.documents[0].root
    assert isinstance(root, Mapping)
    items = root.entries[0].value
    assert isinstance(items, Sequence)
    inner = items.items[1]
    assert isinstance(inner, Mapping) and inner.flow and not items.flow
    assert under(text, inner.whole()) == "{b: [1, 2]}"
    assert under(text, inner.entries[0].value.whole()) == "[1, 2]"


def test_duplicate_keys_show_both_places_and_keep_the_first() -> None:
    tree = parse_text("f.yaml", "size: 1\nwhen: a\nsize: 2\n")
    (finding,) = tree.findings
    assert (finding.code, finding.name) == ("AT002", "duplicate-key")
    assert [span.line for span in finding.spans] == [3, 1]
    root = tree.documents[0].root
    assert isinstance(root, Mapping)
    first = root.find("size")
    assert first is not None and isinstance(first.value, Scalar) and first.value.text == "1"


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "help"),
    [
        ("a: 'x\nb: 1\n", 1, 4, "never closed", "closing '"),
        ("a:\n\tb: 1\n", 2, 1, "tab", "spaces"),
        ("a:\n  b: 1\n\tc: 2\n", 3, 1, "tab", "spaces"),
        ("a: b: c\n", 1, 5, "second `: `", "quotes"),
        ("a: @x\n", 1, 4, "cannot begin with @", "quotes"),
        ("a: %x\n", 1, 4, "cannot begin with %", "quotes"),
        ("a: `x`\n", 1, 4, "cannot begin with `", "quotes"),
        ("q: >0\n", 1, 4, "cannot begin with >", "quotes"),
        ("q: > 5\n", 1, 4, "begins a block", "quotes"),
        ("a: 1\n b: 2\n", 2, 3, "line up", "same column"),
        ("a:\n  - 1\n - 2\n", 3, 2, "line up", "indent"),
        ("a: [1, 2\nb: 3\n", 1, 4, "not closed", "closing ]"),
        ("a: {x: 1, y: 2\n", 1, 4, "not closed", "closing }"),
        ('a: "x" == y\n', 1, 4, "goes on behind it", "other kind of quotes"),
        ('a: "\\q"\n', 1, 5, "no escape", "backslash"),
        ("a: - b\n", 1, 4, "list cannot begin", "next line"),
        ("a: *x\n", 1, 4, "never named", "quotes"),
        ("a: &x [*x]\n", 1, 8, "inside the value", ""),
        ("? [a]\n: b\n", 1, 3, "key must be plain text", "key: value"),
        ("a: !!str x\n", 1, 4, "tag !!str", "remove"),
        ("a: \x07\n", 1, 4, "U+0007", "remove"),
        ("a: x\u2028y\n", 1, 5, "U+2028", "remove"),
    ],
)
def test_a_yaml_mistake_is_named_where_it_is_with_its_mend(
    text: str, line: int, column: int, message: str, help: str
) -> None:
    (finding,) = parse_text("f.yaml", text).findings
    assert finding.code == "AT001"
    assert (finding.primary.line, finding.primary.column) == (line, column)
    assert message in finding.message and help in finding.help


def test_a_broken_document_hides_neither_the_ones_before_nor_the_ones_after() -> None:
    text = "a: 1\na: 2\n---\nb: [1,\n---\nc: '\n---\nd: 1\n"
    tree = parse_text("f.yaml", text)
    assert [(finding.code, finding.primary.line) for finding in tree.findings] == [
        ("AT002", 2),
        ("AT001", 5),
        ("AT001", 6),
    ]
    keys = [document.root.entries[0].key for document in tree.documents if isinstance(document.root, Mapping)]
    assert [(key.text, key.whole().line) for key in keys] == [("a", 1), ("d", 8)]


def test_comments_are_found_with_their_places_and_nothing_else_is_taken_for_one() -> None:
    text = (
        "# engine: ignore AT406 until 2027-01-01 -- reason\n"
        "a: 'x # no' # one\nb: x#no\nc: | # two\n  # no\n  text # no\nd: \"# no\"\n  # three\n"
    )
    comments = parse_text("f.yaml", text).comments
    assert [(comment.text, comment.span.line, comment.alone) for comment in comments] == [
        ("# engine: ignore AT406 until 2027-01-01 -- reason", 1, True),
        ("# one", 2, False),
        ("# two", 4, False),
        ("# three", 8, True),
    ]
    assert comments[1].span == Span("f.yaml", 2, 13, 2, 18)


def test_a_document_of_comments_only_is_no_document() -> None:
    assert parse_text("f.yaml", "# nothing\n---\n# here\n---\na: 1\n---\n").findings == ()
    assert len(parse_text("f.yaml", "# nothing\n---\n# here\n---\na: 1\n---\n").documents) == 1


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (bomb(12), "more than 50,000 values"),
        ("[" * 100_000, "nested more than 24"),
        ("a: " + "x" * (MAX_SCALAR + 1), "limit is 4,000"),
        ("- x\n---\n" * 1_500, "more than 1,000 documents"),
        ("a: &a [[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]\nb: [[[[[[[[[*a]]]]]]]]]\n", "nested more than 24"),
    ],
)
def test_limits_hold_with_one_finding(text: str, message: str) -> None:
    (finding,) = parse_text("f.yaml", text).findings
    assert message in finding.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: 1\nb: \xff\n", "byte 0xff on line 2"),
        ("a: é\n".encode("utf-16"), "not UTF-8"),
        (b"\x7fELF\0\0\0", "binary"),
        (b"a" * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, message: str) -> None:
    tree = parse_bytes("f.yaml", data)
    (finding,) = tree.findings
    assert message in finding.message and tree.documents == ()


def test_files_that_cannot_be_read_are_findings(tmp_path: Path) -> None:
    assert "there is no file" in read_source(tmp_path / "none.yaml").findings[0].message
    assert "is not a file" in read_source(tmp_path).findings[0].message
