"""Ratings and the model on them: order of matches, symmetry, nothing from the future, and how good they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.tennis.sackmann import read_matches, read_players
from engine.market.tennis import Ending, Match, Surface
from engine.research.tennis.evaluate import Evaluation, evaluate
from engine.research.tennis.model import TennisModel, TooFewMatchesError, fit, fitted_model, walk
from engine.research.tennis.order import by_day, day_of
from engine.research.tennis.ratings import Ratings, expected

FIRST = date(2020, 1, 6)
SKILL = [(number - 20) / 8 for number in range(40)]
COURTS = (Surface.HARD, Surface.CLAY, Surface.GRASS, None)


@cache
def history(weeks: int = 210, seed: int = 1) -> tuple[Match, ...]:
    """Weekly tournaments of 16 made-up players, whose chances follow from their skill alone."""
    return tuple(_tournaments(weeks, seed))


def _tournaments(weeks: int, seed: int) -> Iterator[Match]:
    chance = Random(seed)
    for week in range(weeks):
        begins = FIRST + timedelta(days=7 * week)
        field = chance.sample(range(40), 16)
        for round_ in ("R16", "QF", "SF", "F"):
            left = []
            for number, (one, other) in enumerate(zip(field[::2], field[1::2], strict=True)):
                wins = chance.random() < 1 / (1 + math.exp(SKILL[other] - SKILL[one]))
                winner, loser = (one, other) if wins else (other, one)
                left.append(winner)
                yield Match(
                    f"{begins.year}-{week}", f"Week {week}", COURTS[week % 4], "A", begins, 16, round_, number, 3,
                    winner, loser, Ending.COMPLETED, 2, 0, 12, 8, 0.53, 40 * winner + 50, 40 * loser + 50,
                )  # fmt: skip
            field = left


@pytest.fixture(scope="module")
def model() -> TennisModel:
    return fitted_model(history(), {})


def test_rounds_of_a_tournament_come_on_days_of_their_own() -> None:
    base = history(1)[0]
    rounds = ("R128", "R64", "R32", "R16", "QF", "SF", "F")
    for level, size, length in (("G", 128, 13), ("M", 96, 12), ("M", 56, 8), ("A", 32, 6), ("A", 28, 6), ("I", 32, 6)):
        first = 7 - (size - 1).bit_length()
        days = [day_of(base._replace(level=level, draw=size, round=name)) for name in rounds[first:]]
        assert all(one < other for one, other in pairwise(days)), (level, size, days)
        assert (days[0] - base.begins).days == 0
        assert (days[-1] - base.begins).days == length
        qualifying = [day_of(base._replace(level=level, draw=size, round=name)) for name in ("Q1", "Q2", "Q3")]
        assert max(qualifying) < days[0]


def test_the_better_player_is_found(model: TennisModel) -> None:
    order = sorted(range(40), key=lambda number: model.elo(number, None))
    assert sum(abs(order.index(number) - number) for number in range(40)) / 40 < 4
    assert model.probability(39, 0, Surface.HARD, 3, model.until) > 0.9


@given(
    one=st.integers(0, 45), other=st.integers(0, 45), surface=st.sampled_from(COURTS), best_of=st.sampled_from((3, 5)),
    days=st.integers(0, 900),
)  # fmt: skip
def test_what_one_player_is_given_the_other_is_not(
    model: TennisModel, one: int, other: int, surface: Surface | None, best_of: int, days: int
) -> None:
    day = model.until + timedelta(days=days)
    there = model.probability(one, other, surface, best_of, day)
    back = model.probability(other, one, surface, best_of, day)
    assert 0 < there < 1
    assert there + back == pytest.approx(1)
    if one == other:
        assert there == pytest.approx(0.5)


def test_nothing_of_the_future_is_known() -> None:
    """Turning every result after a day around changes no probability of that day or before."""
    played = list(history())
    turning = FIRST + timedelta(days=7 * 190)
    turned = [
        m if m.begins < turning else m._replace(winner=m.loser, loser=m.winner, points_share=0.7, winner_games=24)
        for m in played
    ]
    first = turning - timedelta(days=70)
    for found, other in zip(_gaps(played, first, turning), _gaps(turned, first, turning), strict=True):
        assert found == other
    there, back = (fitted_model(some, {}, turning) for some in (played, turned))
    assert there.weights.tolist() == back.weights.tolist()
    assert there.until < turning


def _gaps(matches: list[Match], first: date, last: date) -> list[object]:
    return [(seen.match.number, *seen.gaps) for seen in walk(matches, Ratings({})) if first <= seen.day < last]


def test_what_a_day_brought_is_not_known_on_that_day() -> None:
    """Two matches of one player on one day, as in a round robin: both are judged by what was known before."""
    base = history(1)[0]._replace(level="F", round="RR")
    twice = [base._replace(number=1, winner=1, loser=2), base._replace(number=2, winner=1, loser=3)]
    gaps = [seen.gaps for seen in walk(twice, Ratings({}))]
    assert gaps[0] == gaps[1]


def test_walkovers_teach_nothing_and_retirements_do() -> None:
    base = history(1)[0]
    for ending, taught in ((Ending.WALKOVER, 0), (Ending.RETIRED, 1), (Ending.COMPLETED, 1)):
        ratings = Ratings({})
        for day, played in by_day([base._replace(ending=ending)]):
            ratings.learn(played, day)
        assert len(ratings.standing) == 2 * taught


def test_an_evaluation_says_what_it_judged() -> None:
    last = max(match.begins for match in history())
    found = evaluate(history(), {}, last - timedelta(days=200), last)
    told = found.to_json()
    assert told["matches"] == found.matches == sum(match.begins >= found.first for match in history())
    assert {"accuracy", "log_loss", "brier", "ece"} < set(told)
    assert [one.name for one in found.variants] == ["model", "elo, 25% of it by surface", "elo", "ranking"]
    # What the made-up players' true chances would score: the model comes near it.
    assert told["log_loss"] < _truth(found) + 0.03


def _truth(found: Evaluation) -> float:
    losses = [
        math.log(1 + math.exp(SKILL[m.loser] - SKILL[m.winner])) for m in history() if m.begins >= found.first
    ]
    return sum(losses) / len(losses)


def test_too_little_history_is_refused() -> None:
    with pytest.raises(TooFewMatchesError, match="500 are needed"):
        fitted_model(history(60), {})
    with pytest.raises(TooFewMatchesError, match="no match of the main tour"):
        evaluate(history(), {}, date(2030, 1, 1), date(2030, 12, 31))
    with pytest.raises(TooFewMatchesError):
        fit([])


def test_elo_is_elo() -> None:
    assert expected(0) == 0.5
    assert expected(400) == pytest.approx(10 / 11)


@pytest.mark.parametrize(("tour", "most"), [("atp", 0.606), ("wta", 0.607)])
def test_the_season_of_2023_is_told_as_well_as_the_page_says(shared_data: Path, tour: str, most: float) -> None:
    folder = shared_data / "tennis"
    matches = [m for path in sorted(folder.glob(f"{tour}_matches_*.csv.gz")) for m in read_matches(path)]
    born = {p.number: p.born for p in read_players(folder / f"{tour}_players.csv.gz") if p.born is not None}
    found = evaluate(matches, born, date(2023, 1, 1), date(2023, 12, 31))
    model, *others = found.variants
    assert found.matches > 2_700
    assert model.scores.log_loss < most
    assert all(model.scores.log_loss < other.scores.log_loss - 0.01 for other in others)
    assert model.accuracy > 0.66
    assert model.scores.ece < 0.03
    assert 0.9 < (model.scores.slope or 0) < 1.1
