"""Passing quiet ticks at once must change nothing: same decisions, fills, equity and node values as tick by tick."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.calendars import calendar
from connectors.paper import PaperBroker, PaperSettings
from engine.decide.tick import Decider
from engine.execute.loop import Loop
from engine.market.events import NANOS, Bar, Quote, Tick
from engine.market.instrument import Instrument
from engine.plan.compiled import compiled_kernel
from engine.plan.plan import make_plan
from engine.plan.program import INTERPRETED, Kernel
from engine.research.recorder import StatisticsRecorder
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

PACK = """\
kind: pack
name: p
venue: paper
timezone: America/New_York
calendar: XNYS
universe: [SPY, QQQ]
"""
CROSS = """\
kind: strategy
name: cross
when: ["ema(close, 3) crosses above ema(close, 7)", not position.open]
then: {buy: {size: 10, bracket: {stop: close - 2 * atr(5), target: close + 3 * atr(5)}}}
---
kind: guard
name: few
for: entries
require: positions.count < 2
else: {block: enough is held}
"""
EXITS = """
---
kind: exit
name: back
unknown: hold
when: ema(close, 3) crosses below ema(close, 7)
then: {close: all}
---
kind: exit
name: half
once: true
unknown: hold
when: rsi(close, 5) > 70
then: {close: 50%}
"""
UNKNOWN_CLOSES = """
---
kind: exit
name: losing_sight
unknown: close
when: volume > 1000000
then: {close: all}
"""
BY_GAIN = """
---
kind: exit
name: enough
when: position.gain > $0.10 or position.bars > 6
then: {close: all}
---
kind: exit
name: trail
unknown: hold
when: position.gain > $0.05
then: {trail: {by: $0.05}}
"""
SESSIONS = """
---
kind: session
name: morning
hours: 09:35 - 11:00
limits: {entries: 2}
---
kind: session
name: afternoon
hours: 14:00 - 15:30
"""
CLOCKS = """
---
kind: strategy
name: by_the_clock
cooldown: 20m
when: session.minutes > 30 and time_of_day < 15:00 and close > highest(close, 10)[1]
then: {sell: {size: 5, limit: close + $0.02, within: 3m, bracket: {stop: close + $0.4}}}
"""
FRAMES = """
---
kind: strategy
name: higher
on: bar(5m)
cooldown: 30m
when: on(5m, close) > on(5m, ema(close, 3))
then: {buy: {size: 3}}
"""
DRAWDOWN = """
---
kind: guard
name: not_too_deep
for: entries
require: pnl.drawdown < 1% and pnl.today > -$50
else: {halt: until tomorrow, because: enough was lost}
"""
PARTS = {"exits": EXITS, "unknown": UNKNOWN_CLOSES, "gain": BY_GAIN, "sessions": SESSIONS, "clocks": CLOCKS,
         "frames": FRAMES, "drawdown": DRAWDOWN}  # fmt: skip
OPEN = datetime(2024, 3, 5, 9, 30, tzinfo=ZoneInfo("America/New_York"))


def market(seed: int, symbols: list[str], oddities: bool) -> list[Tick]:
    """Two mornings of minute bars with gaps; oddities: quotes, late and repeated bars, unknown volume and symbols."""
    draw, ticks, last = Random(seed), [], dict.fromkeys(symbols, 100.0)
    starts = [int(OPEN.timestamp()) * NANOS + (day * 1440 + n) * 60 * NANOS for day in (0, 1) for n in range(-5, 200)]
    for start in starts:
        events: list[Bar | Quote] = []
        for symbol in symbols:
            if draw.random() < 0.05:
                continue
            opened = last[symbol]
            close = last[symbol] = round(opened + draw.gauss(0, 0.08), 2)
            high, low = max(opened, close) + draw.choice((0, 0.02)), min(opened, close) - draw.choice((0, 0.02))
            volume = None if oddities and draw.random() < 0.02 else draw.choice((500.0, 50_000.0))
            events.append(Bar(symbol, start, 60, opened, high, low, close, volume))
            if oddities and draw.random() < 0.02:
                events.append(Quote(symbol, start + 60 * NANOS, close - 0.01, 100.0, close + 0.01, None))
            if oddities and draw.random() < 0.02:
                events.append(Bar(symbol, start - draw.choice((0, 60)) * NANOS, 60, 1.0, 1.0, 1.0, 1.0, None))
        if oddities and draw.random() < 0.03:
            events.append(Bar("XXX", start, 60, 1.0, 1.0, 1.0, 1.0, None))
        if events or draw.random() < 0.5:
            ticks.append(Tick(start + 60 * NANOS, events))
    return ticks


def loop_of(rules: str, symbols: list[str], kernel: Kernel) -> tuple[Loop, StatisticsRecorder]:
    ruleset = link([PackFiles("p", [load_text("pack.yaml", PACK), load_text("rules.yaml", rules)])])
    assert not ruleset.findings, ruleset.findings
    instruments = {symbol: Instrument(symbol) for symbol in symbols}
    decider = Decider(
        make_plan(ruleset, symbols), instruments, {"XNYS": calendar("XNYS")}, Decimal(10_000), kernel=kernel
    )
    recorder = StatisticsRecorder()
    return Loop(decider, PaperBroker(PaperSettings(cash=Decimal(10_000)), instruments), [recorder]), recorder


def outcome(loop: Loop, recorder: StatisticsRecorder) -> dict[str, object]:
    context = loop.decider.context
    return {
        "hash": loop.hash.hexdigest(), "ticks": loop.ticks, "trades": recorder.book.trades,
        "equity": recorder.equity.tobytes(), "times": recorder.times.tobytes(), "verdicts": recorder.verdicts,
        "bars": (recorder.book.bars, recorder.book.bars_exposed), "peak": context.portfolio.peak_equity,
        "notes": recorder.notes, "values": {s: state.v.tobytes() for s, state in context.states.items()},
        "held": [(h.last, h.high, h.low, h.bars) for h in context.portfolio.held.values()],
    }  # fmt: skip


def both(rules: str, ticks: list[Tick], symbols: list[str], block: int, kernel: Kernel) -> tuple[dict, dict]:  # type: ignore[type-arg]
    slow, slow_seen = loop_of(rules, symbols, kernel)
    for tick in ticks:
        slow.step(tick)
    quick, quick_seen = loop_of(rules, symbols, kernel)
    for first in range(0, len(ticks), block):
        quick.run(ticks[first : first + block])
    return outcome(slow, slow_seen), outcome(quick, quick_seen)


@given(
    parts=st.sets(st.sampled_from(sorted(PARTS))),
    seed=st.integers(0, 10**6),
    symbols=st.sampled_from([["SPY"], ["SPY", "QQQ"]]),
    oddities=st.booleans(),
    block=st.sampled_from([1, 7, 64, 1000]),
)
def test_running_ahead_changes_nothing(
    parts: set[str], seed: int, symbols: list[str], oddities: bool, block: int
) -> None:
    rules = CROSS + "".join(PARTS[part] for part in sorted(parts))
    slow, quick = both(rules, market(seed, symbols, oddities), symbols, block, compiled_kernel())
    assert quick == slow


def test_the_interpreted_kernel_runs_ahead_alike() -> None:
    slow, quick = both(CROSS + EXITS + SESSIONS, market(3, ["SPY"], False), ["SPY"], 64, INTERPRETED)
    assert quick == slow
    assert len(slow["trades"]) > 2


@pytest.mark.parametrize("rules", [CROSS, CROSS + EXITS + CLOCKS])
def test_quiet_ticks_are_really_passed(rules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, recorder = loop_of(rules, ["SPY"], compiled_kernel())
    stepped: list[Tick] = []
    step = loop.step
    monkeypatch.setattr(loop, "step", lambda tick: (stepped.append(tick), step(tick)))
    ticks = market(5, ["SPY"], False)
    loop.run(ticks)
    assert recorder.book.trades
    assert len(stepped) < len(ticks) * 0.6
    assert np.frombuffer(recorder.times.tobytes(), dtype=np.int64).tolist() == [tick.time_ns for tick in ticks]
