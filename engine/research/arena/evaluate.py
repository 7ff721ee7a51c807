"""Walk-forward evaluation of forecasts of who leads a leaderboard in some days.

A question is asked at a moment of the past with the table that was in force then, and answered by the table in force at
the end of its horizon. An estimator may use what was known when the question is asked and nothing else. Beside the
estimators stand two that anybody can have: that the leader stays, and how often that was so until then.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from engine.market.events import NANOS
from engine.research.statistics.draws import resamples

DAY_NS = 86_400 * NANOS
LONGEST_GAP_DAYS = 21.0  # between two tables; who led within a longer one is not known
LOG_FLOOR = 1e-3
STAYS = 0.98  # what "the leader stays" says; half of the rest is for models that are not listed
OTHERS = 9  # next best models that share what a baseline gives to other listed ones
DRAWS = 2_000
SEED = 1
LEADER_STAYS, BASE_RATE = "leader stays", "base rate"


class Table(NamedTuple):
    """A table as far as a question needs it: models in order, the leader first. UTC nanoseconds."""

    seen_ns: int
    models: tuple[str, ...]


Chances = Mapping[str, float]
Forecaster = Callable[[int, float], Chances]
"""Of the place of a table and a horizon in days: each model's chance to lead. What is missing to one is the chance of
models that are not listed; more than one in all is scaled down to one for who leads, and left for whether one does."""


@dataclass(frozen=True, slots=True)
class Question:
    """Asked at ``asked_ns`` of the table at ``place``. ``outcome`` None: a model that was not on it."""

    asked_ns: int
    place: int
    days: float
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Score:
    """Of one estimator over the questions of one horizon.

    ``log_loss`` of who leads, with chances kept 0.001 from 0; ``stays_log_loss`` and ``stays_brier`` of whether the
    leader stays. ``better``: mean log-loss less that of the base rate, with a 90 % interval over whole months drawn
    anew; below 0 is better than the base rate. None with fewer than three months.
    """

    estimator: str
    days: float
    log_loss: float
    stays_log_loss: float
    stays_brier: float
    said: float
    better: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Part:
    """The scores of one horizon. ``stayed`` and ``unlisted`` are shares of the ``questions``."""

    days: float
    questions: int
    months: int
    stayed: float
    unlisted: float
    scores: tuple[Score, ...]


def questions_of(tables: Sequence[Table], asked: Sequence[int], days: float) -> Iterator[Question]:
    """One for each moment asked that has a table before it and whose answer is known."""
    times = [table.seen_ns for table in tables]
    for at in asked:
        place, end = bisect_right(times, at) - 1, at + int(days * DAY_NS)
        last = bisect_right(times, end) - 1
        if place < 0 or last + 1 >= len(tables):
            continue  # without a table after it, the last one may have gone on for any time
        if any(times[k + 1] - times[k] > LONGEST_GAP_DAYS * DAY_NS for k in range(place, last + 1)):
            continue
        leader = tables[last].models[0]
        yield Question(at, place, days, leader if leader in tables[place].models else None)


def evaluate(
    tables: Sequence[Table], asked: Sequence[int], estimators: Mapping[str, Forecaster], horizons: Sequence[float]
) -> list[Part]:
    """The scores of all estimators and both baselines at each horizon; horizons without questions are left out."""
    parts = []
    for days in horizons:
        questions = list(questions_of(tables, asked, days))
        if questions:
            parts.append(_part(tables, questions, estimators, days))
    return parts


def best_of(parts: Sequence[Part], names: Sequence[str]) -> str:
    """The estimator with the least log-loss, horizons counting alike."""
    mean = {name: sum(s.log_loss for p in parts for s in p.scores if s.estimator == name) for name in names}
    return min(names, key=lambda name: mean[name])


class _Answer(NamedTuple):
    """``outcome``: the chance given to what came; ``stays``: that given to the leader."""

    outcome: float
    stays: float


def _part(
    tables: Sequence[Table], questions: Sequence[Question], estimators: Mapping[str, Forecaster], days: float
) -> Part:
    answers: dict[str, list[_Answer]] = {
        name: [_answer(tables[q.place], forecaster(q.place, days), q.outcome) for q in questions]
        for name, forecaster in estimators.items()
    }
    answers[BASE_RATE] = list(_base_rate(tables, questions))
    fixed = (1 - STAYS) / 2
    answers[LEADER_STAYS] = [_three(tables[q.place], q.outcome, STAYS, fixed, fixed) for q in questions]
    stayed = [q.outcome == tables[q.place].models[0] for q in questions]
    months = [_month(q.asked_ns) for q in questions]
    base = [_loss(a.outcome) for a in answers[BASE_RATE]]
    scores = tuple(_score(name, days, found, stayed, base, months) for name, found in answers.items())
    n = len(questions)
    return Part(days, n, len(set(months)), sum(stayed) / n, sum(q.outcome is None for q in questions) / n, scores)


def _answer(table: Table, chances: Chances, outcome: str | None) -> _Answer:
    total = sum(chances.values())
    scale = 1.0 / max(1.0, total)
    came = max(0.0, 1.0 - total) if outcome is None else chances.get(outcome, 0.0) * scale
    return _Answer(came, min(1.0, chances.get(table.models[0], 0.0)))  # a contract of its own: not scaled


def _three(table: Table, outcome: str | None, stays: float, other: float, unlisted: float) -> _Answer:
    """Chances of three kinds of outcome; that of other listed models is shared by the next best."""
    if outcome is None:
        return _Answer(unlisted, stays)
    if outcome == table.models[0]:
        return _Answer(stays, stays)
    next_best = table.models[1 : 1 + OTHERS]
    return _Answer(other / len(next_best) if outcome in next_best else 0.0, stays)


def _base_rate(tables: Sequence[Table], questions: Sequence[Question]) -> Iterator[_Answer]:
    """How often each kind of outcome came until the question is asked, one of each counted beforehand."""
    counts, known = [1.0, 1.0, 1.0], 0
    for question in questions:
        while known < len(questions) and _answered_ns(questions[known]) <= question.asked_ns:
            counts[_kind(tables, questions[known])] += 1.0
            known += 1
        total = sum(counts)
        yield _three(tables[question.place], question.outcome, *(count / total for count in counts))


def _answered_ns(question: Question) -> int:
    return question.asked_ns + int(question.days * DAY_NS)


def _kind(tables: Sequence[Table], question: Question) -> int:
    if question.outcome is None:
        return 2
    return 0 if question.outcome == tables[question.place].models[0] else 1


def _score(
    name: str, days: float, found: Sequence[_Answer], stayed: Sequence[bool], base: Sequence[float],
    months: Sequence[int],
) -> Score:  # fmt: skip
    losses, n = [_loss(a.outcome) for a in found], len(found)
    pairs = list(zip(found, stayed, strict=True))
    apart = np.array(losses) - np.array(base)
    low, high = _interval(apart, months) if name != BASE_RATE else (None, None)
    return Score(
        name, days, sum(losses) / n,
        sum(_loss(a.stays if stays else 1.0 - a.stays) for a, stays in pairs) / n,
        sum((a.stays - stays) ** 2 for a, stays in pairs) / n,
        sum(a.stays for a in found) / n, float(apart.mean()), low, high,
    )  # fmt: skip


def _interval(apart: np.ndarray[tuple[int], np.dtype[np.float64]], months: Sequence[int]) -> tuple[
    float | None, float | None
]:  # fmt: skip
    """Percentiles of the mean when whole months are drawn again: days of one month share their tables."""
    names = sorted(set(months))
    if len(names) < 3:
        return None, None
    which = np.array(months)
    sums = np.array([apart[which == month].sum() for month in names])
    counts = np.array([(which == month).sum() for month in names])
    means = [sums[drawn].sum(axis=-1) / counts[drawn].sum(axis=-1) for drawn in resamples(len(names), DRAWS, SEED)]
    low, high = np.percentile(np.concatenate(means), [5.0, 95.0])
    return float(low), float(high)


def _loss(chance: float) -> float:
    return -math.log(max(chance, LOG_FLOOR))


def _month(time_ns: int) -> int:
    moment = datetime.fromtimestamp(time_ns // NANOS, UTC)
    return moment.year * 12 + moment.month
