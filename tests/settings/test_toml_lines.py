"""Lines of keys, judged by the parser and not by the look of the text."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from engine.settings.toml_lines import line_of


def test_text_that_looks_like_a_key_is_none() -> None:
    text = 'a = """\n[b]\nc = 1\n"""\n# c = 1\n\n[b]\nc = 2\n'
    assert line_of(text, ("a",)) == 1
    assert line_of(text, ("b", "c")) == 8


def test_dotted_and_quoted_keys() -> None:
    text = 'x = 1\nb.c = 2\n"b"."d" = 3\n'
    assert line_of(text, ("b", "c")) == 2
    assert line_of(text, ("b", "d")) == 3


def test_a_missing_key_is_where_its_section_is() -> None:
    assert line_of("[a]\n[b]\nc = 1\n", ("b", "zzz")) == 2
    assert line_of("[a]\n", ("q", "zzz")) is None


KEYS = st.lists(st.from_regex(r"[a-z]{1,4}", fullmatch=True), min_size=1, max_size=12, unique=True)


@given(keys=KEYS, blanks=st.lists(st.sampled_from(["", "# note", "  "]), min_size=12, max_size=12))
def test_the_line_found_holds_the_key(keys: list[str], blanks: list[str]) -> None:
    text = "\n".join(f"{blank}\n{key} = [\n  1,\n]" for key, blank in zip(keys, blanks, strict=False))
    assert set(tomllib.loads(text)) == set(keys)
    for key in keys:
        line = line_of(text, (key,))
        assert line is not None
        assert f"{key} = [" in text.splitlines()[line - 1 : line + 1]
