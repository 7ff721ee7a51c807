"""The small texts of rule files mean what they say."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ruleset.scalars import Budget, Comparison, FactValue, Series, Symbol
from engine.ruleset.times import Days, Hours, Moment, Timestamp, Trigger, duration_seconds


def test_series_count_samples_and_step_from_the_start() -> None:
    assert Series("500x2, 500+0.2x3, _, -1").values == (
        Decimal(500), Decimal(500), Decimal("500"), Decimal("500.2"), Decimal("500.4"), None, Decimal(-1),
    )  # fmt: skip
    assert Series("5-0.5x3").values == (Decimal(5), Decimal("4.5"), Decimal(4))
    assert Series("_x2").values == (None, None)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 9), st.integers(1, 20)), min_size=1, max_size=5))
def test_a_series_has_as_many_samples_as_its_terms_ask_for(terms: list[tuple[int, int, int]]) -> None:
    values = Series(", ".join(f"{start}+{step}x{count}" for start, step, count in terms)).values
    assert len(values) == sum(count for _, _, count in terms)
    assert values[0] == terms[0][0]
    assert values[terms[0][2] - 1] == terms[0][0] + terms[0][1] * (terms[0][2] - 1)


@pytest.mark.parametrize("text", ["", "x3", "5x0", "5+1", "1,,2", "5x999999", "1 2"])
def test_a_series_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Series(text)


def test_a_fact_is_a_series_or_text() -> None:
    assert FactValue("0.62").series == Series("0.62")
    assert FactValue("open").series is None


def test_hours_run_to_their_end_and_may_pass_midnight() -> None:
    assert (Hours("09:31-15:55").opens, Hours("9:31 - 15:55").closes) == (34260, 57300)
    assert Hours("00:00-24:00").closes == 86400
    assert Hours("22:00-02:00").closes == 26 * 3600


@pytest.mark.parametrize("text", ["10:00-10:00", "24:00-01:00", "10:60-11:00", "10:00", "1000-1100", "09:30-25:00"])
def test_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Hours(text)


def test_days_may_run_over_the_weekend() -> None:
    assert Days("mon..fri").numbers == {0, 1, 2, 3, 4}
    assert Days("fri..mon").numbers == {4, 5, 6, 0}
    assert Days("sat").numbers == {5}


def test_triggers_say_their_event_and_length() -> None:
    assert (Trigger("bar(5m)").event, Trigger("bar(5m)").seconds) == ("bar", 300)
    assert (Trigger("signal(alpha)").argument, Trigger("signal(alpha)").seconds) == ("alpha", None)
    assert (Trigger("quote").event, Trigger("quote").argument) == ("quote", "")


def test_moments_count_from_the_start_or_are_times_of_day() -> None:
    assert (Moment("62m").after_start, Moment("62m").clock) == (3720, None)
    assert (Moment("10:32").after_start, Moment("10:32").clock) == (None, 37920)


def test_timestamps_are_wall_clock() -> None:
    assert Timestamp("2024-03-05 09:30").local == datetime(2024, 3, 5, 9, 30)
    with pytest.raises(ValueError, match="no such date"):
        Timestamp("2024-02-30 09:30")


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        (">0", "1", "0"), ("<=5", "5", "6"), ("10", "10", "11"), ("!=3", "4", "3"),
        ("$500.10", "500.1", "500"), ("499.5..500.5", "500.5", "501"), ("-2..-1", "-1.5", "0"),
    ],
)  # fmt: skip
def test_comparisons_hold_where_they_should(text: str, good: str, bad: str) -> None:
    assert Comparison(text).holds(Decimal(good)) and not Comparison(text).holds(Decimal(bad))


def test_budgets_and_durations() -> None:
    assert (Budget("0..3/day").low, Budget("0..3/day").high, Budget("0..3/day").per) == (0, 3, "day")
    with pytest.raises(ValueError, match="backwards"):
        Budget("3..0/day")
    assert [duration_seconds(text) for text in ("250ms", "1.5h", "2d", "10s")] == [0.25, 5400, 172800, 10]


def test_symbols_of_every_venue_are_taken() -> None:
    for symbol in ("SPY", "I:SPX", "BRK.B", "KXHIGHNY-25JAN01-B40.5", "^VIX", "BTC/USD"):
        assert Symbol(symbol) == symbol
