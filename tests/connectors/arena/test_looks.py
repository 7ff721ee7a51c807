"""What runs kept of their looks, read back as evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.arena.board import BoardError
from connectors.arena.looks import Kept, doubles, longest_gap_minutes, read_looks, signals_of_tables, signals_told

LEADER = ("new_leader", "b", "a", "b")


def look(minute: int, good: bool = True, signals: tuple[tuple[str, str, str, str], ...] = ()) -> Kept:
    return Kept(60.0 * minute, "http://x", good, False, signals)


def test_lines_are_read_and_what_a_crash_cut_off_is_left_out(tmp_path: Path) -> None:
    line = {"at": "1970-01-01T00:01:00Z", "url": "http://x", "good": True, "fallback": False, "signals": [LEADER]}
    path = tmp_path / "looks.jsonl"
    path.write_text(json.dumps(line) + "\n" + json.dumps(line)[:40], encoding="utf-8")
    assert read_looks(path) == [look(1, signals=(LEADER,))]
    path.write_text(json.dumps(line) + "\n{}\n", encoding="utf-8")
    with pytest.raises(BoardError, match=r"looks.jsonl:2: is no look at the page"):
        read_looks(path)


def test_a_gap_is_between_looks_that_brought_a_table() -> None:
    assert longest_gap_minutes([look(0), look(1), look(5, good=False), look(9), look(10)]) == 8.0
    assert longest_gap_minutes([look(0)]) is None


def test_signals_of_looks_are_those_of_the_tables(make: Any) -> None:
    one, two = make([("a", "A", 1500.0)]), make([("b", "B", 1510.0, 9000, 1), ("a", "A", 1500.0, 9000, 1)], days=1)
    assert signals_of_tables([one, two]) == [LEADER, ("new_model", "b", "", "1")]
    assert signals_told([look(0), look(1, signals=(LEADER,))]) == [LEADER]


def test_a_signal_is_double_unless_its_reverse_came_between() -> None:
    back = ("new_leader", "a", "b", "a")
    assert doubles([LEADER, back, LEADER]) == 0
    assert doubles([LEADER, LEADER]) == 1
