"""The estimate of the leaderboard trader that came before: by rank alone, whatever the horizon and the gap.

Its figures are kept as they were, so that its probabilities can be compared and traded: a probability for each Rank
(UB), five points more for whoever would win now, a little for battles that are won more often than not, and a discount
on preliminary scores.
"""

from __future__ import annotations

import math

import numpy as np

from connectors.arena.board import Board, Row
from connectors.arena.fair.forecast import Forecast
from connectors.arena.settlement import inputs_are_complete, resolve_top_model

BY_RANK = {1: 0.65, 2: 0.22, 3: 0.10, 4: 0.06, 5: 0.04}
FALL_A_RANK = 0.3  # of the logarithm, below the fifth
LEAST_BY_RANK = 0.01
WINNER_UPLIFT = 0.05
MOST_AFTER_UPLIFT = 0.95
WEIGHT_OF_WINS = 0.15
PRELIMINARY_DISCOUNT = 0.30
LEAST, MOST = 0.01, 0.99
ELO_SCALE = 400.0


def by_rank(rank_ub: int | None) -> float:
    """Chance to lead that a Rank (UB) alone stands for; 0 for a rank that is none."""
    if rank_ub is None or rank_ub <= 0:
        return 0.0
    if rank_ub in BY_RANK:
        return BY_RANK[rank_ub]
    return max(LEAST_BY_RANK, BY_RANK[5] * math.exp(-FALL_A_RANK * (rank_ub - 5)))


def estimate_fair_value(board: Board, row: Row, wins: float, leads: bool) -> float:
    """Fair value of a row's contract in whole cents, as a probability. ``wins``: the share of battles that it wins
    against an average model of the table; ``leads``: it wins the cascade now, and no input was missing for that."""
    p = by_rank(row.rank_ub)
    if leads:
        p = min(MOST_AFTER_UPLIFT, p + WINNER_UPLIFT)
    p = min(1.0, max(0.0, p + WEIGHT_OF_WINS * (wins - 0.5)))
    if row.preliminary:
        p *= 1.0 - PRELIMINARY_DISCOUNT
    return min(MOST, max(LEAST, math.floor(100 * p + 0.5) / 100))


def forecast_by_rank(board: Board, days: float) -> Forecast:
    """Each model by its rank; ``days`` make no difference, and nothing is left for models that are not listed."""
    winner = resolve_top_model(board.rows) if inputs_are_complete(board) else None
    won = win_rates(board)
    return Forecast(
        {row.model: estimate_fair_value(board, row, share, row is winner)
         for row, share in zip(board.rows, won, strict=True)}
    )  # fmt: skip


def win_rates(board: Board) -> list[float]:
    """Share of battles that each row wins against the others, by the scale of its scores (Bradley–Terry, 400 points
    are ten to one). 1/2 where there are no others."""
    scores = np.array([row.score for row in board.rows])
    if len(scores) < 2:
        return [0.5] * len(scores)
    beats = 1.0 / (1.0 + 10.0 ** ((scores[None, :] - scores[:, None]) / ELO_SCALE))
    means: list[float] = ((beats.sum(axis=1) - 0.5) / (len(scores) - 1)).tolist()
    return means
