"""Which tables are believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.arena.acceptance import Acceptance
from connectors.arena.board import Board, BoardError
from connectors.arena.checks import check_follows, check_sound
from connectors.simulators.arena.pages import whole
from engine.market.events import NANOS

HOUR = 3_600 * NANOS


@pytest.fixture
def board(make) -> Board:  # type: ignore[no-untyped-def]
    return whole(make([("a", "A", 1500.0), ("b", "B", 1490.0), ("c", "C", 1480.0)]))


def with_row(board: Board, place: int, **changes: object) -> Board:
    rows = list(board.rows)
    rows[place] = replace(rows[place], **changes)  # type: ignore[arg-type]
    return replace(board, rows=tuple(rows))


def test_every_recorded_table_is_sound(recorded: list[Board]) -> None:
    for board in recorded:
        check_sound(board, least_rows=50)


@pytest.mark.parametrize(
    ("place", "changes", "words"),
    [
        (1, {"rank": 41}, "ranks are broken: b at place 2 has the rank 41"),
        (1, {"rank": 0}, "ranks are broken"),
        (1, {"rank_ub": None}, "b has no Rank"),
        (1, {"rank_ub": 7}, "ranks are broken: b has the rank 2, from 7"),
        (0, {"rank_ub": 2}, "ranks are broken|not the Rank"),
        (1, {"score": 1501.0, "ci_high": 1510.0}, "b is below a and has the higher score"),
        (1, {"score": 23616.0}, "b has the score 23616"),
        (1, {"score": float("nan")}, "b has the score nan"),
        (1, {"votes": 0}, "b has 0 votes"),
        (1, {"ci_low": 1495.0}, "is not between"),
        (1, {"model": "A"}, "A is there twice"),
        (1, {"model": " "}, "has no name"),
    ],
)
def test_what_cannot_be_in_a_leaderboard_is_named(
    board: Board, place: int, changes: dict[str, object], words: str
) -> None:
    check_sound(board)
    with pytest.raises(BoardError, match=words):
        check_sound(with_row(board, place, **changes))


def test_fewer_rows_than_the_page_says_are_a_part(board: Board) -> None:
    with pytest.raises(BoardError, match="120 rows and says that there are 357 models"):
        check_sound(replace(board, total=357))


def test_an_older_table_and_one_that_lost_a_part_are_refused(board: Board) -> None:
    assert board.cutoff_ns is not None
    with pytest.raises(BoardError, match=r"its votes end 2\.0 hours before those of the last table"):
        check_follows(replace(board, cutoff_ns=board.cutoff_ns - 2 * HOUR), board)
    with pytest.raises(BoardError, match=r"it lost 20 of 120 models"):
        check_follows(replace(board, rows=board.rows[:100]), board)
    check_follows(board, board)


class TestAVanishedLeader:
    def gone(self, board: Board, hours: float) -> Board:
        rows = tuple(replace(row, rank=place, rank_ub=min(row.rank_ub or 1, place)) for place, row in
                     enumerate(board.rows[1:], 1))  # fmt: skip
        return replace(board, rows=rows, total=len(rows), seen_ns=board.seen_ns + int(hours * HOUR))

    def test_is_held_until_it_has_lasted(self, board: Board) -> None:
        accept = Acceptance(3 * 3600, board)
        for hours in (1, 2, 3.5):
            assert not accept.judge(self.gone(board, hours))
            assert accept.held is not None and "a vanished from the best ten" in accept.held.words
        assert accept.board is board
        assert accept.judge(self.gone(board, 4.1))
        assert accept.held is None

    def test_that_comes_back_was_a_glitch(self, board: Board) -> None:
        accept = Acceptance(3 * 3600, board)
        assert not accept.judge(self.gone(board, 1))
        assert accept.judge(replace(board, seen_ns=board.seen_ns + 2 * HOUR))
        assert accept.held is None
        assert not accept.judge(self.gone(board, 5)), "the time before does not count"
        assert not accept.judge(self.gone(board, 7))

    def test_needs_more_than_two_looks_however_far_apart(self, board: Board) -> None:
        accept = Acceptance(3600, board)
        assert not accept.judge(self.gone(board, 1))
        assert not accept.judge(self.gone(board, 48))
        assert accept.judge(self.gone(board, 49))
