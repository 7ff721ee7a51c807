"""Evaluation of forecasts: on tables whose scores can be worked out by hand, and what it may not look at."""

from __future__ import annotations

import math

import pytest

from engine.research.arena.evaluate import BASE_RATE, DAY_NS, LEADER_STAYS, Table, best_of, evaluate, questions_of

T0 = 1_700_000_000 * 10**9


def table(day: float, *models: str) -> Table:
    return Table(T0 + int(day * DAY_NS), models)


def asks(*days: float) -> list[int]:
    return [T0 + int(day * DAY_NS) for day in days]


TABLES = [table(0, "a", "b"), table(2, "b", "a"), table(4, "new", "b", "a"), table(6, "new", "b")]


def test_the_answer_is_the_table_in_force_at_the_end() -> None:
    found = list(questions_of(TABLES, asks(0.5, 1.5, 3.5, 4.5), 1.0))
    assert [(q.place, q.outcome) for q in found] == [(0, "a"), (0, "b"), (1, None), (2, "new")]


def test_questions_without_a_known_answer_are_not_asked() -> None:
    assert not list(questions_of(TABLES, asks(-1), 1.0)), "no table yet"
    assert not list(questions_of(TABLES, asks(5.5), 1.0)), "nobody knows how long the last table went on"
    assert not list(questions_of([table(0, "a"), table(30, "b"), table(31, "b")], asks(1), 1.0)), "a long gap"


def test_scores_by_hand() -> None:
    asked = asks(0.5, 1.5, 3.5)
    sure = {"a": 0.8, "b": 0.15}
    (part,) = evaluate(TABLES, asked, {"mine": lambda place, days: sure}, [1.0])
    assert (part.questions, part.stayed, part.unlisted) == (3, 1 / 3, 1 / 3)
    (mine,) = [s for s in part.scores if s.estimator == "mine"]
    # a led as said; b led instead; then b led the table, and a model that was not listed (1 − 0.95) took over.
    assert mine.log_loss == pytest.approx(-(math.log(0.8) + math.log(0.15) + math.log(0.05)) / 3)
    assert mine.stays_log_loss == pytest.approx(-(math.log(0.8) + math.log(0.2) + math.log(0.85)) / 3)
    assert mine.stays_brier == pytest.approx((0.04 + 0.64 + 0.0225) / 3)
    (stays,) = [s for s in part.scores if s.estimator == LEADER_STAYS]
    assert stays.log_loss == pytest.approx(-(math.log(0.98) + 2 * math.log(0.01)) / 3)


def test_the_base_rate_counts_only_what_was_answered_by_then() -> None:
    tables = [*TABLES, table(8, "new", "b")]
    (part,) = evaluate(tables, asks(0.5, 1.5, 3.5, 4.5), {}, [1.0])
    (base,) = [s for s in part.scores if s.estimator == BASE_RATE]
    # Stays, another, unlisted: 1:1:1; after one that stayed 2:1:1; after another 2:2:1; after a newcomer 2:2:2.
    said = [1 / 3, 1 / 4, 1 / 5, 2 / 6]
    assert base.log_loss == pytest.approx(-sum(map(math.log, said)) / 4)


def test_chances_that_add_up_to_more_than_one_are_scaled_for_who_leads_alone() -> None:
    (part,) = evaluate(TABLES, asks(0.5), {"much": lambda place, days: {"a": 0.9, "b": 0.9}}, [1.0])
    (much,) = [s for s in part.scores if s.estimator == "much"]
    assert much.log_loss == pytest.approx(-math.log(0.5)) and much.stays_log_loss == pytest.approx(-math.log(0.9))


def test_the_best_has_the_least_loss_over_all_horizons() -> None:
    parts = evaluate(
        TABLES, asks(0.5, 1.5), {"x": lambda p, d: {"a": 0.5, "b": 0.4}, "y": lambda p, d: {"a": 0.2}}, [1.0, 2.0]
    )
    assert best_of(parts, ["x", "y"]) == "x"
    assert not evaluate(TABLES, asks(20), {}, [1.0])
