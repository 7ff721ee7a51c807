"""Averages, ATR and the rest against TA-Lib, value by value from the first one on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

np = pytest.importorskip("numpy", reason="numpy comes with the extra for analysis")
talib = pytest.importorskip("talib", reason="TA-Lib is installed for tests only")

Run = Callable[..., list[float]]


@pytest.fixture(scope="module")
def bars(market: Callable[..., dict[str, list[float]]]) -> dict[str, list[float]]:
    return market(400, gaps=False, seed=11)


def agree(ours: list[float], theirs: object, scale: float = 1e-9) -> None:
    assert ours == pytest.approx(list(np.asarray(theirs, dtype=float)), rel=scale, abs=scale, nan_ok=True)


ONE_SERIES = {
    "sma": "SMA", "wma": "WMA", "ema": "EMA", "rsi": "RSI", "stdev": "STDDEV", "highest": "MAX", "lowest": "MIN",
    "change": "MOM", "slope": "LINEARREG_SLOPE",
}  # fmt: skip


@pytest.mark.parametrize("length", [2, 14, 50])
@pytest.mark.parametrize("name", ONE_SERIES)
def test_one_series(run: Run, bars: dict[str, list[float]], name: str, length: int) -> None:
    theirs = getattr(talib, ONE_SERIES[name])(np.array(bars["close"]), length)
    agree(run(name, bars["close"], float(length)), theirs, 1e-8)


@pytest.mark.parametrize("name", ["atr", "adx"])
@pytest.mark.parametrize("length", [2, 14, 50])
def test_wilder_on_bars(run: Run, bars: dict[str, list[float]], name: str, length: int) -> None:
    columns = [bars["high"], bars["low"], bars["close"]]
    theirs = getattr(talib, name.upper())(*(np.array(c) for c in columns), length)
    agree(run(name, float(length), *columns), theirs)


def test_true_range(run: Run, bars: dict[str, list[float]]) -> None:
    columns = [bars["high"], bars["low"], bars["close"]]
    agree(run("true_range", *columns), talib.TRANGE(*(np.array(c) for c in columns)))


@pytest.mark.parametrize("length", [1, 2, 14])
def test_atr_is_the_wilder_average_of_true_range(run: Run, bars: dict[str, list[float]], length: int) -> None:
    columns = [bars["high"], bars["low"], bars["close"]]
    atr = run("atr", float(length), *columns)
    assert atr == pytest.approx(run("rma", run("true_range", *columns), float(length)), nan_ok=True)


@pytest.mark.parametrize("length", [2, 20])
def test_correlation(run: Run, bars: dict[str, list[float]], length: int) -> None:
    theirs = talib.CORREL(np.array(bars["close"]), np.array(bars["volume"]), length)
    agree(run("correlation", bars["close"], bars["volume"], float(length)), theirs, 1e-6)


@pytest.mark.parametrize(("fast", "slow", "signal"), [(12, 26, 9), (3, 10, 16), (2, 5, 2)])
def test_macd(run: Run, bars: dict[str, list[float]], fast: int, slow: int, signal: int) -> None:
    line, smoothed, histogram = talib.MACD(np.array(bars["close"]), fast, slow, signal)
    lengths = [float(fast), float(slow)]
    first = slow + signal - 2  # TA-Lib holds the line back until its signal is there too
    agree(run("macd", bars["close"], *lengths)[first:], line[first:])
    agree(run("macd_signal", bars["close"], *lengths, float(signal)), smoothed)
    agree(run("macd_histogram", bars["close"], *lengths, float(signal)), histogram)


def test_rsi_differs_where_nothing_has_moved(run: Run) -> None:
    flat = [10.0] * 8
    assert talib.RSI(np.array(flat), 3)[-1] == 0.0
    assert run("rsi", flat, 3.0)[-1] != run("rsi", flat, 3.0)[-1], "unknown, so that no rule takes it for oversold"
