"""What an account's trading came to, by hand-computed figures."""

from __future__ import annotations

from array import array
from decimal import Decimal

import pytest

from engine.market.orders import Side
from engine.research.performance import Account, FillCost, costs_of, group_rows, summary, to_json, trailing_rows
from engine.research.trades import ClosedTrade

DAY = 86_400_000_000_000


def trade(net: str, symbol: str = "SPY", reason: str = "stop", day: int = 0, strategy: str = "p.a") -> ClosedTrade:
    return ClosedTrade(
        strategy, symbol, Side.BUY, Decimal(10), Decimal(100), Decimal(101), day * DAY, day * DAY + 60_000_000_000,
        Decimal(net) + 1, Decimal(1), Decimal(net), reason, "c", 101.0, 99.0, None, 1,
    )  # fmt: skip


def fill(leg: str, fee: str, spread: str | None, slippage: str | None) -> FillCost:
    return FillCost(
        "p.a", "SPY", leg, Decimal(1000), Decimal(fee), None if spread is None else Decimal(spread),
        None if slippage is None else Decimal(slippage),
    )  # fmt: skip


TRADES = [
    trade("10"), trade("-4", "QQQ", "target", 1), trade("6", "KXTOP-26SEP28-A", "later", 2, "p.b"),
    trade("-9", "KXTOP-26SEP28-B", "later", 2, "p.b"),
]  # fmt: skip
FILLS = [fill("entry", "1", "2", "3"), fill("entry", "2", None, None), fill("exit", "1", "0", "-1")]
ACCOUNT = Account(
    "book", ["r1", "r2"], TRADES, FILLS, array("q", [0, DAY, 2 * DAY]), array("d", [1010.0, 1006.0, 1003.0]),
    Decimal(1000), 1, "UTC",
)  # fmt: skip


def test_costs_are_summed_where_they_are_known_and_the_rest_is_said() -> None:
    found = costs_of(FILLS)
    assert (found.fills, found.fees, found.notional) == (3, 4.0, 3000.0)
    assert found.coverage == pytest.approx(2 / 3)
    assert (found.half_spread, found.slippage) == (2.0, 2.0)
    assert found.share == pytest.approx((1 + 1 + 3 - 1) / 2000)  # the fees of the fill that is not known are not in it
    nothing = costs_of([])
    assert (nothing.coverage, nothing.share, nothing.slippage) == (None, None, None)


def test_what_slippage_cost_is_said_where_only_bars_are_known() -> None:
    found = costs_of([fill("stop", "1", None, "3"), fill("entry", "1", None, "2")])
    assert (found.coverage, found.half_spread, found.slippage) == (0.0, None, 5.0)
    assert found.share == pytest.approx((2 + 5) / 2000)


def test_groups_tell_who_made_it_gains_and_losses_alike() -> None:
    assert [(row["symbol"], row["net"]) for row in group_rows(TRADES, "symbol")] == [
        ("SPY", 10.0), ("KXTOP-26SEP28-B", -9.0), ("KXTOP-26SEP28-A", 6.0), ("QQQ", -4.0),
    ]  # fmt: skip
    events = {row["event"]: row["net"] for row in group_rows(TRADES, "event")}
    assert events == {"SPY@0": 10.0, "QQQ@1": -4.0, "KXTOP-26SEP28": -3.0}  # both legs of an event are one bet
    assert {row["strategy"]: row["trades"] for row in group_rows(TRADES, "strategy")} == {"p.a": 2, "p.b": 2}
    assert {row["exit_reason"]: row["trades"] for row in group_rows(TRADES, "exit_reason")} == {
        "stop": 1, "target": 1, "later": 2,
    }  # fmt: skip


def test_trailing_windows_look_at_the_last_trades_and_know_when_there_are_too_few() -> None:
    rows = trailing_rows([trade("-1")] * 50 + [trade("2")] * 50)
    assert [(row["window"], row["trades"], row["expectancy"]) for row in rows] == [
        ("last 50", 50, 2.0), ("last 100", 100, 0.5), ("last 200", 100, None), ("all", 100, 0.5),
    ]  # fmt: skip


def test_the_summary_says_what_is_known_and_why_the_rest_is_not() -> None:
    figures, unknown = summary(ACCOUNT)
    assert (figures["trades"], figures["net"], figures["win_rate"]) == (4, 3.0, 0.5)
    assert figures["profit_factor"] == pytest.approx(16 / 13, abs=1e-6)
    assert figures["max_drawdown"] == pytest.approx(7 / 1010, abs=1e-6)
    assert (figures["return"], figures["open_positions"]) == (0.003, 1)
    assert unknown == {}
    nothing, why = summary(Account("b", ["r"], [], [], array("q"), array("d"), Decimal(1000), 0, "UTC"))
    assert nothing["expectancy"] is None and why["expectancy"] == "no trades"
    assert why["return"] == why["max_drawdown"] == "no equity points"
    assert set(why) == {name for name, value in nothing.items() if value is None}


def test_the_report_as_json_has_every_table() -> None:
    found = to_json(ACCOUNT)
    assert (found["first"], found["runs"]) == ("1970-01-01T00:00:00Z", ["r1", "r2"])
    assert {"by_symbol", "by_event", "by_strategy", "by_exit_reason", "trailing", "costs", "summary"} <= set(found)
