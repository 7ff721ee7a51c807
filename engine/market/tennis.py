"""Players and matches of professional tennis, as the archives of results tell them."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import NamedTuple

# Grand slams, masters, other tour events, season finals, national teams; for women also premier events (P, PM) and
# internationals (I); in 2021 all of them are W.
MAIN_LEVELS = frozenset(("G", "M", "A", "F", "D", "P", "PM", "I", "O", "W"))
QUALIFYING = frozenset(("Q1", "Q2", "Q3", "Q4"))


class Tour(StrEnum):
    """Men's and women's matches are two worlds: nobody plays in both."""

    ATP = "atp"
    WTA = "wta"


class Surface(StrEnum):
    HARD = "hard"
    CLAY = "clay"
    GRASS = "grass"
    CARPET = "carpet"


class Ending(StrEnum):
    """How a match came to its end. A walkover is no match: no ball was played."""

    COMPLETED = "completed"
    RETIRED = "retired"
    DEFAULTED = "defaulted"
    WALKOVER = "walkover"


class Player(NamedTuple):
    """``number`` is the archive's own; names are as it writes them."""

    number: int
    first: str
    last: str
    born: date | None = None
    country: str = ""

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}".strip()


class Match(NamedTuple):
    """One singles match. ``begins`` is the first day of the tournament, not of the match; ``draw`` its draw size.

    Sets and games are the winner's and the loser's; ``points_share`` is the share of all points that the winner won.
    Ranking points are of the week in which the tournament began; None where the archive does not say.
    """

    tournament: str
    name: str
    surface: Surface | None
    level: str
    begins: date
    draw: int
    round: str
    number: int
    best_of: int
    winner: int
    loser: int
    ending: Ending
    winner_sets: int = 0
    loser_sets: int = 0
    winner_games: int = 0
    loser_games: int = 0
    points_share: float | None = None
    winner_points: int | None = None
    loser_points: int | None = None

    @property
    def main_tour(self) -> bool:
        """Of a main draw on the tour itself, team competitions included: no qualifying, no challenger."""
        return self.level in MAIN_LEVELS and self.round not in QUALIFYING
