"""What changed between two tables."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from connectors.arena.board import Board
from connectors.arena.settlement import resolve_top_model
from connectors.arena.signals import Kind, Once, signals_between


def told(before: Board, after: Board) -> list[tuple[str, str, float]]:
    return [(s.kind.value, s.model, round(s.change, 2)) for s in signals_between(before, after)]


def test_every_kind_of_change(make: Any) -> None:
    before = make([("a", "A", 1500.0, 9000, 1), ("b", "B", 1498.0, 9000, 1), ("c", "C", 1480.0, 9000, 3)])
    after = make(
        [("b", "B", 1501.0, 9900, 1), ("a", "A", 1500.5, 9000, 1), ("d", "D", 1490.0, 3000, 3),
         ("c", "C", 1480.1, 9000, 4)],
        days=1,
    )  # fmt: skip
    assert told(before, after) == [
        ("new_leader", "b", 0.0), ("score_shift", "b", 3.0), ("new_model", "d", 3.0), ("ranking_change", "c", -1.0),
    ]  # fmt: skip
    leader = signals_between(before, after)[0]
    assert (leader.before, leader.after, leader.time_ns) == ("a", "b", after.seen_ns)


def test_the_same_table_has_no_news(make: Any) -> None:
    board = make([("a", "A", 1500.0)])
    assert signals_between(board, board) == []


def test_what_moves_far_below_is_no_signal_but_a_new_model_is(make: Any) -> None:
    rows = [(f"m{k:02}", "A", 1500.0 - k) for k in range(40)]
    moved = [*rows[:35], ("new", "B", 1465.5), ("m35", "A", 1460.0), *rows[36:]]
    moved = sorted(moved, key=lambda row: -row[2])
    assert told(make(rows), make(moved, days=1)) == [("new_model", "new", 36.0)]


def test_leaders_of_the_recorded_tables_change_as_settlement_says(recorded: list[Board]) -> None:
    found = []
    for before, after in pairwise(recorded):
        found += [s for s in signals_between(before, after) if s.kind is Kind.NEW_LEADER]
        old, new = resolve_top_model(before.rows), resolve_top_model(after.rows)
        assert old is not None and new is not None
        assert bool(old.model != new.model) == bool(found and found[-1].time_ns == after.seen_ns)
    assert len(found) == 24


def test_each_change_is_news_once(make: Any) -> None:
    one, two = make([("a", "A", 1500.0)]), make([("b", "B", 1510.0), ("a", "A", 1500.0)], days=1)
    once = Once()
    first = signals_between(one, two)
    assert once.news(first) == first
    assert once.news(signals_between(one, two)) == [], "told by a server that was behind"
    back = once.news(signals_between(two, one))
    assert [(s.kind.value, s.model) for s in back] == [("new_leader", "a"), ("ranking_change", "a")]
    again = once.news(signals_between(one, two))
    assert [(s.kind.value, s.model) for s in again] == [("new_leader", "b"), ("ranking_change", "a")], (
        "it is news again"
    )
