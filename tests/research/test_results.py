"""A result's tables and JSON: what a script or a reader relies on."""

from __future__ import annotations

import json
from array import array
from decimal import Decimal as D
from typing import Any

from engine.market.orders import Side
from engine.research.results import BacktestResult, headline, iso_utc
from engine.research.statistics import curve_statistics
from engine.research.trades import ClosedTrade, ExitPart

SECOND = 1_000_000_000
START = 1_294_065_000 * SECOND  # 2011-01-03 09:30 in New York
DAY = 86_400 * SECOND


def trade(net: str, symbol: str, strategy: str, reason: str, *partial: str) -> ClosedTrade:
    exits = tuple(ExitPart(name, D(1), D(101), START) for name in (*partial, reason))
    return ClosedTrade(
        strategy=strategy,
        symbol=symbol,
        side=Side.BUY,
        quantity=D(len(exits)),
        entry=D(100),
        exit=D(101),
        opened_ns=START,
        closed_ns=START + 90 * SECOND,
        gross=D(net) + D("0.5"),
        fees=D("0.5"),
        net=D(net),
        exit_reason=reason,
        entry_client_id="c1",
        high=102.0,
        low=99.0,
        mid_at_entry=100.0,
        bars_held=2,
        exits=exits,
    )


def result(**changes: Any) -> BacktestResult:
    trades = [
        trade("10", "SPY", "pack.cross", "target", "scale_out"),
        trade("-4", "QQQ", "pack.cross", "stop"),
        trade("2.00004", "SPY", "pack.fade", "stop"),
    ]
    fields: dict[str, Any] = {
        "pack": "pack",
        "data": "minute bars",
        "parameters": {"fade.width": "2", "cross.fast": "20"},
        "started_ns": START,
        "ended_ns": START + 2 * DAY,
        "bars": 40,
        "ticks": 20,
        "seconds": 0.123456,
        "decisions_sha256": "ab" * 32,
        "orders": 9,
        "fills": 7,
        "trades": trades,
        "equity_times_ns": array("q", [START, START + DAY, START + 2 * DAY]),
        "equity": array("d", [1010.0, 1000.0, 1008.00004]),
        "initial_cash": D(1000),
        "rejected_by_guard": {"b_few": 2, "a_few": 2, "many": 9},
        "verdicts": {"pack.cross": {"fired": 3, "silent": 17}, "pack.idle": {"silent": 20}},
        "bounds": {"optimistic": {"net": 12.0}, "pessimistic": {"net": -3.0}},
        "data_notes": {"missing": 2, "late": 1},
        "bars_exposed": 10,
    }
    return BacktestResult(**{**fields, **changes})


def test_json_carries_what_scripts_read() -> None:
    told = json.loads(json.dumps(result().to_json(), allow_nan=False))
    assert told["decisions_sha256"] == "ab" * 32
    assert (told["trades"], told["bars"], told["seconds"]) == (3, 40, 0.123)
    assert (told["started"], told["ended"]) == ("2011-01-03T14:30:00Z", "2011-01-05T14:30:00Z")
    assert told["summary"]["net"] == 8.0
    assert told["summary"]["final_equity"] == 1008.0
    assert told["summary"]["exposure"] == 0.25
    assert told["summary"]["max_drawdown"] == round(10 / 1010, 6)
    assert told["summary"]["drawdown_end"] == "2011-01-04T14:30:00Z"
    assert list(told["parameters"]) == ["cross.fast", "fade.width"]


def test_the_same_run_gives_the_same_text_whatever_order_counts_arrive_in() -> None:
    other = result(
        parameters={"cross.fast": "20", "fade.width": "2"},
        rejected_by_guard={"many": 9, "a_few": 2, "b_few": 2},
        data_notes={"late": 1, "missing": 2},
        bounds={"pessimistic": {"net": -3.0}, "optimistic": {"net": 12.0}},
    )
    assert json.dumps(other.to_json()) == json.dumps(result().to_json())


def test_tables_add_up_to_the_summary() -> None:
    one = result()
    for table in (one.per_symbol(), one.per_rule(), one.per_exit_reason()):
        for key in ("trades", "wins", "losses"):
            assert sum(int(row[key] or 0) for row in table) == one.summary()[key]
        assert abs(sum(float(row["net"] or 0) for row in table) - float(one.summary()["net"] or 0)) < 1e-3


def test_a_silent_rule_is_listed_and_an_uncounted_one_is_unknown() -> None:
    rows = {row["rule"]: row for row in result().per_rule()}
    assert list(rows) == ["pack.cross", "pack.fade", "pack.idle"]
    assert (rows["pack.cross"]["fired"], rows["pack.cross"]["blocked"]) == (3, 0)
    assert rows["pack.fade"]["fired"] is None
    assert (rows["pack.idle"]["trades"], rows["pack.idle"]["expectancy"]) == (0, None)


def test_a_partial_exit_is_counted_under_its_own_reason() -> None:
    rows = {row["exit_reason"]: row for row in result().per_exit_reason()}
    assert (rows["scale_out"]["exits"], rows["scale_out"]["trades"]) == (1, 0)
    assert (rows["stop"]["exits"], rows["stop"]["trades"], rows["stop"]["net"]) == (2, 2, -2.0)


def test_the_busiest_guard_comes_first_and_bounds_run_from_worst_to_best() -> None:
    assert [row["guard"] for row in result().rejected()] == ["many", "a_few", "b_few"]
    assert [row["fills"] for row in result().fill_bounds()] == ["pessimistic", "optimistic"]


def test_every_unknown_figure_has_a_reason() -> None:
    empty = result(trades=[], equity=array("d"), equity_times_ns=array("q"), bars=0, bars_exposed=None)
    for one in (result(), empty, result(equity=array("d", [900.0, 950.0, 1001.0])), result(bars=0)):
        missing = {key for key, value in one.summary().items() if value is None}
        assert missing
        assert missing == set(one.unknown())
    assert result().unknown()["drawdown_recovery"] == "not recovered by the end"


def test_headline_figures_for_fill_bounds() -> None:
    one = result()
    curve = curve_statistics(one.equity_times_ns, one.equity, one.initial_cash, one.timezone)
    assert headline(one.trades, curve) == {
        "trades": 3,
        "win_rate": 0.666667,
        "net": 8.0,
        "expectancy": 2.6667,
        "profit_factor": 3.00001,
        "max_drawdown": 0.009901,
    }


def test_instants_keep_only_the_digits_they_have() -> None:
    assert iso_utc(START) == "2011-01-03T14:30:00Z"
    assert iso_utc(START + 250_000_000) == "2011-01-03T14:30:00.25Z"
    assert iso_utc(START + 1) == "2011-01-03T14:30:00.000000001Z"
