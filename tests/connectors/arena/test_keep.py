"""Tables on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from connectors.arena.board import Board, BoardError
from connectors.arena.keep import append, read_boards


def test_what_is_kept_is_read_as_it_was(make: Any, tmp_path: Path) -> None:
    board = make([("a", "A", 1500.25, 9000), ("ü <b>", "B & Co", 1499.0)], cutoff_ns=10**18, parsed="flight", total=2)
    rows = (replace(board.rows[0], preliminary=True, release_date=date(2026, 1, 2)), board.rows[1])
    boards = [replace(board, rows=rows), make([("a", "A", 1501.0)], days=1)]
    path = tmp_path / "deep" / "boards.jsonl"
    for each in boards:
        append(path, each)
    assert read_boards(path) == boards


def test_a_line_that_a_crash_cut_off_is_left_out(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "boards.jsonl"
    append(path, make([("a", "A", 1500.0)]))
    path.write_text(path.read_text() + '{"captured_at": "2026-')
    assert len(read_boards(path)) == 1


def test_a_day_alone_is_known_when_it_has_ended(recorded: list[Board]) -> None:
    assert recorded[0].seen_ns == 1_718_841_600 * 10**9  # 2024-06-20T00:00Z for the table of 2024-06-19
    assert all(one.seen_ns <= other.seen_ns for one, other in pairwise(recorded))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"style_control": True}, "style control is on"),
        ({"style_control": None}, "style control is on"),
        ({"rows": None}, "is no leaderboard"),
        ({"rows": [{"model": "a"}]}, "has no 'score'"),
        ({"captured_at": "yesterday"}, "is no leaderboard"),
        ({"captured_at": "2026-01-01T00:00:00"}, "has no zone"),
    ],
)
def test_a_line_that_is_wrong_is_named(make: Any, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = tmp_path / "boards.jsonl"
    append(path, make([("a", "A", 1500.0)]))
    path.write_text(path.read_text() + json.dumps({**json.loads(path.read_text()), **changes}) + "\n")
    with pytest.raises(BoardError, match=rf"boards.jsonl:2: .*{words}"):
        read_boards(path)


def test_tables_out_of_order_and_files_that_are_none_are_refused(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "boards.jsonl"
    append(path, make([("a", "A", 1500.0)], days=1))
    append(path, make([("a", "A", 1500.0)]))
    with pytest.raises(BoardError, match="comes after that of"):
        read_boards(path)
    with pytest.raises(BoardError, match="there is no file"):
        read_boards(tmp_path / "none.jsonl")
    (tmp_path / "no.jsonl.gz").write_bytes(b"not zipped")
    with pytest.raises(BoardError, match="cannot be read"):
        read_boards(tmp_path / "no.jsonl.gz")
