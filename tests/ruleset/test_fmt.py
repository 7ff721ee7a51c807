"""The formatter: one style, comments kept, content untouched, twice is once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ruleset.fmt import FormatRefused, _written, format_text, same_value
from engine.ruleset.source import parse_text

MESSY = """\
# yaml-language-server: $schema=../../schemas/rule.json

# The crossing of two averages.


kind: strategy
about:   'plain words'   \n\
when:
- a > 1   # one
# lead of two
-   b > 2


- |
    c


      > 3
name: x                # the name
# lead of params
params:
    fast: {default: 20,
       search: [1, 2]}  # wrapped

    # second
    slow:
      about: hm
      default: 3
    # tail of params
then:
  buy:      # go
     limit: mid
     # size first
     size: >-
        a
        + b
     bracket: {stop: 1}
# the end
---
kind: gate
for: x
require: a
  > b
name: "q"
"""

NEAT = """\
# yaml-language-server: $schema=../../schemas/rule.json

# The crossing of two averages.

kind: strategy
name: x                # the name
about: "plain words"
# lead of params
params:
  fast: {default: 20,
     search: [1, 2]}    # wrapped

  # second
  slow:
    default: 3
    about: hm
  # tail of params
when:
  - a > 1 # one
  # lead of two
  - b > 2

  - |
    c


      > 3
then:
  buy:      # go
    # size first
    size: >-
      a
      + b
    limit: mid
    bracket: {stop: 1}
# the end
---
kind: gate
name: "q"
for: x
require: a
  > b
"""


def test_a_messy_file_comes_out_in_the_one_style() -> None:
    assert format_text(MESSY) == NEAT
    assert format_text(NEAT) == NEAT


def test_names_that_a_rule_defines_keep_their_order() -> None:
    text = "kind: definitions\nlet:\n  z: 1\n  a: z\nname: d\n"
    assert format_text(text) == "kind: definitions\nname: d\nlet:\n  z: 1\n  a: z\n"


def test_quotes_change_only_where_the_text_stays() -> None:
    assert format_text("a: 'x'\nb: 'it''s'\nc: 'x == \"y\"'\nd: 'a\\b'\n") == (
        "a: \"x\"\nb: 'it''s'\nc: 'x == \"y\"'\nd: 'a\\b'\n"
    )


def test_line_ends_and_a_byte_order_mark_are_normalised() -> None:
    assert format_text("a: 1  \r\nb:\r\n  - 2\r\n\r\n\r\n") == "a: 1\nb:\n  - 2\n"


def test_kept_line_breaks_of_a_block_stay() -> None:
    text = "a: |+\n  x\n\n\nb: |-\n    y\n\n\nc: |2\n    z\n"
    assert format_text(text) == "a: |+\n  x\n\n\nb: |-\n  y\n\nc: |2\n    z\n"


def test_a_document_with_anchors_keeps_its_layout() -> None:
    text = "when: &a\n    - x > 1   \n\n\nlet: {b: *a}\n"
    assert format_text(text) == "when: &a\n    - x > 1\n\nlet: {b: *a}\n"


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n---\n", "just text\n", "- 1\n-   2\n"])
def test_odd_files_survive(text: str) -> None:
    once = format_text(text)
    assert format_text(once) == once
    assert [c.text for c in parse_text("f", once).comments] == [c.text for c in parse_text("f", text).comments]


@pytest.mark.parametrize(("text", "code"), [("a: [1\n", "AT001"), ("a: 1\na: 2\n", "AT002")])
def test_a_file_with_yaml_errors_is_refused_with_the_finding(text: str, code: str) -> None:
    with pytest.raises(FormatRefused) as refused:
        format_text(text)
    assert [finding.code for finding in refused.value.findings] == [code]


# --- random files ---------------------------------------------------------------------------------------------

FIELDS = ["kind", "name", "when", "then", "let", "params", "for", "x", "y"]
SCALARS = st.sampled_from(
    [
        "a > 1",
        "gate",
        "strategy",
        "'it''s'",
        "'plain'",
        '"a\\tb"',
        "{p: 1, q: [2, 3]}",
        "[1, 2]",
        "{}",
        "[]",
        "",
        "12:30",
        "a\n{pad} b\n\n{pad} c",
        '"a\\\n{pad}  b"',
        "{x: 1,\n{pad}   y: 2}",
        "[1, # in\n{pad} 2]",
    ]
)
BLOCKS = st.tuples(
    st.sampled_from("|>"),
    st.sampled_from(["", "-", "+"]),
    st.lists(st.sampled_from(["a", "  b ", "", "# no"]), max_size=4),
)
COMMENTS = st.sampled_from(["", "", "", " # c", "   # d"])


@st.composite
def layouts(draw: st.DrawFn, depth: int = 0, pad: str = "") -> list[str]:
    """Lines of a block collection, laid out as untidily as YAML allows."""
    lines: list[str] = []
    mapping = depth == 0 or draw(st.booleans())
    keys = draw(st.lists(st.sampled_from(FIELDS), unique=True, min_size=1, max_size=4))
    for key in keys:
        lines += draw(st.lists(st.sampled_from(["", pad + "# own", "# far left", pad + "    # deep"]), max_size=2))
        opening = f"{pad}{key}:" if mapping else f"{pad}-"
        choice = draw(st.integers(0, 3 if depth < 3 else 1))
        if choice == 0:
            style, chomp, body = draw(BLOCKS)
            text = [f"{pad}   {line}" if line else "" for line in ["z", *body]]
            lines += [f"{opening} {style}{chomp}{draw(COMMENTS)}", *text]
        elif choice == 1:
            scalar = draw(SCALARS).replace("{pad}", pad)
            lines += f"{opening}{draw(st.sampled_from([' ', '   ']))}{scalar}{draw(COMMENTS)}".split("\n")
        else:
            wider = pad + draw(st.sampled_from([" ", "  ", "    "]))
            lines += [opening + draw(COMMENTS), *draw(layouts(depth + 1, wider))]
    return lines


FILES = st.lists(layouts().map("\n".join), min_size=1, max_size=3).map("\n---\n".join)


@settings(max_examples=100, deadline=None)
@given(FILES, st.sampled_from(["", "\n", "\n\n"]))
def test_content_and_comments_never_change_and_twice_is_once(text: str, end: str) -> None:
    before = parse_text("f", text + end)
    if before.findings:
        return  # refused, which another test covers
    once = format_text(text + end)
    after = parse_text("f", once)
    assert after.findings == ()
    assert len(before.documents) == len(after.documents)
    for old, new in zip(before.documents, after.documents, strict=True):
        assert same_value(old.root, new.root)
    assert sorted(c.text for c in before.comments) == sorted(c.text for c in after.comments)
    assert format_text(once) == once


@settings(max_examples=60, deadline=None)
@given(FILES)
def test_the_full_style_is_reached_without_falling_back(text: str) -> None:
    source = parse_text("f", text)
    if not source.findings:
        assert _written(source) == format_text(text)
