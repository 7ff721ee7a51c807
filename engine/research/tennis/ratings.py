"""Ratings of tennis players from the results of their matches, brought up to date match by match.

Elo as used in tennis: E = 1 / (1 + 10^((R_b - R_a) / 400)), R' = R + K (S - E), K = 250 / (n + 8)^0.4 after n matches
(J. Sackmann, tennisabstract.com; S. Kovalchik, Journal of Quantitative Analysis in Sports 12(3), 2016). Beside it stand
a rating from the share of games (in the spirit of WElo: Angelini, Candila, De Angelis, European Journal of Operational
Research 297, 2022), one from the share of points, and how far a player departs from results and games on a surface.

The constants below were chosen on matches to the end of 2022; benchmarks/tennis_model.py shows what others would give.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from engine.market.tennis import Ending, Match, Surface

SCALE = math.log(10) / 400
START = 1500.0
_FEWEST_GAMES = 6  # of a match whose share of games says something
_RECENT_DAYS, _MOST_RECENT = 14, 6
_REST_DAYS, _LONGEST_REST = 21, 400
_YOUNG = 24.0  # years
_USUAL_AGE = 26.0  # of players whose date of birth is not known
_UNRANKED = 20.0  # ranking points that stand for none in a logarithm


class Tuning(NamedTuple):
    """Constants of the ratings.

    ``step``, ``settling``, ``slowing``: K = step / (n + settling)^slowing. ``surface_step``, ``surface_prior``: K of
    the deviation on a surface after m matches on it is step x prior / (prior + m). ``games_*``, ``points_*``: K, and a
    factor on the gap of the ratings that says what share of games or points it stands for. ``newcomer``: K of both is
    multiplied by 1 + newcomer / (n + 5). ``entry``: rating at a player's first match, for each e-fold of ranking points
    above or below ``entry_points``.
    """

    step: float = 250.0
    settling: float = 8.0
    slowing: float = 0.4
    surface_step: float = 24.0
    surface_prior: float = 20.0
    games_step: float = 180.0
    games_scale: float = 0.5
    games_surface_step: float = 30.0
    points_step: float = 250.0
    points_scale: float = 0.12
    newcomer: float = 10.0
    entry: float = 100.0
    entry_points: float = 600.0


TUNED = Tuning()


@dataclass(slots=True)
class Standing:
    """What is known of a player. Ratings are on the Elo scale; deviations by surface are added to them there."""

    matches: int = 0
    result: float = START
    games: float = START
    points: float = START
    result_on: dict[Surface, float] = field(default_factory=dict)
    games_on: dict[Surface, float] = field(default_factory=dict)
    matches_on: dict[Surface, int] = field(default_factory=dict)
    ranking_points: float = 0.0
    last: int | None = None  # day of the last match, as an ordinal
    recent: list[int] = field(default_factory=list)

    def on(self, surface: Surface) -> float:
        """The Elo rating on a surface."""
        return self.result + self.result_on.get(surface, 0.0)


class Gaps(NamedTuple):
    """One player less the other: what a model may go by. Swapping the players changes the sign of each.

    Ratings are in units of 200 points. ``unsure`` is the gap of results where either has played little; ``rest``: who
    has been away for long; ``busy``: matches of the last two weeks; ``young``: years below 24, in units of five.
    """

    result: float
    result_surface: float
    games: float
    games_surface: float
    points: float
    ranking: float
    points_best_of_five: float
    unsure: float
    rest: float
    busy: float
    young: float


def played_on(surface: Surface | None) -> Surface:
    """Carpet plays like a hard court; where nobody says, most courts are hard."""
    return Surface.HARD if surface is None or surface is Surface.CARPET else surface


class Ratings:
    """All players of a tour at a moment. ``learn`` goes forward in time and never back."""

    def __init__(self, born: Mapping[int, date], tuning: Tuning = TUNED) -> None:
        self._born, self._tuning = born, tuning
        self.standing: dict[int, Standing] = {}

    def gaps(self, one: int, other: int, surface: Surface | None, best_of: int, day: date) -> Gaps:
        """What is known before a match of ``one`` against ``other`` on ``day``."""
        a, b = self.standing.get(one) or Standing(), self.standing.get(other) or Standing()
        court = played_on(surface)
        today = day.toordinal()
        result, points = (a.result - b.result) / 200, (a.points - b.points) / 200
        return Gaps(
            result,
            (a.result_on.get(court, 0.0) - b.result_on.get(court, 0.0)) / 200,
            (a.games - b.games) / 200,
            (a.games_on.get(court, 0.0) - b.games_on.get(court, 0.0)) / 50,
            points,
            math.log((a.ranking_points + _UNRANKED) / (b.ranking_points + _UNRANKED)),
            points if best_of == 5 else 0.0,
            result * (1 / math.sqrt(a.matches + 5) + 1 / math.sqrt(b.matches + 5)),
            _rest(a, today) - _rest(b, today),
            _busy(a, today) - _busy(b, today),
            (self._youth(one, today) - self._youth(other, today)) / 5,
        )

    def learn(self, matches: Sequence[Match], day: date) -> None:
        """What the matches of one day brought. All are judged by what was known before any of them."""
        known = [(match, *(self._before(match))) for match in matches if match.ending is not Ending.WALKOVER]
        for match, winner, loser, surprise in known:
            self._book(match, winner, loser, surprise, day.toordinal())

    def _before(self, match: Match) -> tuple[Standing, Standing, float]:
        """Both players, and how far the result is above what was expected of the winner: 1 - E."""
        winner = self._meet(match.winner, match.winner_points)
        loser = self._meet(match.loser, match.loser_points)
        court = played_on(match.surface)
        return winner, loser, 1 - expected(winner.on(court) - loser.on(court))

    def _meet(self, number: int, ranking_points: int | None) -> Standing:
        found = self.standing.get(number)
        if found is None:
            tuning = self._tuning
            rating = START + tuning.entry * math.log(((ranking_points or 1) + 5) / tuning.entry_points)
            found = self.standing[number] = Standing(result=rating, games=rating, points=rating)
        return found

    def _book(self, match: Match, winner: Standing, loser: Standing, surprise: float, today: int) -> None:
        court = played_on(match.surface)
        played = match.winner_games + match.loser_games
        games_share = match.winner_games / played if played >= _FEWEST_GAMES else None
        self._book_games(winner, loser, court, games_share)
        self._book_points(winner, loser, match.points_share)
        for player, sign in ((winner, 1), (loser, -1)):
            self._book_result(player, court, sign * surprise)
        for player, points in ((winner, match.winner_points), (loser, match.loser_points)):
            player.matches += 1
            player.matches_on[court] = player.matches_on.get(court, 0) + 1
            player.last = today
            player.recent = [day for day in player.recent if today - day <= _RECENT_DAYS] + [today]
            if points:
                player.ranking_points = points

    def _book_result(self, player: Standing, court: Surface, surprise: float) -> None:
        tuning = self._tuning
        player.result += tuning.step / (player.matches + tuning.settling) ** tuning.slowing * surprise
        step = tuning.surface_step * self._still_new(player, court)
        player.result_on[court] = player.result_on.get(court, 0.0) + step * surprise

    def _book_games(self, winner: Standing, loser: Standing, court: Surface, share: float | None) -> None:
        if share is None:
            return
        tuning = self._tuning
        surprise = share - expected(tuning.games_scale * (winner.games - loser.games))
        for player, sign in ((winner, 1), (loser, -1)):
            player.games += sign * tuning.games_step * self._haste(player) * surprise
            step = sign * tuning.games_surface_step * self._still_new(player, court)
            player.games_on[court] = player.games_on.get(court, 0.0) + step * surprise

    def _book_points(self, winner: Standing, loser: Standing, share: float | None) -> None:
        if share is None:
            return
        tuning = self._tuning
        surprise = share - expected(tuning.points_scale * (winner.points - loser.points))
        for player, sign in ((winner, 1), (loser, -1)):
            player.points += sign * tuning.points_step * self._haste(player) * surprise

    def _haste(self, player: Standing) -> float:
        """Ratings of those who have played little move faster."""
        return 1 + self._tuning.newcomer / (player.matches + 5)

    def _still_new(self, player: Standing, court: Surface) -> float:
        prior = self._tuning.surface_prior
        return prior / (prior + player.matches_on.get(court, 0))

    def _youth(self, number: int, today: int) -> float:
        born = self._born.get(number)
        age = _USUAL_AGE if born is None else (today - born.toordinal()) / 365.25
        return max(0.0, _YOUNG - age)


def expected(gap: float) -> float:
    """What the better rated by ``gap`` wins on average."""
    return 1 / (1 + math.exp(-SCALE * gap))


def _rest(player: Standing, today: int) -> float:
    away = _LONGEST_REST if player.last is None else min(today - player.last, _LONGEST_REST)
    return math.log1p(max(away - _REST_DAYS, 0))


def _busy(player: Standing, today: int) -> int:
    return min(sum(1 for day in player.recent if today - day <= _RECENT_DAYS), _MOST_RECENT)
