"""The probability that one player beats another: a logistic model of the gaps between their ratings.

Its weights are fitted by penalised likelihood on matches that are over. It has no constant, and every gap changes its
sign with the players, so that P(A beats B) + P(B beats A) = 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from engine.market.tennis import Ending, Match, Surface
from engine.research.calibration.maps import logistic
from engine.research.statistics import Floats
from engine.research.tennis.order import by_day
from engine.research.tennis.ratings import Gaps, Ratings, Standing, played_on

BURN_IN = timedelta(days=730)  # ratings settle before weights are fitted to them
FEWEST = 500  # matches to fit to
FIT_MONTHS = 3  # weights are fitted anew at the start of each quarter
_PULL = 1e-3
_STEPS = 50


class TooFewMatchesError(Exception):
    """There is too little history to say anything."""


class Seen(NamedTuple):
    """One match of the main tour before it was played, and what was known then; its winner stands first."""

    match: Match
    day: date
    gaps: Gaps
    winner: Standing
    loser: Standing


class TennisModel:
    """Ratings and weights at the end of a history. Dates after it are fine: who has rested has rested longer."""

    def __init__(self, ratings: Ratings, weights: Floats, until: date) -> None:
        self.ratings, self.weights, self.until = ratings, weights, until

    def elo(self, number: int, surface: Surface | None) -> float:
        """The Elo rating of a player, with the deviation on the surface where there is one."""
        standing = self.ratings.standing.get(number) or Standing()
        return standing.result if surface is None else standing.on(played_on(surface))

    def matches(self, number: int) -> int:
        """How many matches of a player the ratings know."""
        standing = self.ratings.standing.get(number)
        return 0 if standing is None else standing.matches

    def probability(self, one: int, other: int, surface: Surface | None, best_of: int, day: date) -> float:
        """That ``one`` beats ``other``; between 0 and 1."""
        gaps = self.ratings.gaps(one, other, surface, best_of, day)
        return float(logistic(np.array([float(np.dot(gaps, self.weights))]))[0])


def fitted_model(matches: Sequence[Match], born: Mapping[int, date], before: date | None = None) -> TennisModel:
    """The model that can be known when all of ``matches`` that were played before a day are; TooFewMatchesError."""
    ratings = Ratings(born)
    rows: list[Gaps] = []
    until, start = date.min, None
    for seen in walk(matches, ratings, before):
        start = start or seen.day
        until = seen.day
        if seen.day >= start + BURN_IN:
            rows.append(seen.gaps)
    return TennisModel(ratings, fit(rows), until)


def walk(
    matches: Sequence[Match], ratings: Ratings, before: date | None = None,
    also: Callable[[Sequence[Match], date], None] = lambda matches, day: None,
) -> Iterator[Seen]:  # fmt: skip
    """Every match of the main tour that was played, with the gaps as they were before it; ``ratings`` learn on the way.

    What a day brought is learnt after all of its matches were seen, and then ``also`` is told of it.
    """
    for day, played in by_day(matches):
        if before is not None and day >= before:
            return
        for match in played:
            if match.main_tour and match.ending is not Ending.WALKOVER:
                pair = (ratings.standing.get(number) or Standing() for number in (match.winner, match.loser))
                gaps = ratings.gaps(match.winner, match.loser, match.surface, match.best_of, day)
                yield Seen(match, day, gaps, *pair)
        ratings.learn(played, day)
        also(played, day)


def fit(rows: Sequence[Gaps]) -> Floats:
    """Weights with the greatest penalised likelihood, all rows being gaps from the winner's side.

    TooFewMatchesError when there are fewer than FEWEST rows.
    """
    if len(rows) < FEWEST:
        raise TooFewMatchesError(
            f"there are {len(rows)} matches of the main tour to fit to, two years after the first one; "
            f"{FEWEST} are needed"
        )
    columns = np.array(rows)
    at = np.zeros(columns.shape[1])
    pull = _PULL * np.eye(len(at))
    for _ in range(_STEPS):
        won = logistic(columns @ at)
        slope = columns.T @ (1 - won) - _PULL * at
        curve = (columns * (won * (1 - won))[:, None]).T @ columns + pull
        step = np.linalg.solve(curve, slope)
        at = at + step
        if float(np.abs(step).max()) < 1e-10:
            break
    return at


def quarter_of(day: date) -> date:
    """The first day of the quarter in which weights that are used on ``day`` were fitted."""
    return date(day.year, day.month - (day.month - 1) % FIT_MONTHS, 1)


