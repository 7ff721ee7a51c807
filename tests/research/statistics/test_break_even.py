"""The win rate that was needed, against hand-worked contracts and scipy's interval."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.market.orders import Side
from engine.research.statistics.break_even import break_even_win_rate, by_price_band, contract_cost, wilson_interval

MakeTrade = Callable[..., Any]


def test_a_contract_breaks_even_at_its_price_and_fee(trade: MakeTrade) -> None:
    # Yes at 40 cents, 10 contracts, fee 17 cents: 0.40 + 0.017. To sell yes at 38 cents is to buy no at 62.
    bought = trade(entry="0.40", exit="1", fees="0.17")
    sold = trade(entry="0.38", exit="0", side=Side.SELL, fees="0.17")
    assert float(contract_cost(bought)) == pytest.approx(0.417)
    assert float(contract_cost(sold)) == pytest.approx(0.637)
    assert break_even_win_rate([bought, sold]) == pytest.approx((0.417 + 0.637) / 2)


def test_other_trades_break_even_where_wins_pay_for_losses(trade: MakeTrade) -> None:
    trades = [trade(symbol="SPY", entry="100", exit="103"), trade(symbol="SPY", entry="100", exit="99")]
    assert break_even_win_rate(trades) == pytest.approx(1 / 4)
    assert break_even_win_rate(trades[:1]) is None
    assert break_even_win_rate([]) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(won=st.lists(st.booleans(), min_size=1, max_size=30), cents=st.integers(5, 95), fee=st.integers(0, 20))
def test_contracts_of_one_price_make_money_exactly_above_their_break_even(
    trade: MakeTrade, won: list[bool], cents: int, fee: int
) -> None:
    trades = [trade(entry=f"{cents / 100}", exit="1" if outcome else "0", fees=f"{fee / 100}") for outcome in won]
    needed = break_even_win_rate(trades)
    assert needed is not None
    net = sum(float(t.net) for t in trades) / sum(float(t.quantity) for t in trades)
    assert sum(won) / len(won) - needed == pytest.approx(net, abs=1e-9)


@pytest.mark.parametrize(("wins", "count"), [(0, 5), (16, 16), (7, 20), (250, 300), (1, 1)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_wilson_agrees_with_scipy(wins: int, count: int, confidence: float) -> None:
    theirs = stats.binomtest(wins, count).proportion_ci(confidence, method="wilson")
    assert wilson_interval(wins, count, confidence) == (pytest.approx(theirs.low), pytest.approx(theirs.high))


def test_sixteen_of_sixteen_at_97_cents_shows_nothing(trade: MakeTrade) -> None:
    (band,) = by_price_band([trade(entry="0.97", exit="1", fees="0.02") for _ in range(16)])
    assert (band.low, band.trades, band.wins, band.needed) == (0.9, 16, 16, pytest.approx(0.972))
    assert band.lower < band.needed


def test_bands_are_by_what_was_paid_and_other_trades_are_left_out(trade: MakeTrade) -> None:
    trades = [
        trade(entry="0.15", exit="0"), trade(entry="0.85", exit="0", side=Side.SELL),
        trade(entry="0.55", exit="0.60"), trade(symbol="SPY", entry="100", exit="101"),
    ]  # fmt: skip
    (band,) = by_price_band(trades)
    assert (band.low, band.trades, band.wins, band.win_rate) == (0.1, 2, 1, 0.5)
