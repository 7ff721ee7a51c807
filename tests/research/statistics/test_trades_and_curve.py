"""Statistics against figures worked by hand and against plain numpy."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.orders import Side
from engine.research.statistics import (
    CurveStatistics,
    Drawdown,
    buy_and_hold_return,
    curve_statistics,
    trade_statistics,
)
from engine.research.trades import ClosedTrade

NEW_YORK = "America/New_York"
SECOND = 1_000_000_000


def trade(net: str, symbol: str = "SPY", held_seconds: int = 60) -> ClosedTrade:
    return ClosedTrade(
        strategy="cross",
        symbol=symbol,
        side=Side.BUY,
        quantity=D(1),
        entry=D(100),
        exit=D(100) + D(net) + 1,
        opened_ns=0,
        closed_ns=held_seconds * SECOND,
        gross=D(net) + 1,
        fees=D(1),
        net=D(net),
        exit_reason="stop",
        entry_client_id="c",
        high=101.0,
        low=99.0,
        mid_at_entry=None,
        bars_held=1,
    )


def curve(*days: Sequence[float], start: str = "100") -> CurveStatistics:
    """Statistics of a curve with the given equities on consecutive days, an hour apart from 15:00 UTC."""
    begin = datetime(2011, 1, 3, 15, tzinfo=UTC)
    times, equity = array("q"), array("d")
    for number, values in enumerate(days):
        for hour, value in enumerate(values):
            moment = begin + timedelta(days=number, hours=hour)
            times.append(int(moment.timestamp()) * SECOND)
            equity.append(value)
    return curve_statistics(times, equity, D(start), NEW_YORK)


def at(day: int, hour: int) -> int:
    return int((datetime(2011, 1, 3, 15, tzinfo=UTC) + timedelta(days=day, hours=hour)).timestamp()) * SECOND


def test_trades_worked_by_hand() -> None:
    # Wins 30 and 10, losses -10 and -6, one flat: net 24 over five trades.
    trades = [trade("30"), trade("-10"), trade("10", "QQQ"), trade("-6", "QQQ", 180), trade("0", held_seconds=0)]
    stats = trade_statistics(trades)
    assert (stats.trades, stats.wins, stats.losses) == (5, 2, 2)
    assert (stats.gross, stats.fees, stats.net) == (D(29), D(5), D(24))
    assert stats.win_rate == pytest.approx(0.4)
    assert stats.expectancy == D("4.8")
    assert (stats.average_win, stats.average_loss) == (D(20), D(-8))
    assert stats.payoff == pytest.approx(2.5)
    assert stats.profit_factor == pytest.approx(2.5)
    assert stats.average_holding_seconds == pytest.approx((60 + 60 + 60 + 180 + 0) / 5)
    assert stats.largest_ticker_share == pytest.approx(20 / 24)
    # Deviations from 4.8: 25.2, -14.8, 5.2, -10.8, -4.8; squares add to 1020.8; s = sqrt(255.2).
    assert stats.sqn == pytest.approx(math.sqrt(5) * 4.8 / math.sqrt(255.2))
    assert stats.unknown == {}


def test_the_largest_share_is_of_the_absolute_result_whoever_lost_it() -> None:
    trades = [trade("30", "A"), trade("10", "B"), trade("-70", "C"), trade("-30", "C")]
    assert trade_statistics(trades).largest_ticker_share == pytest.approx(100 / 140)
    even = trade_statistics([trade("5", "A"), trade("-5", "A")])
    assert (even.largest_ticker_share, even.unknown["largest_ticker_share"]) == (None, "no symbol won or lost anything")


@given(nets=st.lists(st.integers(-50, 50), min_size=1, max_size=40), scale=st.integers(1, 1000))
def test_ratios_do_not_change_with_the_unit_of_money(nets: list[int], scale: int) -> None:
    small = trade_statistics([trade(str(net), f"S{number % 5}") for number, net in enumerate(nets)])
    large = trade_statistics([trade(str(net * scale), f"S{number % 5}") for number, net in enumerate(nets)])
    for name in ("win_rate", "payoff", "profit_factor", "largest_ticker_share", "sqn"):
        one, other = getattr(small, name), getattr(large, name)
        assert one == other or one == pytest.approx(other, rel=1e-9), name
    if small.largest_ticker_share is not None:
        assert 0.2 - 1e-12 <= small.largest_ticker_share <= 1


@given(st.lists(st.floats(1, 200), min_size=1, max_size=40), st.floats(0.1, 50))
def test_a_drawdown_is_between_nothing_and_all_and_knows_no_unit(closes: list[float], scale: float) -> None:
    one = curve(*([value] for value in closes)).max_drawdown
    other = curve(*([value * scale] for value in closes), start=repr(100 * scale)).max_drawdown
    assert one is not None and other is not None
    assert 0 <= one.ratio < 1
    assert one.ratio == pytest.approx(other.ratio, abs=1e-9)
    assert one.money <= max(100, *closes)


def test_without_a_loss_profit_factor_is_unknown_and_says_why() -> None:
    stats = trade_statistics([trade("5"), trade("7")])
    assert stats.profit_factor is None
    assert stats.unknown["profit_factor"] == "no losing trade"
    assert stats.payoff is None
    assert stats.average_loss is None
    assert stats.win_rate == 1.0


def test_without_a_win_profit_factor_is_known_to_be_zero() -> None:
    stats = trade_statistics([trade("-5"), trade("-7")])
    assert stats.profit_factor == 0.0
    assert stats.average_win is None
    assert stats.largest_ticker_share == 1.0


@pytest.mark.parametrize("nets", [[], ["5"], ["5", "5"]])
def test_every_unknown_trade_figure_has_a_reason(nets: list[str]) -> None:
    stats = trade_statistics([trade(net) for net in nets])
    missing = {name for name in stats.__slots__ if getattr(stats, name) is None}
    assert missing
    assert set(stats.unknown) == missing


def test_drawdown_worked_by_hand() -> None:
    # Peak 120 on day 0, trough 90 on day 1 (25%), back at 120 on day 2; a later fall of 50 from 250 is only 20%.
    stats = curve([110, 120, 105], [90, 100], [121, 250], [200, 260])
    assert stats.max_drawdown == Drawdown(50.0, 0.25, at(0, 1), at(1, 0), at(2, 0))


def test_drawdown_from_the_initial_cash_and_never_recovered() -> None:
    stats = curve([90, 80], [95, 99])
    assert stats.max_drawdown == Drawdown(20.0, 0.2, None, at(0, 1), None)


def test_a_rising_curve_has_a_drawdown_of_zero() -> None:
    assert curve([100, 101], [102]).max_drawdown == Drawdown(0.0, 0.0, None, None, None)


def test_daily_ratios_worked_by_hand() -> None:
    # Closes 100 (cash), 110, 99, 108.9: returns +10%, -10%, +10%.
    stats = curve([105, 110], [120, 99], [108.9])
    mean, deviation = 0.1 / 3, math.sqrt(2 * (0.1 - 0.1 / 3) ** 2 + (0.1 + 0.1 / 3) ** 2) / math.sqrt(2)
    assert stats.days == 3
    assert stats.sharpe == pytest.approx(mean / deviation * math.sqrt(252))
    assert stats.sortino == pytest.approx(mean / math.sqrt(0.01 / 3) * math.sqrt(252))
    assert stats.total_return == pytest.approx(0.089)
    assert stats.cagr == pytest.approx(1.089 ** (365.25 / 2) - 1)


def test_one_day_is_too_little_for_yearly_figures() -> None:
    stats = curve([100, 120])
    assert (stats.sharpe, stats.sortino, stats.cagr) == (None, None, None)
    assert stats.unknown == dict.fromkeys(("sharpe", "sortino", "cagr"), "fewer than 2 days")
    assert stats.total_return == pytest.approx(0.2)


def test_steady_growth_has_no_sharpe_and_no_sortino() -> None:
    stats = curve([110], [121], [133.1])
    assert stats.unknown["sharpe"] == "daily returns do not vary"
    assert stats.unknown["sortino"] == "no losing day"


def test_ruin_leaves_ratios_unknown_but_shows_the_drawdown() -> None:
    stats = curve([50], [-10], [-10])
    assert stats.unknown["sharpe"] == stats.unknown["cagr"] == "equity fell to zero or below"
    assert stats.max_drawdown is not None
    assert stats.max_drawdown.ratio == pytest.approx(1.1)


def test_an_empty_curve_is_unknown_throughout() -> None:
    stats = curve_statistics(array("q"), array("d"), D(100), NEW_YORK)
    assert {name for name in stats.__slots__ if getattr(stats, name) is None} == set(stats.unknown)


@pytest.mark.parametrize(("march", "days"), [(7, 2), (14, 1)])
def test_days_end_at_local_midnight_on_either_side_of_a_clock_change(march: int, days: int) -> None:
    # 04:30 UTC is 23:30 of the day before in New York's winter, and 00:30 of the same day from 2011-03-13 on.
    moments = (datetime(2011, 3, march, 4, 30, tzinfo=UTC), datetime(2011, 3, march, 15, tzinfo=UTC))
    times = array("q", [int(moment.timestamp()) * SECOND for moment in moments])
    assert curve_statistics(times, array("d", [100.0, 110.0]), D(100), NEW_YORK).days == days


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="1 times but 0 values"):
        curve_statistics(array("q", [1]), array("d"), D(100), NEW_YORK)
    with pytest.raises(ValueError, match="initial cash 0 must be above zero"):
        curve_statistics(array("q"), array("d"), D(0), NEW_YORK)


def test_buy_and_hold_is_the_mean_of_the_symbols_returns() -> None:
    assert buy_and_hold_return([(100.0, 110.0), (50.0, 45.0)]) == pytest.approx(0.0)
    assert buy_and_hold_return([]) is None
    assert buy_and_hold_return([(0.0, 10.0)]) is None


@given(st.lists(st.floats(50, 200), min_size=2, max_size=60))
def test_ratios_agree_with_plain_numpy(closes: list[float]) -> None:
    stats = curve(*([value] for value in closes))
    returns = np.diff(np.array([100.0, *closes])) / np.array([100.0, *closes])[:-1]
    if stats.sharpe is not None:
        assert stats.sharpe == pytest.approx(returns.mean() / np.std(returns, ddof=1) * 252**0.5, rel=1e-6)
    if stats.sortino is not None:
        below = returns[returns < 0]
        assert stats.sortino == pytest.approx(
            returns.mean() * 252**0.5 / (np.sqrt((below**2).sum() / len(returns))), rel=1e-6
        )
    deepest = max(1 - closes[j] / max([100.0, *closes[: j + 1]]) for j in range(len(closes)))
    assert stats.max_drawdown is not None
    assert stats.max_drawdown.ratio == pytest.approx(deepest, abs=1e-12)
