"""Imbalance, price and belief, against sums by hand and against what must always hold."""

from __future__ import annotations

import csv
from dataclasses import replace
from io import StringIO
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.events import NANOS
from engine.market.trades import PublicTrade
from engine.research.flow.calibration import CalibrationError, Line, parse_calibration
from engine.research.flow.features import FlowSettings, features, microprice
from engine.research.flow.model import Coefficients, belief, fair

PLAIN = FlowSettings(window=3600, half_life=600, cap_multiple=5, least_trades=1)


def trade(seconds: float, contracts: float, yes: bool, price: float = 0.5) -> PublicTrade:
    return PublicTrade("KXA-B", int(seconds * NANOS), price, contracts, yes)


trades = st.lists(
    st.builds(trade, st.floats(0, 3600), st.floats(0.01, 1e6), st.booleans(), st.floats(0.01, 0.99)), min_size=1
).map(lambda found: sorted(found, key=lambda t: t.time_ns))


def test_imbalance_by_hand() -> None:
    """10 YES now, 10 NO one half-life ago: (10 - 5) / 15; two trades of unequal weight are worth 225 / 125."""
    found = features([trade(0, 10, False), trade(600, 10, True)], 600 * NANOS, PLAIN)
    assert found is not None
    assert found.imbalance == pytest.approx(5 / 15)
    assert found.effective == pytest.approx(15**2 / (10**2 + 5**2))


def test_a_whale_counts_no_more_than_the_cap() -> None:
    small = [trade(n, 10, False) for n in range(9)]
    found = features([*small, trade(9, 1_000_000, True, 0.9)], 9 * NANOS, FlowSettings(3600, 1e9, 5, least_trades=1))
    assert found is not None
    assert found.imbalance == pytest.approx((50 - 90) / 140)
    assert found.price == pytest.approx((9 * 10 * 0.5 + 50 * 0.9) / 140)


def test_too_few_trades_say_nothing() -> None:
    assert features([trade(0, 1, True)], NANOS, FlowSettings(least_trades=2)) is None
    assert features([trade(0, 1, True)], 7200 * NANOS, PLAIN) is None, "and old ones are none"


@given(trades, st.integers(0, 3700))
def test_what_always_holds_and_what_comes_later_changes_nothing(tape: list[PublicTrade], at: int) -> None:
    found = features(tape, at * NANOS, PLAIN)
    assert found == features([t for t in tape if t.time_ns <= at * NANOS], at * NANOS, PLAIN)
    if found is not None:
        assert -1 <= found.imbalance <= 1
        assert 1 - 1e-9 <= found.effective <= found.trades + 1e-9
        assert 0.01 <= found.price <= 0.99


@given(trades, st.floats(-3, 3), st.floats(0, 0.5), st.floats(-2, 2), st.floats(0.1, 3))
def test_fair_stays_near_the_price(
    tape: list[PublicTrade], flow: float, share: float, intercept: float, slope: float
) -> None:
    found = features(tape, 3600 * NANOS, replace(PLAIN, window=7200))
    assert found is not None
    value = fair(found, Line(intercept, slope), Coefficients(flow, share), PLAIN)
    assert abs(value - found.price) <= PLAIN.most_move + 1e-9
    assert 0.01 <= value <= 0.99
    assert fair(found, Line(intercept, slope), Coefficients(), PLAIN) == pytest.approx(found.price)


def test_fair_by_hand() -> None:
    settings = FlowSettings(3600, 1e9, least_trades=1, half_trades=4, most_move=0.5)
    found = features([trade(n, 1, True, 0.6) for n in range(4)], 3 * NANOS, settings)
    assert found is not None
    assert belief(found, settings) == pytest.approx(0.5)
    odds = log(0.6 / 0.4)
    wanted = odds + 0.4 * (0.1 + (1.2 - 1) * odds) + 0.8 * 0.5 * 1.0
    assert fair(found, Line(0.1, 1.2), Coefficients(0.8, 0.4), settings) == pytest.approx(1 / (1 + exp(-wanted)))


def test_microprice_leans_to_the_thin_side() -> None:
    assert microprice(0.40, 300, 0.44, 100) == pytest.approx(0.43)
    assert microprice(0.44, 1, 0.40, 1) is None
    assert microprice(0.40, 0, 0.44, 1) is None


def test_a_published_table_pools_sizes_by_trades(shared_data: Path) -> None:
    text = (shared_data / "flow" / "calibration_matrix_216.csv").read_text(encoding="utf-8")
    table = parse_calibration(text, "matrix")
    assert [round(table.line("Sports", hours).slope, 2) for hours in (0.5, 2, 4, 1000)] == [1.11, 0.95, 0.90, 1.49]
    rows = [r for r in csv.DictReader(StringIO(text)) if (r["domain"], r["time_bin"]) == ("Politics", "1w-1mo")]
    trades = np.array([float(r["n_trades"]) for r in rows])
    line = table.line("Politics", 24 * 10)
    assert line.slope == pytest.approx(np.average([float(r["slope_b"]) for r in rows], weights=trades))
    assert line.intercept == pytest.approx(np.average([float(r["intercept_a"]) for r in rows], weights=trades))
    assert len(table.lines) == 6 * 9
    with pytest.raises(CalibrationError, match="no domain Tennis; it has Crypto, Entertainment"):
        table.line("Tennis", 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("domain,time_bin\n", "has no column n_trades, slope_b, intercept_a"),
        ("domain,time_bin,n_trades,slope_b,intercept_a\nSports,soon,1,1,0\n", "m:2: time_bin soon is none of 0-1h"),
        ("domain,time_bin,n_trades,slope_b,intercept_a\nSports,0-1h,1,x,0\n", "m:2: slope_b 'x' is no number"),
        ("domain,time_bin,n_trades,slope_b,intercept_a\n", "has no rows"),
    ],
)
def test_a_wrong_table_is_named_by_line_and_field(text: str, words: str) -> None:
    with pytest.raises(CalibrationError, match=words):
        parse_calibration(text, "m")
