"""``--fix``: what is sure is mended, what is not is left, and no file ever comes out worse or half written."""

from __future__ import annotations

import codecs
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.diagnostics import Edit, Span
from engine.lint import fix as fixing
from engine.lint.fix import edited, fix

TODAY = date(2026, 6, 1)
RULE = """\
# Momentum, as the desk trades it.
kind: strategy
name: momentum
universe: [SPY]
let:
  fast_ema: ema(close, 20)
when:
  - close = fast_emma && open=1  # twice wrong
  - "close > 2"
cooldwon: 15m
enabled: yes
then:
  buy: {size: 10}
"""
MENDED = """\
# Momentum, as the desk trades it.
kind: strategy
name: momentum
universe: [SPY]
let:
  fast_ema: ema(close, 20)
when:
  - close == fast_ema and open==1  # twice wrong
  - "close > 2"
cooldown: 15m
enabled: true
then:
  buy: {size: 10}
"""


def mended(folder: Path, text: str, name: str = "rules.yaml") -> str:
    path = folder / name
    path.write_bytes(text.encode())
    fix([path], TODAY)
    return path.read_bytes().decode()


def test_all_that_is_sure_is_mended_however_it_hides_behind_other_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(RULE)
    done = fix([path], TODAY)
    assert path.read_text() == MENDED
    assert sorted(finding.code for finding in done.applied) == ["AT003", "AT004", "AT006", "AT006", "AT006", "AT101"]
    assert [finding.code for finding in done.result.findings if finding.code < "AT3"] == []


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    once = mended(tmp_path, RULE)
    assert mended(tmp_path, once) == once
    assert fix([tmp_path], TODAY).applied == ()


def test_needless_suppressions_go_with_their_line_or_their_space(tmp_path: Path) -> None:
    text = MENDED.replace("  # twice wrong", "  # engine: ignore AT207 -- no").replace(
        "then:", "# engine: ignore AT103 -- no\nthen:"
    )
    assert mended(tmp_path, text) == MENDED.replace("  # twice wrong", "")


def test_line_ends_and_byte_order_mark_stay(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(codecs.BOM_UTF8 + RULE.replace("\n", "\r\n").encode())
    fix([path], TODAY)
    assert path.read_bytes() == codecs.BOM_UTF8 + MENDED.replace("\n", "\r\n").encode()


def test_mode_and_links_stay(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "rules.yaml"
    target.parent.mkdir()
    target.write_text(RULE)
    target.chmod(0o640)
    link = tmp_path / "rules.yaml"
    link.symlink_to(target)
    fix([link], TODAY)
    assert link.is_symlink()
    assert target.read_text() == MENDED
    assert target.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in target.parent.iterdir()] == ["rules.yaml"]


def test_a_name_is_not_guessed_when_two_are_as_near(tmp_path: Path) -> None:
    text = MENDED.replace("when:", "  ema_fast: open\n  ema_past: close\nwhen:\n  - ema_mast > ema_fast + ema_past")
    assert mended(tmp_path, text) == text


def test_a_name_of_the_wrong_type_is_taken_back(tmp_path: Path) -> None:
    text = MENDED.replace("when:", "  is_risen: close > open\nwhen:\n  - is_risenn > 3")
    assert mended(tmp_path, text) == text


def test_only_what_was_asked_for_is_changed(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text("kind: pack\nname: p\nvenue: paper\ntimezone: UTC\n")
    other = tmp_path / "other.yaml"
    other.write_text(RULE.replace("momentum", "other"))
    assert mended(tmp_path, RULE) == MENDED
    assert other.read_text() == RULE.replace("momentum", "other")


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(RULE)
    real = fixing.edited

    def slow(text: str, edits: object) -> str:
        path.write_text("# the author saved something else\n" + RULE)
        return real(text, edits)  # type: ignore[arg-type]

    monkeypatch.setattr(fixing, "edited", slow)
    fix([path], TODAY)
    assert path.read_text() == "# the author saved something else\n" + RULE


def test_a_write_that_fails_leaves_the_file_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(RULE)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fixing.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        fix([path], TODAY)
    assert path.read_text() == RULE
    assert [entry.name for entry in tmp_path.iterdir()] == ["rules.yaml"]


def span(line: int, column: int, end_line: int, end_column: int) -> Span:
    return Span("a.yaml", line, column, end_line, end_column)


def test_edits_are_made_at_their_places() -> None:
    text = "one two\r\nthree\nfour"
    edits = [Edit(span(2, 1, 3, 1), ""), Edit(span(1, 5, 1, 8), "2"), Edit(span(3, 1, 3, 99), "4")]
    assert edited(text, edits) == "one 2\r\n4"


def test_of_edits_that_overlap_the_first_is_made_and_equal_ones_once() -> None:
    edits = [Edit(span(1, 1, 1, 4), "1"), Edit(span(1, 1, 1, 4), "1"), Edit(span(1, 3, 1, 6), "x")]
    assert edited("one two", edits) == "1 two"


EDITS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.text("xy", max_size=3)))


@given(st.text("ab\n", max_size=40), EDITS)
def test_text_outside_of_edits_stays(text: str, raw: list[tuple[int, int, str]]) -> None:
    places = [(line, column) for line, row in enumerate(text.split("\n"), 1) for column in range(1, len(row) + 2)]
    edits, touched = [], set()
    for one, two, replacement in raw:
        begin, end = sorted((one % len(places), two % len(places)))
        edits.append(Edit(span(*places[begin], *places[end]), replacement))
        touched |= set(range(begin, end))
    kept = "".join(character for index, character in enumerate(text) if index not in touched)
    remaining = iter(edited(text, edits))
    assert all(character in remaining for character in kept)
