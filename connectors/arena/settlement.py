"""Who wins: the cascade of the contracts, and where it hangs on how a score is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from connectors.arena.board import Board, Row, printed

LAST_PLACE = 10**9  # of a rank that is missing or no rank
Key = tuple[int, float, int, date, str]


def resolve_top_model(rows: Sequence[Row]) -> Row | None:
    """The winner: least Rank (UB), then highest score, most votes, earliest release, first name. None without rows.

    A rank that is missing or not positive comes after all others, a missing release date after all dates.
    """
    return min(rows, key=_key, default=None)


def in_order(rows: Sequence[Row]) -> list[Row]:
    """All rows as the cascade ranks them, the winner first."""
    return sorted(rows, key=_key)


def _key(row: Row) -> Key:
    rank = row.rank_ub if row.rank_ub is not None and row.rank_ub > 0 else LAST_PLACE
    return rank, -row.score, -(row.votes or 0), row.release_date or date.max, row.model


_STEPS = ("rank_ub", "score", "votes", "release_date", "model_name")


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a table would settle now. ``decided_by``: the step of the cascade that told first from second.

    ``tied``: the models that share the best Rank (UB) and print the same score as the winner, the winner first. With
    more than one, the contract's words do not say whether the printed or the unrounded score counts, and ``printed``
    is who wins when it is the printed one.
    """

    winner: Row
    decided_by: str
    printed: Row
    tied: tuple[Row, ...]

    @property
    def ambiguous(self) -> bool:
        return len(self.tied) > 1


def settle(board: Board) -> Settlement:
    """How a table with rows would settle now, by unrounded scores, and by printed ones."""
    first, *others = in_order(board.rows)
    rounded = {row.model: replace(row, score=float(printed(row.score))) for row in board.rows}
    by_printed = min(rounded.values(), key=_key)
    tied = tuple(row for row in others if row.rank_ub == first.rank_ub and printed(row.score) == printed(first.score))
    winner_printed = next(row for row in board.rows if row.model == by_printed.model)
    return Settlement(first, _decided(first, others), winner_printed, (first, *tied))


def _decided(first: Row, others: Sequence[Row]) -> str:
    if not others:
        return _STEPS[0]
    pairs = zip(_STEPS, _key(first), _key(others[0]), strict=True)
    return next((step for step, ours, theirs in pairs if ours != theirs), _STEPS[-1])


def inputs_are_complete(board: Board) -> bool:
    """Whether the cascade picks the winner without asking for anything that the page does not tell."""
    first, *others = in_order(board.rows)
    rivals = [row for row in others if row.rank_ub == first.rank_ub and row.score == first.score]
    if first.rank_ub is None or first.rank_ub <= 0 or (rivals and first.votes is None):
        return False
    level = [row for row in rivals if row.votes == first.votes]
    return not level or all(row.release_date is not None for row in (first, *level))
