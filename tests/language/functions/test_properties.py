"""What must hold for any input."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.language.catalogue import Flow
from engine.language.functions import CATALOGUE
from engine.market.instrument import round_price

Run = Callable[..., list[float]]
QUICK = settings(max_examples=50, deadline=None)
PRICES = st.integers(1, 10**7).map(lambda cents: cents / 100)
SERIES = st.lists(PRICES, min_size=1, max_size=40)
LENGTHS = st.integers(1, 8).map(float)


def windows(x: list[float], length: float) -> list[list[float]]:
    """The last values up to each bar, for the bars that have enough of them."""
    n = int(length)
    return [x[i - n + 1 : i + 1] for i in range(n - 1, len(x))]


def known(values: list[float]) -> list[float]:
    return [v for v in values if not math.isnan(v)]


# -- averages, extremes, statistics ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sma", "wma", "ema", "rma"])
@QUICK
@given(x=SERIES, length=LENGTHS)
def test_averages_lie_between_the_extremes_of_what_they_saw(name: str, run: Run, x: list[float], length: float) -> None:
    rounding = max(x) * 1e-12
    for value in known(run(name, x, length)):
        assert min(x) - rounding <= value <= max(x) + rounding


@pytest.mark.parametrize("name", ["sma", "wma", "ema", "rma", "highest", "lowest"])
@QUICK
@given(price=PRICES, length=LENGTHS)
def test_flat_prices_average_to_exactly_themselves(name: str, run: Run, price: float, length: float) -> None:
    assert set(known(run(name, [price] * 12, length))) == {price}


@QUICK
@given(price=PRICES, length=st.integers(2, 8).map(float))
def test_flat_prices_do_not_deviate_at_all(run: Run, price: float, length: float) -> None:
    flat = [price] * 12
    assert set(known(run("stdev", flat, length))) == {0.0}
    assert known(run("zscore", flat, length)) == []
    assert known(run("correlation", flat, [float(i) for i in range(12)], length)) == []
    assert set(known(run("slope", flat, length))) == {0.0}


@QUICK
@given(x=SERIES, length=LENGTHS)
def test_sma_and_stdev_are_those_of_exact_arithmetic(run: Run, x: list[float], length: float) -> None:
    assert known(run("sma", x, length)) == pytest.approx([statistics.fmean(w) for w in windows(x, length)], rel=1e-12)
    if length > 1:
        exact = [statistics.pstdev(w) for w in windows(x, length)]
        assert known(run("stdev", x, length)) == pytest.approx(exact, rel=1e-9, abs=1e-9)


@QUICK
@given(x=SERIES, length=LENGTHS)
def test_highest_and_lowest_bound_the_value_and_are_in_the_window(run: Run, x: list[float], length: float) -> None:
    assert known(run("highest", x, length)) == [max(w) for w in windows(x, length)]
    assert known(run("lowest", x, length)) == [min(w) for w in windows(x, length)]


@QUICK
@given(x=SERIES, length=LENGTHS)
def test_rising_and_falling_mean_each_bar_beyond_the_one_before(run: Run, x: list[float], length: float) -> None:
    runs = windows(x, length + 1)
    steps = [list(itertools.pairwise(w)) for w in runs]
    assert known(run("rising", x, length)) == [float(all(a < b for a, b in s)) for s in steps]
    assert known(run("falling", x, length)) == [float(all(a > b for a, b in s)) for s in steps]


@QUICK
@given(x=SERIES, length=LENGTHS)
def test_change_undone_gives_the_earlier_value(run: Run, x: list[float], length: float) -> None:
    n = int(length)
    assert run("change", x, length)[n:] == [b - a for a, b in zip(x, x[n:], strict=False)]


@QUICK
@given(
    x=st.lists(st.one_of(PRICES, st.sampled_from([1.0, 2.0]), st.just(math.nan)), max_size=40),
    length=LENGTHS,
    rank=st.floats(0, 100),
)
def test_percentile_is_that_of_the_sorted_window(run: Run, x: list[float], length: float, rank: float) -> None:
    expected = []
    for window in windows(x, length):
        ordered, place = sorted(window), rank / 100 * (length - 1)
        low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
        unknown = any(math.isnan(v) for v in window)
        expected.append(math.nan if unknown else low + (place - math.floor(place)) * (high - low))
    values = run("percentile", x, length, rank)
    assert values[int(length) - 1 :] == pytest.approx(expected, nan_ok=True)


@QUICK
@given(pairs=st.lists(st.tuples(PRICES, PRICES), min_size=2, max_size=30), length=st.integers(2, 8).map(float))
def test_correlation_is_symmetric_and_within_one(run: Run, pairs: list[tuple[float, float]], length: float) -> None:
    x, y = [p[0] for p in pairs], [p[1] for p in pairs]
    values = run("correlation", x, y, length)
    assert all(-1.0 <= v <= 1.0 for v in known(values))
    assert values == pytest.approx(run("correlation", y, x, length), nan_ok=True)


@QUICK
@given(x=SERIES, scale=st.sampled_from([-3.0, -0.5, 0.25, 7.0]))
def test_a_straight_line_correlates_fully(run: Run, x: list[float], scale: float) -> None:
    values = known(run("correlation", x, [scale * v + 5.0 for v in x], 4.0))
    assert values == pytest.approx([math.copysign(1.0, scale)] * len(values), abs=1e-6)


@QUICK
@given(start=PRICES, step=st.integers(-500, 500), length=st.integers(2, 8).map(float))
def test_slope_of_a_straight_line_is_its_step(run: Run, start: float, step: int, length: float) -> None:
    values = known(run("slope", [start + step * i for i in range(15)], length))
    assert values == pytest.approx([float(step)] * len(values), abs=1e-7)


@QUICK
@given(x=SERIES)
def test_rsi_lies_within_its_scale_and_mirrors(run: Run, x: list[float]) -> None:
    up, down = run("rsi", x, 3.0), run("rsi", [-v for v in x], 3.0)
    assert all(0.0 <= v <= 100.0 for v in known(up))
    assert [100.0 - v for v in known(up)] == pytest.approx(known(down))


@QUICK
@given(x=SERIES)
def test_histogram_is_macd_less_its_signal(run: Run, x: list[float]) -> None:
    line, signal = run("macd", x, 2.0, 4.0), run("macd_signal", x, 2.0, 4.0, 3.0)
    histogram = run("macd_histogram", x, 2.0, 4.0, 3.0)
    assert histogram == pytest.approx([a - b for a, b in zip(line, signal, strict=True)], nan_ok=True, rel=0, abs=0)


@QUICK
@given(conditions=st.lists(st.booleans(), min_size=1, max_size=30))
def test_value_when_and_bars_since_point_at_the_same_bar(run: Run, conditions: list[bool]) -> None:
    flags = [float(c) for c in conditions]
    since = run("bars_since", flags)
    values = run("value_when", flags, [float(i) for i in range(len(flags))])
    for i, (bars, value) in enumerate(zip(since, values, strict=True)):
        assert math.isnan(bars) == math.isnan(value) == (not any(conditions[: i + 1]))
        assert math.isnan(bars) or value == i - bars


# -- session ---------------------------------------------------------------------------------------------------------


@st.composite
def session_bars(draw: st.DrawFn) -> dict[str, list[float]]:
    columns: dict[str, list[float]] = {"high": [], "low": [], "close": [], "volume": []}
    for _ in range(draw(st.integers(1, 25))):
        low, middle, high = sorted(draw(st.tuples(PRICES, PRICES, PRICES)))
        for name, value in (("high", high), ("low", low), ("close", middle)):
            columns[name].append(value)
        columns["volume"].append(float(draw(st.integers(0, 10**9))))
    return columns | {"session.ordinal": [738950.0] * len(columns["high"])}


VWAP_INPUTS = ("high", "low", "close", "volume", "session.ordinal")


@QUICK
@given(columns=session_bars())
def test_vwap_lies_between_the_extremes_of_the_session(run: Run, columns: dict[str, list[float]]) -> None:
    values = run("vwap", *(columns[name] for name in VWAP_INPUTS))
    highs = run("session_high", columns["high"], columns["session.ordinal"])
    lows = run("session_low", columns["low"], columns["session.ordinal"])
    traded = 0.0
    for value, low, high, volume in zip(values, lows, highs, columns["volume"], strict=True):
        traded += volume
        assert math.isnan(value) == (traded == 0.0)
        assert math.isnan(value) or low - high * 1e-12 <= value <= high + high * 1e-12


@QUICK
@given(columns=session_bars(), k=st.floats(0, 5))
def test_sigma_bands_lie_evenly_around_vwap(run: Run, columns: dict[str, list[float]], k: float) -> None:
    inputs = [columns[name] for name in VWAP_INPUTS]
    middle = known(run("vwap", *inputs))
    assert known(run("sigma_band", 0.0, *inputs)) == middle
    upper, lower = known(run("sigma_band", k, *inputs)), known(run("sigma_band", -k, *inputs))
    assert all(a <= m <= b for a, m, b in zip(lower, middle, upper, strict=True))
    assert [(a + b) / 2 for a, b in zip(lower, upper, strict=True)] == pytest.approx(middle)


@QUICK
@given(columns=session_bars())
def test_sigma_band_is_the_weighted_deviation_of_the_whole_session(run: Run, columns: dict[str, list[float]]) -> None:
    assume(sum(columns["volume"]) > 0)
    bars = list(zip(*(columns[name] for name in VWAP_INPUTS[:4]), strict=True))
    total = sum(volume for *_, volume in bars)
    mean = sum(volume * (high + low + close) / 3 for high, low, close, volume in bars) / total
    squares = sum(volume * ((high + low + close) / 3 - mean) ** 2 for high, low, close, volume in bars)
    band = run("sigma_band", 1.0, *(columns[name] for name in VWAP_INPUTS))[-1]
    assert band == pytest.approx(mean + math.sqrt(squares / total), rel=1e-9)


@QUICK
@given(volumes=st.lists(st.integers(1, 10**6).map(float), min_size=4, max_size=20), factor=st.integers(1, 9))
def test_rvol_does_not_depend_on_the_unit_of_volume(run: Run, volumes: list[float], factor: int) -> None:
    ordinal = [1.0] * len(volumes)
    scaled = run("rvol", 3.0, [v * factor for v in volumes], ordinal)
    assert known(scaled) == pytest.approx(known(run("rvol", 3.0, volumes, ordinal)))
    assert len(known(scaled)) == len(volumes) - 3


# -- arithmetic, risk, venue -----------------------------------------------------------------------------------------


@QUICK
@given(x=st.floats(allow_nan=False))
def test_rounding_is_to_whole_numbers_around_the_value(run: Run, x: float) -> None:
    (low,), (near,), (high,) = run("floor", [x]), run("round", [x]), run("ceil", [x])
    assert low <= x <= high and near in (low, high)
    if math.isfinite(x):
        assert low.is_integer() and high.is_integer() and high - low <= 1.0
        assert abs(near - x) <= 0.5
        assert run("round", [-x]) == [-near]


@QUICK
@given(x=st.floats(-1e6, 1e6), low=st.floats(-1e6, 1e6), width=st.floats(0, 1e6))
def test_clamp_stays_inside_and_leaves_what_is_inside(run: Run, x: float, low: float, width: float) -> None:
    (value,) = run("clamp", [x], [low], [low + width])
    assert low <= value <= low + width
    assert value == x or not low <= x <= low + width


@QUICK
@given(x=st.floats(1e-300, 1e300))
def test_exp_undoes_log_and_sqrt_squares_back(run: Run, x: float) -> None:
    assert run("exp", run("log", [x])) == pytest.approx([x], rel=1e-12)
    assert run("sqrt", [x])[0] ** 2 == pytest.approx(x, rel=1e-12)


def test_exp_is_unknown_where_a_float_ends(run: Run) -> None:
    assert math.isfinite(run("exp", [709.78])[0]) and math.isnan(run("exp", [709.79])[0])


@QUICK
@given(
    risk=st.integers(0, 10**6).map(lambda cents: cents / 100),
    distance=st.integers(1, 10**5).map(lambda cents: cents / 100),
)
def test_risk_size_is_the_most_whole_units_within_the_risk(run: Run, risk: float, distance: float) -> None:
    (units,) = run("risk_size", [risk], [distance])
    exact = int(Decimal(str(risk)) // Decimal(str(distance)))
    assert units == exact


@QUICK
@given(fraction=st.integers(0, 100), cents=st.integers(1, 10**5), equity=st.integers(-(10**6), 10**6))
def test_fixed_fractional_buys_what_the_share_pays_for(run: Run, fraction: int, cents: int, equity: int) -> None:
    (units,) = run("fixed_fractional", [fraction / 100], [cents / 100], [float(equity)])
    exact = max(Decimal(fraction) / 100 * equity, Decimal(0)) // (Decimal(cents) / 100)
    assert units == int(exact)


@QUICK
@given(probability=st.integers(0, 100), price=st.integers(0, 99))
def test_kelly_is_a_share_and_zero_without_an_edge(run: Run, probability: int, price: int) -> None:
    (share,) = run("kelly", [probability / 100], [price / 100])
    assert 0.0 <= share <= 1.0
    assert (share > 0.0) == (probability > price)


@pytest.mark.parametrize(("probability", "price"), [(1.1, 0.5), (-0.1, 0.5), (0.5, 1.0), (0.5, -0.01), (0.5, 62.0)])
def test_kelly_is_unknown_for_what_is_no_probability(run: Run, probability: float, price: float) -> None:
    assert math.isnan(run("kelly", [probability], [price])[0])


@pytest.mark.parametrize(("risk", "distance"), [(50.0, 0.0), (50.0, -1.0), (-1.0, 1.0), (50.0, 5e-324)])
def test_no_size_without_a_stop(run: Run, risk: float, distance: float) -> None:
    assert math.isnan(run("risk_size", [risk], [distance])[0])


@QUICK
@given(
    mills=st.integers(-(10**8), 10**8),
    tick=st.sampled_from(["0.01", "0.05", "0.25", "0.001", "0.0001", "0.125", "1", "5"]),
)
def test_round_to_tick_agrees_with_the_rounding_of_orders(run: Run, mills: int, tick: str) -> None:
    price = Decimal(mills) / 1000
    (value,) = run("round_to_tick", [float(price)], [float(tick)])
    assert value == float(round_price(price, Decimal(tick)))


@QUICK
@given(price=PRICES, quantity=st.integers(-1000, 1000), per_unit=st.floats(0, 1), minimum=st.floats(0, 10))
def test_fee_is_never_below_the_minimum_nor_for_nothing(
    run: Run, price: float, quantity: int, per_unit: float, minimum: float
) -> None:
    (charge,) = run("fee", [price], [float(quantity)], [per_unit], [minimum], [0.0])
    assert charge == (max(abs(quantity) * per_unit, minimum) if quantity else 0.0)


# -- any input at all ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CATALOGUE)
@QUICK
@given(data=st.data())
def test_no_input_makes_a_step_fail(name: str, run: Run, constants: Any, data: st.DataObject) -> None:
    function = CATALOGUE[name]
    fixed = iter(constants(name))
    anything = st.floats(width=64)
    days = st.sampled_from([math.nan, 738950.0, 738951.0])
    count = data.draw(st.integers(1, 14))

    def column(values: st.SearchStrategy[float]) -> list[float]:
        return data.draw(st.lists(values, min_size=count, max_size=count))

    given_ = [next(fixed) if p.constant else column(anything) for p in function.parameters]
    implicit = [column(days if fact == "session.ordinal" else anything) for fact in function.implicit]
    values = run(name, *given_, *implicit)
    assert len(values) in (1, count) and all(isinstance(v, float) for v in values)
    if function.flow is Flow.PURE and not function.parameters:
        assert values == pytest.approx(implicit[0], nan_ok=True, rel=0, abs=0)
