"""How good the probabilities are on matches that nothing was fitted to: each from what came before it, and no more."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np

from engine.market.tennis import Ending, Match
from engine.research.calibration.maps import logistic
from engine.research.calibration.metrics import Scores, scores
from engine.research.statistics import Floats
from engine.research.tennis.model import BURN_IN, Seen, TooFewMatchesError, fit, quarter_of, walk
from engine.research.tennis.ratings import TUNED, Gaps, Ratings, Standing, Tuning, expected, played_on

MODEL = "model"
SURFACE_SHARE = 0.25  # of the rating on the surface, in the plain blend


@dataclass(frozen=True, slots=True)
class Judged:
    """Of one way to say a probability: ``accuracy`` counts an even chance as half right."""

    name: str
    matches: int
    accuracy: float
    scores: Scores


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``variants`` on all matches, the model first; ``parts`` are the model on matches of a kind."""

    first: date
    last: date
    matches: int
    left_out: Mapping[str, int]
    variants: tuple[Judged, ...]
    parts: Mapping[str, tuple[Judged, ...]]
    weights: Mapping[str, float]

    @property
    def model(self) -> Judged:
        return self.variants[0]

    def to_json(self) -> dict[str, Any]:
        """The model's figures at the top, then everything else."""
        return {
            **_figures(self.model), "left_out": dict(self.left_out),
            "variants": [{"name": one.name, **_figures(one)} for one in self.variants],
            "parts": {kind: [{"name": one.name, **_figures(one)} for one in of] for kind, of in self.parts.items()},
            "reliability": [asdict(one) for one in self.model.scores.bins], "weights": dict(self.weights),
        }  # fmt: skip


def _figures(one: Judged) -> dict[str, Any]:
    scores = one.scores
    return {
        "matches": one.matches, "accuracy": one.accuracy, "log_loss": scores.log_loss, "brier": scores.brier,
        "ece": scores.ece, "ece_if_right": scores.ece_if_right, "slope": scores.slope,
    }  # fmt: skip


@dataclass(slots=True)
class _Said:
    """What was said of one match from the winner's side, before it."""

    match: Match
    by: dict[str, float]


class _Chain:
    """Plain Elo: one rating, or one by surface. The yardsticks that the model must beat."""

    def __init__(self) -> None:
        self._rating: dict[object, tuple[float, int]] = {}

    def gap(self, one: object, other: object) -> float:
        return self._of(one)[0] - self._of(other)[0]

    def learn(self, winner: object, loser: object) -> None:
        surprise = 1 - expected(self.gap(winner, loser))
        for who, sign in ((winner, 1), (loser, -1)):
            rating, count = self._of(who)
            self._rating[who] = (rating + sign * 250 / (count + 5) ** 0.4 * surprise, count + 1)

    def _of(self, who: object) -> tuple[float, int]:
        return self._rating.get(who, (1500.0, 0))


class _Yardsticks:
    """Plain Elo, and Elo with a share of the rating on the surface."""

    def __init__(self) -> None:
        self._all, self._by_surface = _Chain(), _Chain()

    def said(self, match: Match) -> dict[str, float]:
        court = played_on(match.surface)
        plain = self._all.gap(match.winner, match.loser)
        surface = self._by_surface.gap((court, match.winner), (court, match.loser))
        blend = (1 - SURFACE_SHARE) * plain + SURFACE_SHARE * surface
        return {"elo, 25% of it by surface": expected(blend), "elo": expected(plain)}

    def learn(self, matches: Sequence[Match], day: date) -> None:
        """What a day brought."""
        for match in matches:
            if match.ending is not Ending.WALKOVER:
                court = played_on(match.surface)
                self._all.learn(match.winner, match.loser)
                self._by_surface.learn((court, match.winner), (court, match.loser))


def evaluate(
    matches: Sequence[Match], born: Mapping[int, date], first: date, last: date, seed: int = 1, tuning: Tuning = TUNED
) -> Evaluation:
    """Judge every match of the main tour whose tournament began from ``first`` to ``last``, both included.

    Walkovers are no matches and are left out; retirements and defaults count. TooFewMatchesError when there is no match
    to judge, or too little before.
    """
    said, weights = _said(matches, Ratings(born, tuning), first, last)
    if not said:
        raise TooFewMatchesError(f"no match of the main tour is of a tournament that began from {first} to {last}")
    variants = tuple(_judged(name, [one.by[name] for one in said], said, seed) for name in said[0].by)
    out = [m for m in matches if first <= m.begins <= last and m.main_tour and m.ending is Ending.WALKOVER]
    left = {"walkovers": len(out)}
    return Evaluation(first, last, len(said), left, variants, _parts(said, seed), weights)


def _said(
    matches: Sequence[Match], ratings: Ratings, first: date, last: date
) -> tuple[list[_Said], Mapping[str, float]]:
    """What would have been said of each match, and the weights of the last fit."""
    yardsticks, fits = _Yardsticks(), _Fits()
    found: list[_Said] = []
    for seen in walk(matches, ratings, also=yardsticks.learn):
        match = seen.match
        if first <= match.begins <= last:
            model = float(logistic(np.array([float(np.dot(seen.gaps, fits.of(seen.day)))]))[0])
            found.append(_Said(match, {MODEL: model, **yardsticks.said(match), "ranking": _by_ranking(seen)}))
        fits.keep(seen)
    return found, fits.latest


class _Fits:
    """Weights by quarter, each fitted to what was played before its first day, once ratings had settled."""

    def __init__(self) -> None:
        self._rows: list[Gaps] = []
        self._days: list[date] = []
        self._start: date | None = None
        self._quarter: date | None = None
        self._weights: Floats = np.zeros(len(Gaps._fields))

    def keep(self, seen: Seen) -> None:
        """Rows come in order of their days."""
        self._start = self._start or seen.day
        if seen.day >= self._start + BURN_IN:
            self._rows.append(seen.gaps)
            self._days.append(seen.day)

    def of(self, day: date) -> Floats:
        """The weights that count on ``day``."""
        quarter = quarter_of(day)
        if quarter != self._quarter:
            self._quarter = quarter
            self._weights = fit(self._rows[: bisect_left(self._days, quarter)])
        return self._weights

    @property
    def latest(self) -> Mapping[str, float]:
        return dict(zip(Gaps._fields, map(float, self._weights), strict=True))


def _by_ranking(seen: Seen) -> float:
    """The share of ranking points: crude, and what a table of the ranking alone would say."""
    points = [_points(player) for player in (seen.winner, seen.loser)]
    return points[0] / (points[0] + points[1])


def _points(player: Standing) -> float:
    return math.sqrt(player.ranking_points + 20)


def _judged(name: str, said: Sequence[float], of: Sequence[_Said], seed: int) -> Judged:
    """From the side of the player with the lower number, so that half of the outcomes are wins."""
    won = np.array(said)
    first = np.array([one.match.winner < one.match.loser for one in of])
    p = np.where(first, won, 1 - won)
    right = float(((won > 0.5) + 0.5 * (won == 0.5)).mean())
    return Judged(name, len(of), right, scores(p, first.astype(float), np.arange(len(of)), seed))


def _parts(said: Sequence[_Said], seed: int) -> Mapping[str, tuple[Judged, ...]]:
    kinds: Mapping[str, Callable[[Match], str]] = {
        "surface": lambda match: str(match.surface or "not told"),
        "best of": lambda match: str(match.best_of),
        "level": lambda match: match.level,
        "ending": lambda match: str(match.ending),
    }
    return {kind: _by_kind(said, of, seed) for kind, of in kinds.items()}


def _by_kind(said: Sequence[_Said], of: Callable[[Match], str], seed: int) -> tuple[Judged, ...]:
    groups: dict[str, list[_Said]] = {}
    for one in said:
        groups.setdefault(of(one.match), []).append(one)
    return tuple(_judged(name, [one.by[MODEL] for one in group], group, seed) for name, group in sorted(groups.items()))
