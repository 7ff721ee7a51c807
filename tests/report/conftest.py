"""Results to draw."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from decimal import Decimal as D
from typing import Any

import pytest

from engine.market.orders import Side
from engine.research.results import BacktestResult, PriceSeries
from engine.research.trades import ClosedTrade, ExitPart

MINUTE = 60_000_000_000
START = 1_294_065_000_000_000_000  # 2011-01-03 09:30 in New York


def make_trade(number: int = 0, symbol: str = "SPY", strategy: str = "pack.cross", reason: str = "stop") -> ClosedTrade:
    net = D(number % 7 - 3)
    opened, closed = START + number * MINUTE, START + (number + 3) * MINUTE
    return ClosedTrade(
        strategy=strategy,
        symbol=symbol,
        side=Side.SELL if number % 3 else Side.BUY,
        quantity=D(10),
        entry=D("100.25"),
        exit=D("100.1234"),
        opened_ns=opened,
        closed_ns=closed,
        gross=net + D("0.35"),
        fees=D("0.35"),
        net=net,
        exit_reason=reason,
        entry_client_id=f"c{number}",
        high=101.0,
        low=99.5,
        mid_at_entry=None,
        bars_held=3,
        exits=(ExitPart(reason, D(10), D("100.1234"), closed),),
    )


def make_result(points: int = 60, **changes: Any) -> BacktestResult:
    """A result with an equity point a minute."""
    fields: dict[str, Any] = {
        "pack": "index_scalper",
        "data": "SPY one-minute bars",
        "parameters": {"cross.fast": "20"},
        "started_ns": START,
        "ended_ns": START + points * MINUTE,
        "bars": points,
        "ticks": points,
        "seconds": 0.5,
        "decisions_sha256": "0123456789abcdef" * 4,
        "orders": 4,
        "fills": 4,
        "trades": [make_trade(0), make_trade(5, reason="time_stop")],
        "equity_times_ns": array("q", (START + minute * MINUTE for minute in range(points))),
        "equity": array("d", (10_000.0 + (minute * 37) % 101 for minute in range(points))),
        "initial_cash": D(10_000),
        "rejected_by_guard": {"trading_window": 12},
        "verdicts": {"pack.cross": {"fired": 2, "silent": 58}},
        "data_notes": {"missing": 3, "late": 0},
    }
    return BacktestResult(**{**fields, **changes})


def make_prices(symbol: str = "SPY", points: int = 60) -> PriceSeries:
    return PriceSeries(
        symbol,
        array("q", (START + minute * MINUTE for minute in range(points))),
        array("d", (100 + (minute * 13) % 50 / 50 for minute in range(points))),
    )


@pytest.fixture
def result() -> Callable[..., BacktestResult]:
    return make_result


@pytest.fixture
def prices() -> Callable[..., PriceSeries]:
    return make_prices


@pytest.fixture
def trade() -> Callable[..., ClosedTrade]:
    return make_trade
