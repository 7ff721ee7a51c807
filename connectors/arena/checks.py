"""Which tables are believed: sound in themselves, and a step that could follow from the one before."""

from __future__ import annotations

import math
from itertools import pairwise

from connectors.arena.board import Board, BoardError

LEAST_ROWS = 100  # the table has had more since 2024; fewer is a part of it
LOWEST_SCORE, HIGHEST_SCORE = 500.0, 3000.0
TOP = 10
MOST_ROWS_LOST = 0.10


def check_sound(board: Board, least_rows: int = LEAST_ROWS) -> None:
    """BoardError names the first thing that cannot be in a whole leaderboard."""
    rows = board.rows
    if len(rows) < least_rows:
        raise _wrong(board, f"it has {len(rows)} rows, and a whole table has {least_rows} or more")
    if board.total is not None and board.total != len(rows):
        raise _wrong(board, f"it has {len(rows)} rows and says that there are {board.total} models")
    _names(board)
    _ranks(board)
    for row in rows:
        if not (math.isfinite(row.score) and LOWEST_SCORE <= row.score <= HIGHEST_SCORE):
            raise _wrong(board, f"{row.model} has the score {row.score}")
        if row.votes is not None and row.votes <= 0:
            raise _wrong(board, f"{row.model} has {row.votes} votes")
        if row.ci_low is not None and row.ci_high is not None and not row.ci_low <= row.score <= row.ci_high:
            raise _wrong(board, f"the score of {row.model}, {row.score}, is not between {row.ci_low} and {row.ci_high}")
    for above, below in pairwise(rows):
        if below.score > above.score:
            raise _wrong(board, f"{below.model} is below {above.model} and has the higher score")


def _names(board: Board) -> None:
    seen: set[str] = set()
    for row in board.rows:
        if not row.model.strip():
            raise _wrong(board, f"the model of rank {row.rank} has no name")
        if row.model.casefold() in seen:
            raise _wrong(board, f"{row.model} is there twice")
        seen.add(row.model.casefold())


def _ranks(board: Board) -> None:
    """1 to N without a gap, or with equal ranks where several share one, as in 2025; and within their spread."""
    for place, row in enumerate(board.rows, 1):
        before = board.rows[place - 2].rank if place > 1 else 0
        if not (row.rank == place or before <= row.rank <= place) or row.rank < 1:
            raise _wrong(board, f"ranks are broken: {row.model} at place {place} has the rank {row.rank}")
        if row.rank_ub is None or row.rank_ub < 1:
            raise _wrong(board, f"{row.model} has no Rank (UB)")
        lower = row.rank_lower if row.rank_lower is not None else place
        if not row.rank_ub <= max(row.rank, place) or row.rank > max(lower, place):
            raise _wrong(board, f"ranks are broken: {row.model} has the rank {row.rank}, from {row.rank_ub} to {lower}")
    if board.rows[0].rank_ub != 1:
        raise _wrong(board, f"{board.rows[0].model} has the highest score and not the Rank (UB) 1")


def check_follows(board: Board, before: Board) -> None:
    """BoardError where a table is older than the one before, or lost a part of it."""
    if board.cutoff_ns is not None and before.cutoff_ns is not None and board.cutoff_ns < before.cutoff_ns:
        hours = (before.cutoff_ns - board.cutoff_ns) / 3_600e9
        raise _wrong(board, f"its votes end {hours:.1f} hours before those of the last table: it is an old one")
    lost = len(before.rows) - len(board.rows)
    if lost > MOST_ROWS_LOST * len(before.rows):
        raise _wrong(board, f"it lost {lost} of {len(before.rows)} models")


def vanished(board: Board, before: Board) -> tuple[str, ...]:
    """Models of the last table's top ten that are gone. A glitch does that for hours; so does a removal for good."""
    return tuple(row.model for row in before.rows[:TOP] if board.row(row.model) is None)


def _wrong(board: Board, words: str) -> BoardError:
    return BoardError(f"{board.source}: {words}" if board.source else words)
