"""Columns and ticks come to the same: decisions, orders, fills, trades and equity, bit for bit."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.research.columns.market import MarketColumns
from engine.research.sets import SetResult, run_sets

_spec = importlib.util.spec_from_file_location("column_worlds", Path(__file__).with_name("conftest.py"))
assert _spec is not None and _spec.loader is not None
worlds = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = worlds
_spec.loader.exec_module(worlds)

EXAMPLES = int(os.environ.get("AUTOTRADER_EXAMPLES", "25"))


def told(result: SetResult) -> dict[str, object]:
    trades, equity = result.trades, result.equity
    assert equity.curve is not None
    return {
        "decisions": result.decisions_sha256, "orders": result.orders, "fills": result.fills,
        "curve": equity.curve.tobytes(), "final": equity.final, "falls": (equity.max_drawdown, equity.max_drawdown_ratio),
        "days": equity.days.tolist(), "closes": equity.closes.tobytes(),
        "symbols": [trades.symbols[n] for n in trades.symbol], "reasons": [trades.reasons[n] for n in trades.reason],
        "strategies": [trades.strategies[n] for n in trades.strategy],
        **{
            name: getattr(trades, name).tobytes()
            for name in ("side", "opened_ns", "closed_ns", "quantity", "entry", "exit", "gross", "fees", "net")
        },
    }  # fmt: skip


def world(seed: int) -> tuple[object, MarketColumns]:
    draw = Random(seed)
    symbols = draw.choice((["SPY"], ["SPY", "QQQ"], ["IDX", "SPY"]))
    parts = worlds.parts_of(draw, symbols)
    return parts, MarketColumns.of(worlds.market_of(draw, symbols))


@settings(max_examples=EXAMPLES, deadline=None)
@given(seed=st.integers(0, 10**9), fills=st.sampled_from(["central", "pessimistic", "optimistic"]))
def test_columns_and_ticks_come_to_the_same(seed: int, fills: str) -> None:
    parts, market = world(seed)
    ticks = run_sets(parts, market, [{}], fills, keep_curve=True, engine="tick")[0]
    columns = run_sets(parts, market, [{}], fills, keep_curve=True)[0]
    if columns.engine == "columns":
        assert told(columns) == told(ticks)
    else:
        assert columns.fallback
