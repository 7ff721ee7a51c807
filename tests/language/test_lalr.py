"""The tables run without Lark: the same trees and refusals as with it, and a cache that may be broken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lark import Lark, Transformer, v_args
from lark.exceptions import UnexpectedInput

from engine.language import nodes as n
from engine.language.lalr import load
from engine.language.parser import _GRAMMAR, ExpressionSyntaxError, _Builder, _lark, _tables

WORDS = """
    close a.b x ema ( ) [ ] , + - * / ^ < > <= >= == != = and or not if then else for between in crosses above below
    1 .5 1e3 2% 25bps 62c $50 15m 09:31 24:61 2027-01-31 2027-13-01 'SPY' "a_b" true false notional orb iffy $ @ #
"""
texts = st.lists(st.sampled_from([*WORDS.split(), *WORDS.split()[:9]]), max_size=14).flatmap(
    lambda words: st.sampled_from([" ".join(words), "".join(words), "  ".join(words) + " \n"])
)


@pytest.fixture(scope="module")
def lark() -> Lark:
    """Lark's own run of the grammar with the same builder."""
    builder = _Builder()

    def inline(name: str) -> object:
        return lambda transformer, *children: getattr(builder, name)(*children)

    names = [name for name in dir(builder) if not name.startswith("_")]
    transformer = v_args(inline=True)(type("Inline", (Transformer,), {name: inline(name) for name in names}))
    grammar = _GRAMMAR.read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", maybe_placeholders=False, transformer=transformer())


def spans(node: n.Node) -> list[tuple[str, int, int]]:
    return [(type(part).__name__, part.start, part.end) for part in n.walk(node)]


@settings(max_examples=300, deadline=None)
@given(text=texts)
@example(text="")
@example(text=" \t\n")
@example(text="a+b*-c^2 > 1 and not (x in [1, 2]) or y between 1 and 2 for 5m")
@example(text="if a then ema(x, length = 3)[1] else a.b.c crosses above 9:30")
def test_the_same_trees_and_refusals_as_lark(lark: Lark, text: str) -> None:
    try:
        wanted = lark.parse(text)
    except UnexpectedInput:
        wanted = None
    except ExpressionSyntaxError as problem:
        with pytest.raises(ExpressionSyntaxError, match=re.escape(str(problem))):
            _tables().parse(text)
        return
    found = _tables().parse(text)
    assert found == wanted
    if found is not None:
        assert spans(found) == spans(wanted)


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"key": "of another grammar"}', "\udcff"])
def test_a_missing_or_broken_cache_is_made_again(tmp_path: Path, content: str | None) -> None:
    grammar = _GRAMMAR.read_text(encoding="utf-8")
    load(grammar, _lark, tmp_path, _Builder())
    [file] = tmp_path.iterdir()
    good = file.read_bytes()
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content.encode(errors="surrogateescape"))
    assert load(grammar, _lark, tmp_path, _Builder()).parse("1 + 2") == _tables().parse("1 + 2")
    assert file.read_bytes() == good
    assert list(tmp_path.iterdir()) == [file]


def test_a_warm_cache_needs_no_lark(tmp_path: Path) -> None:
    grammar = _GRAMMAR.read_text(encoding="utf-8")
    load(grammar, _lark, tmp_path, _Builder())

    def never() -> Lark:
        raise AssertionError("Lark was asked")

    assert load(grammar, never, tmp_path, _Builder()).parse("close > 1") == _tables().parse("close > 1")


def test_a_folder_that_cannot_be_written_to_costs_nothing_but_time(tmp_path: Path) -> None:
    grammar = _GRAMMAR.read_text(encoding="utf-8")
    assert load(grammar, _lark, tmp_path / "not there", _Builder()).parse("1") == _tables().parse("1")
    assert load(grammar, _lark, None, _Builder()).parse("1") == _tables().parse("1")
