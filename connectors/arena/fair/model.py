"""The model: the gap in scores against how far printed scores move until the check, and newcomers.

Until the check a table may come or not (Poisson); when one does, every score moves by its own draw (Student's t with
five degrees of freedom, wider for models with few votes), and the highest leads. The site's confidence intervals are no
part of it: they are about skill, while contracts settle on the printed number, which moves far less. That a model takes
over which is not listed yet is a mass of its own, by a Gamma–Poisson rate.

Draws belong to a model's name and a seed, so that probabilities change because the table did and for nothing else.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from connectors.arena.board import Board
from connectors.arena.fair.forecast import Forecast
from connectors.arena.fair.history import Learned, Priors, thinness

Floats = NDArray[np.float64]
DRAWS = 20_000
CONTENDERS = 25  # best models that are looked at
REACH = 8.0  # standard moves down for the first and up for another, beyond which the other is not simulated
DEGREES = 5.0
PRIORS = Priors()


def forecast(board: Board, days: float, learned: Learned, seed: int, priors: Priors = PRIORS) -> Forecast:
    """How likely each model of ``board`` leads in ``days``, from what was learned of the tables up to it."""
    shares = _shares(board, days, learned, seed, priors)
    unlisted = learned.newcomer(days)
    return Forecast({model: (1.0 - unlisted) * share for model, share in shares.items()}, unlisted)


def _shares(board: Board, days: float, learned: Learned, seed: int, priors: Priors) -> dict[str, float]:
    """Among the listed."""
    rows = sorted(board.rows, key=lambda row: (row.rank, -row.score))[:CONTENDERS]
    moved = -np.expm1(-learned.tables_a_day * days)  # how likely at least one table comes
    if moved <= 0.0:
        leader = rows[0].model
        return {row.model: float(row.model == leader) for row in rows}
    wide = {row: float(np.sqrt(learned.variance * thinness(row, priors) * days / moved)) for row in rows}
    lowest = rows[0].score - REACH * wide[rows[0]]
    near = [row for row in rows if row.score + REACH * wide[row] >= lowest]
    printed = np.stack([row.score + wide[row] * _draws(row.model, seed) for row in near])
    wins = np.bincount(printed.argmax(axis=0), minlength=len(near)) / DRAWS
    shares = {row.model: moved * float(share) for row, share in zip(near, wins, strict=True)}
    shares[rows[0].model] += 1.0 - moved
    return shares


@lru_cache(maxsize=256)
def _draws(model: str, seed: int) -> Floats:
    """Standard draws of a model with variance 1; the same for the same name and seed."""
    made = np.random.Generator(np.random.PCG64([seed, zlib.crc32(model.encode())]))
    drawn: Floats = made.standard_t(DEGREES, DRAWS) * np.sqrt((DEGREES - 2.0) / DEGREES)
    return drawn
