"""Warm-up, and what a missing value does to each function."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.language.catalogue import Flow
from engine.language.functions import CATALOGUE

NAN = math.nan
Run = Callable[..., list[float]]
Make = Callable[..., Any]
QUICK = settings(max_examples=40, deadline=None)
STATEFUL = [f.name for f in CATALOGUE.values() if f.flow is not Flow.PURE]
WINDOWS = {
    "sma": 0,
    "wma": 0,
    "stdev": 0,
    "zscore": 0,
    "slope": 0,
    "highest": 0,
    "lowest": 0,
    "rising": 1,
    "falling": 1,
}
GO_ON = ["ema", "rma", "rsi", "macd", "macd_signal", "macd_histogram", "true_range", "atr", "adx", "vwap", "sigma_band"]


def first_known(values: list[float]) -> int:
    return next(i for i, value in enumerate(values) if not math.isnan(value))


@pytest.mark.parametrize("name", STATEFUL)
def test_first_value_comes_after_the_warm_up(
    name: str, run: Run, market: Make, arguments: Make, constants: Make
) -> None:
    columns = {key: column[5:65] for key, column in market(65, gaps=False).items()}  # one whole session
    columns["condition"][0] = 1.0
    values = run(name, *arguments(name, columns))
    warm_up = CATALOGUE[name].warm_up(*constants(name))
    assert first_known(values) == warm_up
    assert not any(math.isnan(value) for value in values[warm_up:])


@pytest.mark.parametrize("name", WINDOWS)
@QUICK
@given(
    values=st.lists(st.one_of(st.just(NAN), st.integers(0, 10**6).map(float)), max_size=30), length=st.integers(2, 6)
)
def test_window_is_unknown_exactly_while_it_holds_an_unknown(
    name: str, run: Run, values: list[float], length: int
) -> None:
    x = [value + 0.001 * i * i for i, value in enumerate(values)]  # never all equal, so that zscore is known
    reach = length + WINDOWS[name]
    for i, value in enumerate(run(name, x, float(length))):
        window = x[max(i + 1 - reach, 0) : i + 1]
        settled = len(window) == reach and not any(math.isnan(v) for v in window)
        assert math.isnan(value) == (not settled)


@pytest.mark.parametrize("name", ["correlation", "percentile"])
def test_window_of_two_inputs_recovers_after_an_unknown(name: str, run: Run) -> None:
    x = [1.0, 5.0, 2.0, NAN, 4.0, 7.0, 3.0]
    y = [2.0, 1.0, 3.0, 4.0, 5.0, 1.0, 9.0]
    values = run(name, x, y, 3.0) if name == "correlation" else run(name, x, 3.0, 50.0)
    assert [math.isnan(v) for v in values] == [True, True, False, True, True, True, False]
    if name == "correlation":
        assert math.isnan(run(name, y, x, 3.0)[3])


@pytest.mark.parametrize("name", GO_ON)
@QUICK
@given(missing=st.sets(st.integers(0, 59), max_size=25))
def test_unknown_bar_is_skipped_and_the_next_goes_on(
    name: str, run: Run, market: Make, arguments: Make, missing: set[int]
) -> None:
    columns = {key: column[5:65] for key, column in market(65, gaps=False).items()}
    kept = {key: [v for i, v in enumerate(column) if i not in missing] for key, column in columns.items()}
    gappy = columns | {"close": [NAN if i in missing else v for i, v in enumerate(columns["close"])]}
    values = run(name, *arguments(name, gappy))
    assert all(math.isnan(values[i]) for i in missing)
    without = run(name, *arguments(name, kept))
    assert [v for i, v in enumerate(values) if i not in missing] == pytest.approx(without, nan_ok=True, rel=0, abs=0)


@pytest.mark.parametrize("name", ["ema", "rma", "rsi", "macd"])
def test_an_infinite_value_does_not_poison_the_average(name: str, run: Run) -> None:
    lengths = [1.0, 2.0] if name == "macd" else [2.0]
    values = run(name, [1.0, 3.0, 2.0, math.inf, 4.0], *lengths)
    assert math.isnan(values[3]) and math.isfinite(values[4])


@pytest.mark.parametrize("name", ["min", "max"])
def test_smaller_and_larger_are_unknown_when_either_is(name: str, run: Run) -> None:
    assert all(math.isnan(v) for v in run(name, [NAN, 1.0, NAN], [1.0, NAN, NAN]))


def test_clamp_is_unknown_when_any_bound_is_or_when_they_cross(run: Run) -> None:
    assert all(math.isnan(v) for v in run("clamp", [5.0, 5.0, 5.0], [NAN, 1.0, 6.0], [9.0, NAN, 4.0]))


def test_volume_functions_are_unknown_on_an_index(run: Run, market: Make, arguments: Make) -> None:
    columns = market(40, gaps=False)
    columns["volume"] = [NAN] * 40
    for name in ("vwap", "sigma_band", "rvol"):
        assert all(math.isnan(value) for value in run(name, *arguments(name, columns)))


@pytest.mark.parametrize("name", [f.name for f in CATALOGUE.values() if f.flow is Flow.SESSION])
def test_session_functions_are_unknown_outside_regular_hours_and_start_over(
    name: str, run: Run, market: Make, arguments: Make
) -> None:
    columns = market(125, gaps=False)
    values = run(name, *arguments(name, columns))
    assert all(math.isnan(value) for value in values[:5])
    second = {key: column[65:] for key, column in columns.items()}
    assert values[65:] == pytest.approx(run(name, *arguments(name, second)), nan_ok=True, rel=0, abs=0)


def test_a_missing_bar_spoils_the_opening_range_of_its_session_only(run: Run) -> None:
    high = [5.0, NAN, 7.0, 8.0, 4.0, 3.0, 2.0, 1.0]
    ordinal = [1.0] * 4 + [2.0] * 4
    minutes = [1.0, 2.0, 3.0, 4.0] * 2
    values = run("opening_range_high", 180.0, high, ordinal, minutes)
    assert values == pytest.approx([NAN] * 6 + [4.0, 4.0], nan_ok=True)


def test_opening_range_is_unknown_when_none_of_its_bars_arrived(run: Run) -> None:
    values = run("opening_range_low", 180.0, [5.0, 6.0], [1.0, 1.0], [4.0, 5.0])
    assert all(math.isnan(value) for value in values)


def test_opening_range_takes_bars_whose_minutes_are_no_exact_floats(run: Run) -> None:
    minutes = [5.0 * (i + 1) / 60.0 for i in range(13)]  # five-second bars
    values = run("opening_range_high", 60.0, [float(i) for i in range(13)], [1.0] * 13, minutes)
    assert values == pytest.approx([NAN] * 11 + [11.0, 11.0], nan_ok=True)


def test_an_unknown_condition_leaves_counting_and_memory_alone(run: Run) -> None:
    condition = [1.0, NAN, 0.0, NAN, 1.0]
    assert run("bars_since", condition) == pytest.approx([0.0, NAN, 2.0, NAN, 0.0], nan_ok=True)
    x = [10.0, 11.0, 12.0, 13.0, NAN]
    assert run("value_when", condition, x) == pytest.approx([10.0, NAN, 10.0, NAN, NAN], nan_ok=True)
