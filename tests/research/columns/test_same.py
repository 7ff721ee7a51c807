"""Columns and ticks come to the same: decisions, orders, fills, trades and equity, bit for bit."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.simulated.contracts import example_signals
from engine.cli.assemble import DataChoice, assemble
from engine.cli.examples import examples_for
from engine.cli.rules import load_rules
from engine.market.columns import MarketColumns
from engine.market.events import Bar, Tick
from engine.research.columns import run as column_run
from engine.research.sets import SetResult, run_sets
from engine.ruleset.linker import SHARED
from engine.settings import load_settings

World = Callable[[int], tuple[Any, MarketColumns]]
PROJECT = Path(__file__).parents[3]
PACKS = sorted({path.parent.name for path in (PROJECT / "rules").glob("*/pack.yaml")} - {SHARED})
EXAMPLES = int(os.environ.get("AUTOTRADER_EXAMPLES", "15"))
HOUR_NS = 3_600 * 10**9
CHANGE_HOUR = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) // 3_600  # hours of the epoch
OPEN_HOUR = int(datetime(2024, 3, 5, 14, tzinfo=UTC).timestamp()) // 3_600  # of the epoch; half an hour later it opens
FILLS = ("central", "pessimistic", "optimistic")


def told(result: SetResult) -> dict[str, object]:
    """Everything that a result says, to the bit."""
    trades, equity = result.trades, result.equity
    assert equity.curve is not None
    return {
        "decisions": result.decisions_sha256, "orders": result.orders, "fills": result.fills,
        "curve": equity.curve.tobytes(), "final": equity.final,
        "falls": (equity.max_drawdown, equity.max_drawdown_ratio),
        "days": equity.days.tolist(), "closes": equity.closes.tobytes(),
        "symbols": [trades.symbols[n] for n in trades.symbol], "reasons": [trades.reasons[n] for n in trades.reason],
        "strategies": [trades.strategies[n] for n in trades.strategy],
        **{
            name: getattr(trades, name).tobytes()
            for name in ("side", "opened_ns", "closed_ns", "quantity", "entry", "exit", "gross", "fees", "net")
        },
    }  # fmt: skip


def both(parts: Any, market: MarketColumns, fills: str) -> tuple[SetResult, SetResult]:
    columns = run_sets(parts, market, [{}], fills, keep_curve=True)[0]
    return columns, run_sets(parts, market, [{}], fills, keep_curve=True, engine="tick")[0]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**9), fills=st.sampled_from(FILLS))
def test_columns_and_ticks_come_to_the_same(world: World, seed: int, fills: str) -> None:
    parts, market = world(seed)
    columns, ticks = both(parts, market, fills)
    assert columns.engine == "columns" or columns.fallback
    assert told(columns) == told(ticks)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**9), fills=st.sampled_from(FILLS))
def test_they_do_for_contracts(contract_world: World, seed: int, fills: str) -> None:
    parts, market = contract_world(seed)
    columns, ticks = both(parts, market, fills)
    assert columns.engine == "columns" or columns.fallback
    assert told(columns) == told(ticks)


def test_they_do_in_a_night_in_which_clocks_are_changed(change_of_clocks: tuple[Any, MarketColumns]) -> None:
    columns, ticks = both(*change_of_clocks, "central")
    assert columns.engine == "columns"
    assert told(columns) == told(ticks)
    assert {opened // HOUR_NS for opened in columns.trades.opened_ns.tolist()} == {5 + CHANGE_HOUR, 6 + CHANGE_HOUR}


def test_most_random_rules_run_over_columns(world: World, contract_world: World) -> None:
    for make, trades in ((world, 100), (contract_world, 60)):
        results = [run_sets(*make(seed), [{}])[0] for seed in range(20)]
        assert sum(result.engine == "columns" for result in results) >= 15
        assert sum(len(result.trades) for result in results if result.engine == "columns") > trades


def test_contracts_are_settled_bought_and_sold(contract_world: World) -> None:
    results = [run_sets(*contract_world(seed), [{}])[0].trades for seed in range(12)]
    assert {side for trades in results for side in trades.side.tolist()} == {1, -1}
    ends = {trades.reasons[n] for trades in results for n in trades.reason.tolist()}
    assert {"the market was settled", "stop", "target", "end of data"} <= ends


def test_chunks_do_not_show(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    parts, market = world(2)
    whole = run_sets(parts, market, [{}], keep_curve=True)[0]
    monkeypatch.setattr(column_run, "CHUNK_BYTES", 1)
    monkeypatch.setattr(column_run, "SHORTEST_CHUNK", 17)
    pieces = run_sets(parts, market, [{}], keep_curve=True)[0]
    assert pieces.engine == whole.engine == "columns"
    assert len(whole.trades) > 3
    assert told(pieces) == told(whole)


CROSS = """
kind: strategy
name: cross
params: {fast: {default: 3}, slow: {default: 7}}
when: ["ema(close, fast) crosses above ema(close, slow)", "not position.open"]
then: {buy: {size: 10, bracket: {stop: close - $0.2, target: close + $0.3}}}
"""


def test_sets_share_columns_and_differ_all_the_same(world: World, parts_with: Callable[..., Any]) -> None:
    parts, (_, market) = parts_with(CROSS), world(8)
    sets = [{"p.cross.fast": float(f), "p.cross.slow": float(s)} for f in (2, 3, 4) for s in (6, 9)]
    together = run_sets(parts, market, sets, keep_curve=True)
    assert {result.engine for result in together} == {"columns"}
    alone = [run_sets(parts, market, [one], keep_curve=True, engine="tick")[0] for one in sets]
    assert [told(result) for result in together] == [told(result) for result in alone]
    assert len({result.decisions_sha256 for result in together}) > 3


WITH_EXITS = CROSS.replace("ema(", "sma(") + """
---
kind: exit
name: out
for: [cross]
params: {fast: {default: 3}, gain: {default: $0.1}}
when: ["close < ema(close, fast)", position.gain > gain]
then: {close: all}
---
kind: exit
name: slow_out
for: [cross]
params: {bars: {default: 3}}
when: ["position.gain < $0 for 2m", "close < highest(close, bars)"]
then: {close: all}
"""


GIVES_WAY = """
kind: strategy
name: buy
when: ["close > 100", "not position.open"]
then: {buy: {size: 10, bracket: {stop: close - $3}}}
---
kind: exit
name: patient
unknown: hold
when: close crosses below $100
then: {close: CLOSE, limit: close + $5, within: SECONDSs}
"""


@pytest.mark.parametrize("fills", FILLS)
@pytest.mark.parametrize("seconds", [150, 180, 200])
@pytest.mark.parametrize("close", ["all", "40%"])
def test_an_exit_that_is_not_reached_leaves_the_stop(
    bars_of: Callable[..., MarketColumns], parts_with: Callable[[str], Any], close: str, seconds: int, fills: str
) -> None:
    parts = parts_with(GIVES_WAY.replace("CLOSE", close).replace("SECONDS", str(seconds)))
    columns, ticks = both(parts, bars_of(101, 101, 99, 99, 99, 99, 99, 96, 90, 90), fills)
    assert (columns.engine, columns.fallback) == ("columns", "")
    assert told(columns) == told(ticks)
    assert [columns.trades.reasons[n] for n in columns.trades.reason] == ["stop"]
    assert columns.trades.exit.tolist()[0] > 95


FLEES = """
---
kind: strategy
name: again
when: close < 97
then: {buy: {size: 1}}
---
kind: guard
name: flee
for: entries
require: close > 98
else: {flatten: all}
"""


@pytest.mark.parametrize("fills", FILLS)
@pytest.mark.parametrize("close", ["all", "40%"])
def test_an_exit_that_waits_holds_no_flatten_back(
    bars_of: Callable[..., MarketColumns], parts_with: Callable[[str], Any], close: str, fills: str
) -> None:
    rules = GIVES_WAY.replace("CLOSE", close).replace("SECONDS", "7200").replace("$3", "$50")
    columns, ticks = both(parts_with(rules + FLEES), bars_of(101, 101, 99, 99, 96, 96, 96), fills)
    assert (columns.engine, columns.fallback) == ("columns", "")
    assert told(columns) == told(ticks)
    assert [columns.trades.reasons[n] for n in columns.trades.reason] == ["flee"]
    assert columns.trades.quantity.tolist() == [10.0]


URGENT = """
---
kind: exit
name: urgent
unknown: hold
when: close < $97
then: {close: all}
"""


@pytest.mark.parametrize("fills", FILLS)
@pytest.mark.parametrize("close", ["all", "40%"])
def test_an_exit_at_market_waits_for_no_better_price(
    bars_of: Callable[..., MarketColumns], parts_with: Callable[[str], Any], close: str, fills: str
) -> None:
    rules = GIVES_WAY.replace("CLOSE", close).replace("SECONDS", "7200").replace("$3", "$50")
    columns, ticks = both(parts_with(rules + URGENT), bars_of(101, 101, 99, 99, 96, 96, 96), fills)
    assert (columns.engine, columns.fallback) == ("columns", "")
    assert told(columns) == told(ticks)
    assert [columns.trades.reasons[n] for n in columns.trades.reason] == ["urgent"]
    assert columns.trades.quantity.tolist() == [10.0]


def test_sets_of_other_structures_and_memories_are_not_mixed_up(
    world: World, parts_with: Callable[..., Any]
) -> None:
    parts, (_, market) = parts_with(WITH_EXITS), world(8)
    sets = [
        {"p.cross.fast": float(f), "p.cross.slow": float(s), "p.out.fast": float(o), "p.slow_out.bars": float(b)}
        for f, s, o, b in ((2, 6, 4, 3), (3, 9, 4, 5), (6, 6, 4, 2), (3, 9, 3, 7), (4, 4, 4, 4), (2, 6, 5, 1))
    ]
    together = run_sets(parts, market, sets, keep_curve=True)
    assert {(result.engine, result.fallback) for result in together} == {("columns", "")}
    alone = [run_sets(parts, market, [one], keep_curve=True, engine="tick")[0] for one in sets]
    assert [told(result) for result in together] == [told(result) for result in alone]
    assert len({result.decisions_sha256 for result in together}) > 3


def test_results_travel_between_processes(world: World, parts_with: Callable[..., Any]) -> None:
    parts, (_, market) = parts_with(CROSS), world(8)
    sent = pickle.loads(pickle.dumps((parts, market)))
    here, there = run_sets(parts, market, [{}], keep_curve=True)[0], run_sets(*sent, [{}], keep_curve=True)[0]
    assert told(pickle.loads(pickle.dumps(there))) == told(here)


def test_a_span_is_run_as_if_there_were_nothing_else(world: World, parts_with: Callable[..., Any]) -> None:
    parts, (_, market) = parts_with(CROSS), world(8)
    begin, end = int(market.times[50]), int(market.times[200])
    columns, ticks = (
        run_sets(parts, market, [{}], begin_ns=begin, end_ns=end, keep_curve=True, engine=engine)[0]
        for engine in ("columns", "tick")
    )
    assert columns.ticks == ticks.ticks == 150
    assert told(columns) == told(ticks)


def test_what_cannot_be_compiled_is_run_by_tick_and_named(world: World, parts_with: Callable[..., Any]) -> None:
    remembers = CROSS.replace('"not position.open"', '"not position.open", "not (position.gain crosses above $0.1)"')
    parts, (_, market) = parts_with(remembers), world(8)
    result = run_sets(parts, market, [{}], keep_curve=True)[0]
    assert result.engine == "tick"
    assert "rules.yaml:5" in result.fallback
    assert "position.gain crosses above" in result.fallback


@pytest.mark.parametrize("pack", PACKS)
def test_every_shipped_pack_compiles(pack: str) -> None:
    ruleset = load_rules([PROJECT / "rules"], [pack]).ruleset
    chosen = DataChoice("simulated", None, (), None, None, 1, 1)
    parts = assemble(load_settings(None), ruleset, chosen, alpha=example_signals(), examples=examples_for(ruleset))
    market = MarketColumns.of(parts.source().ticks())
    for fills in FILLS:
        columns, ticks = both(parts, market, fills)
        assert (columns.engine, columns.fallback) == ("columns", "")
        assert told(columns) == told(ticks)


CAPPED = CROSS + """
---
kind: guard
name: steady
for: entries
require: or_else(not (order.quantity crosses above 5), true)
else: {block: more than before}
---
kind: guard
name: four
for: entries
require: order.quantity <= 4
else: {cap: {quantity: 4.9}}
---
kind: guard
name: half
for: entries
require: order.notional < $250
else: {cap: {quantity: order.quantity / 2}}
---
kind: guard
name: small
for: entries
require: ["order.quantity <= 2", "order.cost < $250", "order.risk < $1.50"]
else: {halt: until resumed, because: too much}
"""


def test_guards_judge_what_the_caps_before_them_left(world: World, parts_with: Callable[..., Any]) -> None:
    parts, (_, market) = parts_with(CAPPED), world(8)
    columns, ticks = both(parts, market, "central")
    assert (columns.engine, columns.fallback) == ("columns", "")
    assert told(columns) == told(ticks)
    assert len(columns.trades) > 3
    assert set(columns.trades.quantity.tolist()) == {2.0}


LIMITED = WITH_EXITS + """
---
kind: session
name: day
hours: 09:00-17:00
limits: {LIMIT: 1}
"""


@pytest.mark.parametrize("limit", ["positions", "positions_per_symbol", "orders"])
def test_sessions_count_what_is_their_own_packs(
    world: World, parts_with: Callable[..., Any], limit: str
) -> None:
    _, market = world(8)
    always = CROSS.replace("crosses above", ">").replace("bracket", "limit: close - $0.1, within: 9m, bracket")
    parts = parts_with(LIMITED.replace("LIMIT", limit), q=always)
    columns, ticks = both(parts, market, "central")
    assert (columns.engine, columns.fallback) == ("columns", "")
    assert told(columns) == told(ticks)
    alone = run_sets(parts_with(LIMITED.replace("LIMIT", limit)), market, [{}])[0].trades
    of_p = [n for n in columns.trades.strategy.tolist() if columns.trades.strategies[n] == "p.cross"]
    assert len(of_p) == len(alone) > 3
    assert len(of_p) < len(columns.trades), "the other pack trades, too"


def test_bars_that_are_told_late_fill_when_they_were(world: World) -> None:
    for seed in range(6):
        parts, market = world(seed)
        late = MarketColumns.of([Tick(t.time_ns + 4 * 10**9, t.events) for t in market.inputs() if isinstance(t, Tick)])
        columns, ticks = both(parts, late, "central")
        assert told(columns) == told(ticks)
        assert seed != 2 or (columns.engine == "columns" and len(columns.trades) > 3)


WAITS_FOR_FIVE = """
kind: strategy
name: first
when: ["close > 100", "not position.open"]
then: {buy: {size: 1}}
---
kind: strategy
name: higher
on: bar(5m)
when: ["on(5m, close) > $100", "not position.open"]
then: {buy: {size: 2}}
"""


def test_a_higher_bar_of_what_is_held_is_over_between_its_own_bars(parts_with: Callable[[str], Any]) -> None:
    """Minutes of one symbol are missing while another's come: what is held is looked at, and its five minutes end."""
    begin, minute = OPEN_HOUR * HOUR_NS + HOUR_NS // 2, HOUR_NS // 60
    ticks = [
        Tick(start + minute, [Bar(symbol, start, 60, 101.0, 101.0, 101.0, 101.0, None)])
        for start, symbol in (
            (begin + n * minute, "SPY" if n < 3 or n > 7 else "QQQ") for n in range(12)
        )
    ]  # fmt: skip
    columns, ticked = both(parts_with(WAITS_FOR_FIVE), MarketColumns.of(ticks), "central")
    assert told(columns) == told(ticked)
    assert "a higher bar" in columns.fallback and columns.orders == 2


AGED = """
kind: strategy
name: buy
when: ["close > 100", "not position.open"]
cooldown: 1h
then: {buy: {size: 10ORDER}}
---
kind: exit
name: old
unknown: hold
when: position.age >= 3m
then: {close: all}
---
kind: exit
name: high
unknown: hold
when: position.high > 105
then: {close: all}
"""


@pytest.mark.parametrize(
    ("order", "opened", "closed", "reason"),
    [("", 1, 2, "high"), (", limit: $101, within: 30m", 3, 6, "old"), (", stop: $103", 2, 3, "high")],
)
def test_age_and_high_are_of_what_came_after_the_entry(
    parts_with: Callable[..., Any], order: str, opened: int, closed: int, reason: str
) -> None:
    begin = 28_490_000 * 60 * 10**9  # a minute of the epoch
    minutes = [(102, 102, 102, 102), (102, 106, 102, 104), (102, 106, 100, 102), *[(102, 103, 102, 102)] * 6]
    market = MarketColumns.of([
        Tick(start + 60 * 10**9, [Bar("SPY", start, 60, *map(float, minute), None)])
        for start, minute in ((begin + n * 60 * 10**9, minute) for n, minute in enumerate(minutes))
    ])  # fmt: skip
    columns, ticks = both(parts_with(AGED.replace("ORDER", order)), market, "central")
    assert (columns.engine, columns.fallback) == ("columns", "")
    assert told(columns) == told(ticks)
    trades = columns.trades
    minutes_of = [(ns - begin) / (60 * 10**9) for ns in (trades.opened_ns[0], trades.closed_ns[0])]
    assert (*minutes_of, trades.reasons[trades.reason[0]]) == (opened, closed, reason)
