"""The cascade of the contracts: rank_ub, score, votes, release date, name."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.arena.board import Board, Row, printed
from connectors.arena.settlement import inputs_are_complete, resolve_top_model, settle


def row(model: str, rank_ub: int | None = 1, score: float = 1500.0, votes: int | None = 1000,
        release: date | None = None) -> Row:  # fmt: skip
    return Row(model, "Org", score, 1, rank_ub, votes=votes, release_date=release)


@pytest.mark.parametrize(
    ("rows", "winner", "step"),
    [
        ([row("b", 2, 1510), row("a", 1, 1490)], "a", "rank_ub"),
        ([row("a", 1, 1490), row("b", 1, 1491)], "b", "score"),
        ([row("a", votes=10), row("b", votes=11)], "b", "votes"),
        ([row("a", release=date(2026, 2, 1)), row("b", release=date(2026, 1, 31))], "b", "release_date"),
        ([row("a"), row("b", release=date(2030, 1, 1))], "b", "release_date"),
        ([row("b"), row("a")], "a", "model_name"),
        ([row("a", 0, 1600), row("b", 40)], "b", "rank_ub"),
        ([row("a", -3, 1600), row("b", 40)], "b", "rank_ub"),
        ([row("a", None, 1600), row("b", 40)], "b", "rank_ub"),
    ],
)
def test_each_step_decides_where_those_before_it_do_not(rows: list[Row], winner: str, step: str) -> None:
    for order in (rows, rows[::-1]):
        found = resolve_top_model(order)
        assert found is not None and found.model == winner
        assert settle(Board(tuple(order), 0)).decided_by == step


def test_no_rows_have_no_winner() -> None:
    assert resolve_top_model([]) is None


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=8))
def test_the_winner_does_not_hang_on_the_order_of_rows(facts: list[tuple[int, int, int]]) -> None:
    rows = [row(f"m{k}", rank, 1500.0 + score, votes) for k, (rank, score, votes) in enumerate(facts)]
    mixed = rows[:]
    random.Random(1).shuffle(mixed)
    assert resolve_top_model(rows) == resolve_top_model(mixed)


def test_on_every_recorded_table_the_highest_score_wins(recorded: list[Board]) -> None:
    for board in recorded:
        winner = resolve_top_model(board.rows)
        assert winner is not None and winner.score == max(r.score for r in board.rows)


def test_the_recorded_tie_of_printed_scores_is_told_with_both_readings(recorded: list[Board]) -> None:
    """2026-03-20: 1499.12 with 11,801 votes and 1498.81 with 12,546 both print 1499."""
    board = next(b for b in recorded if b.rows[0].score == 1499.12)
    settled = settle(board)
    assert settled.ambiguous and [r.model for r in settled.tied] == ["claude-opus-4-6-thinking", "claude-opus-4-6"]
    assert settled.winner.model == "claude-opus-4-6-thinking" and settled.decided_by == "score"
    assert settled.printed.model == "claude-opus-4-6", "as printed they are level, and votes decide"
    assert sum(settle(b).ambiguous for b in recorded) == 3


def test_halves_are_printed_up() -> None:
    assert [printed(score) for score in (1499.49, 1499.5, 1500.5)] == [1499, 1500, 1501]


def test_inputs_are_complete_as_long_as_no_missing_one_is_asked_for() -> None:
    first, level = row("a"), row("b")
    assert inputs_are_complete(Board((first, replace(level, score=1499.0)), 0))
    assert inputs_are_complete(Board((first, replace(level, votes=1)), 0))
    assert not inputs_are_complete(Board((first, level), 0)), "only release dates could tell them apart"
    dated = [replace(r, release_date=date(2026, 1, k)) for k, r in enumerate((first, level), 1)]
    assert inputs_are_complete(Board(tuple(dated), 0))
    assert not inputs_are_complete(Board((row("a", None),), 0))
