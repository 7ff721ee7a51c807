"""Fair values: the seed's figures, what the model must obey, and that it forgets nothing and looks at nothing ahead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.arena.board import Board
from connectors.arena.fair.history import Priors, learn, learned_from, unlearned
from connectors.arena.fair.model import forecast
from connectors.arena.fair.seed import by_rank, forecast_by_rank, win_rates

DAY = 86_400 * 10**9
NOTHING = unlearned(Priors())


class TestTheSeed:
    @pytest.mark.parametrize(
        ("rank", "chance"),
        [(1, 0.65), (2, 0.22), (3, 0.10), (4, 0.06), (5, 0.04), (6, 0.0296), (9, 0.012), (30, 0.01), (0, 0), (None, 0)],
    )
    def test_goes_by_rank(self, rank: int | None, chance: float) -> None:
        assert by_rank(rank) == pytest.approx(chance, abs=1e-4)

    def test_lifts_the_winner_by_five_points_where_no_input_is_missing(self, make: Any) -> None:
        board = make([("a", "A", 1500.0, 9000, 1), ("b", "B", 1500.0, 8000, 1)])
        told = forecast_by_rank(board, 7.0).models
        assert told == {"a": 0.70, "b": 0.65}, "both win half of their battles, so nothing else is added"
        level = make([("a", "A", 1500.0, 9000, 1), ("b", "B", 1500.0, 9000, 1)])
        assert forecast_by_rank(level, 7.0).models == {"a": 0.65, "b": 0.65}, "no release dates to tell them apart"

    def test_adds_for_battles_won_and_discounts_preliminary_scores(self, make: Any) -> None:
        board = make([("a", "A", 1500.0, 9000, 1), ("b", "B", 1300.0, 8000, 2)])
        rates = win_rates(board)
        assert rates[0] == pytest.approx(0.7597, abs=1e-4) and sum(rates) == pytest.approx(1.0)
        told = forecast_by_rank(board, 1.0).models
        assert told["a"] == 0.74 and told["b"] == 0.18  # 65 + 5 + 15 × 0.26, and 22 − 15 × 0.26, in whole cents
        rows = (replace(board.rows[0], preliminary=True), board.rows[1])
        assert forecast_by_rank(replace(board, rows=rows), 1.0).models["a"] == 0.52  # × 0.7

    def test_knows_no_horizon_and_never_leaves_1_to_99_cents(self, recorded: list[Board]) -> None:
        for board in recorded[::16]:
            assert forecast_by_rank(board, 1.0) == forecast_by_rank(board, 30.0)
            assert all(0.01 <= p <= 0.99 for p in forecast_by_rank(board, 1.0).models.values())


class TestTheModel:
    def test_chances_add_up_to_one_with_models_that_are_not_listed(self, recorded: list[Board]) -> None:
        for board in recorded[::16]:
            told = forecast(board, 7.0, learned_from(recorded[:10], Priors()), 7)
            assert sum(told.models.values()) + told.unlisted == pytest.approx(1.0)

    def test_at_the_check_itself_the_leader_leads(self, make: Any) -> None:
        board = make([("a", "A", 1500.0), ("b", "B", 1499.9)])
        told = forecast(board, 0.0, NOTHING, 7)
        assert told.models == {"a": 1.0, "b": 0.0} and told.unlisted == 0.0

    @given(gap=st.floats(0.1, 20.0), days=st.floats(0.2, 30.0))
    def test_a_wider_gap_and_less_time_are_better_for_the_leader(self, gap: float, days: float) -> None:
        def leads(points: float, time: float) -> float:
            rows = [("a", "A", 1500.0), ("b", "B", 1500.0 - points)]
            return forecast(_board(rows), time, NOTHING, 7).models["a"]

        assert leads(gap + 1.0, days) >= leads(gap, days)
        assert leads(gap, days / 2) >= leads(gap, days) - 0.005  # draws meet another scale

    def test_few_votes_and_more_movement_make_a_lead_less_safe(self, make: Any) -> None:
        def leads(votes: int, **sums: float) -> float:
            board = make([("a", "A", 1500.0, votes), ("b", "B", 1496.0, 40_000)])
            return forecast(board, 7.0, replace(NOTHING, **sums), 7).models["a"]

        assert leads(3_000) < leads(30_000) < leads(300_000)
        assert leads(30_000, squares=4 * NOTHING.squares) < leads(30_000)
        assert leads(30_000, takeovers=3.0) < leads(30_000, takeovers=0.1)

    def test_the_same_seed_draws_alike_whatever_else_is_on_the_table(self, make: Any) -> None:
        two = make([("a", "A", 1500.0), ("b", "B", 1497.0)])
        three = make([("a", "A", 1500.0), ("b", "B", 1497.0), ("c", "C", 1300.0)])
        assert forecast(two, 7.0, NOTHING, 7).models["a"] == forecast(three, 7.0, NOTHING, 7).models["a"]
        assert forecast(two, 7.0, NOTHING, 7) == forecast(two, 7.0, NOTHING, 7)
        assert forecast(two, 7.0, NOTHING, 8) != forecast(two, 7.0, NOTHING, 7)

    def test_equal_models_are_equally_likely(self, make: Any) -> None:
        told = forecast(make([("a", "A", 1500.0), ("b", "B", 1500.0)]), 30.0, NOTHING, 7)
        assert told.models["a"] == pytest.approx(told.models["b"], abs=0.02)


class TestWhatIsLearned:
    def test_prior_rates(self) -> None:
        assert NOTHING.variance == 0.25 and NOTHING.tables_a_day == 0.5
        assert NOTHING.newcomer(0.0) == 0.0
        assert NOTHING.newcomer(30.0) == pytest.approx(1 - (60 / 90) ** 1.5)

    def test_a_takeover_by_a_newcomer_makes_the_next_likelier(self, make: Any) -> None:
        before, same = make([("a", "A", 1500.0)]), make([("a", "A", 1500.0)], days=2)
        taken = make([("new", "B", 1510.0), ("a", "A", 1500.0)], days=2)
        calm, shaken = (learned_from([before, after], Priors()) for after in (same, taken))
        assert calm.newcomer(7.0) < NOTHING.newcomer(7.0) < shaken.newcomer(7.0)
        known = make([("b", "B", 1501.0), ("a", "A", 1500.0)], days=4)
        both = make([("a", "A", 1500.0), ("b", "B", 1490.0)], days=2)
        assert learned_from([before, both, known], Priors()).takeovers < shaken.takeovers, "b was listed"

    def test_a_shift_of_the_whole_table_is_no_movement(self, make: Any) -> None:
        rows = [(f"m{k}", "A", 1500.0 - 5 * k) for k in range(10)]
        shifted = make([(name, org, score + 30) for name, org, score in rows], days=1)
        assert learned_from([make(rows), shifted], Priors()).variance < NOTHING.variance
        mixed = make(
            sorted([(n, o, s + 4 * (-1) ** k) for k, (n, o, s) in enumerate(rows)], key=lambda r: -r[2]), days=1
        )
        assert learned_from([make(rows), mixed], Priors()).variance > NOTHING.variance

    def test_nothing_is_learned_over_a_long_gap_and_what_was_learned_fades(self, make: Any) -> None:
        boards = [make([("a", "A", 1500.0)]), make([("b", "B", 1510.0), ("a", "A", 1500.0)], days=2)]
        known = learned_from(boards, Priors())
        later = learn(known, make([("c", "C", 1600.0), ("a", "A", 1500.0)], days=400), Priors())
        assert NOTHING.takeovers < later.takeovers < known.takeovers

    def test_each_table_teaches_only_those_after_it(self, recorded: list[Board]) -> None:
        once = learned_from(recorded[:60], Priors())
        again = learned_from(recorded[:60], Priors())
        more = learn(once, recorded[60], Priors())
        assert once == again and more != once


def _board(rows: list[tuple[Any, ...]]) -> Board:
    from connectors.arena.board import Row

    made = (Row(m, o, s, k, k, k, s - 5, s + 5, 20_000) for k, (m, o, s) in enumerate(rows, 1))
    return Board(tuple(made), 0)
