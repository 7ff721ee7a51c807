"""A leaderboard as it was seen: rows in the order of the page, scores in points, times in UTC nanoseconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date


class BoardError(Exception):
    """A page or file that is no leaderboard to believe. One line: where it is from, what is wrong."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model. ``rank_ub`` is the Rank (UB) that contracts settle on, ``rank`` the place on the page; ``score`` has
    the decimals that the page's data has; None is what the page does not tell."""

    model: str
    organization: str
    score: float
    rank: int
    rank_ub: int | None = None
    rank_lower: int | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    votes: int | None = None
    license: str = ""
    preliminary: bool = False
    release_date: date | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """One table. ``seen_ns``: when it became known; ``cutoff_ns``: up to when votes count, by the page itself;
    ``parsed``: what was read, ``flight``, ``table`` or ``file``; ``total``: how many models the page says it has."""

    rows: tuple[Row, ...]
    seen_ns: int
    cutoff_ns: int | None = None
    source: str = ""
    parsed: str = "file"
    total: int | None = None

    def row(self, model: str) -> Row | None:
        """The row of a model by its exact name but for upper and lower case."""
        wanted = model.casefold()
        return next((row for row in self.rows if row.model.casefold() == wanted), None)

    def says_the_same(self, other: Board) -> bool:
        """Whether a contract could not tell the two apart."""
        return self.rows == other.rows and self.cutoff_ns == other.cutoff_ns


def with_rank_ub(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Fill in the Rank (UB) that a page does not tell: one more than the models that are better for certain, that is,
    whose lower bound is above this one's upper bound (the definition of the site, which all its tables keep to)."""
    if all(row.rank_ub is not None for row in rows):
        return tuple(rows)
    lows = [row.ci_low for row in rows]
    if any(low is None for low in lows) or any(row.ci_high is None for row in rows):
        raise BoardError("it tells neither Rank (UB) nor the bounds of the scores that it follows from")
    filled = []
    for row in rows:
        better = sum(1 for low in lows if low is not None and row.ci_high is not None and low > row.ci_high)
        filled.append(row if row.rank_ub is not None else replace(row, rank_ub=better + 1))
    return tuple(filled)


def printed(score: float) -> int:
    """The score as the page prints it: the nearest whole number, halves up."""
    return math.floor(score + 0.5)
