"""What the benchmarks of the column engine share: bars in memory, the EMA pack of ``backtest_ema``, the peer."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.backtest_ema import PACK, RULES
from engine.cli.assemble import Assembly, DataChoice, assemble
from engine.cli.rules import load_rules
from engine.market.columns import MarketColumns
from engine.market.events import NANOS
from engine.settings import load_settings

PEER = Path(__file__).parent / "peers" / "vectorbt_cross.py"
DAY_BARS, DAY_NS, MINUTE_NS = 390, 86_400 * NANOS, 60 * NANOS
FIRST_OPEN_NS = 631_377_000 * NANOS  # 1990-01-03 14:30 UTC


def bars(count: int, symbols: tuple[str, ...] = ("SPY",), seed: int = 11) -> MarketColumns:
    """``count`` minutes in sessions of 390, a bar of every symbol in each: a seeded walk of 4 bps a minute."""
    draw = np.random.default_rng(seed)
    width = len(symbols)
    moves = draw.normal(0, 0.0004, (count, width))
    close = np.round(400 * np.exp(np.cumsum(moves - moves.mean(axis=0), axis=0)), 2)
    opened = np.vstack((np.full((1, width), 400.0), close[:-1]))
    high = np.round(np.maximum(opened, close) + np.abs(draw.normal(0, 0.05, close.shape)), 2)
    low = np.round(np.minimum(opened, close) - np.abs(draw.normal(0, 0.05, close.shape)), 2)
    volume = draw.integers(20_000, 200_000, close.shape).astype(np.float64)
    minute = np.arange(count)
    starts = FIRST_OPEN_NS + (minute // DAY_BARS) * DAY_NS + (minute % DAY_BARS) * MINUTE_NS
    events = count * width
    table = np.stack([opened, high, low, close, volume], axis=2).reshape(events, 5)
    return MarketColumns(
        symbols, starts + MINUTE_NS, np.arange(0, events + 1, width), np.zeros(events, dtype=np.int64),
        np.tile(np.arange(width), count), np.arange(events), table,
        np.stack([np.repeat(starts, width), np.full(events, 60)], axis=1), np.zeros((0, 4)),
        np.zeros(0, dtype=np.int64),
    )  # fmt: skip


def parts(symbols: tuple[str, ...] = ("SPY",), more_rules: str = "", rules: str = RULES) -> Assembly:
    """The pack of ``backtest_ema``: cross, stop, target, sizing by risk, one guard."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pack.yaml").write_text(PACK)
        (folder / "rules.yaml").write_text(rules + more_rules)
        ruleset = load_rules([folder]).ruleset
    return assemble(load_settings(None), ruleset, DataChoice("simulated", None, symbols, None, None, 1, 1))


BARE = """\
kind: strategy
name: cross
when: ["ema(close, 20) crosses above ema(close, 50)", not position.open]
then: {buy: {size: 10}}
---
kind: exit
name: out
for: [cross]
when: ema(close, 20) crosses below ema(close, 50)
then: {close: all}
"""


def bare(symbols: tuple[str, ...] = ("SPY",)) -> Assembly:
    """A cross alone: in when it goes up, out when it goes down."""
    return parts(symbols, rules=BARE)


class Took(NamedTuple):
    """Seconds on the wall, and of the processor; other work on the machine hardly adds to the second."""

    wall: float
    processor: float

    def rate(self, work: float, what: str) -> str:
        """What was done in a second, of both kinds."""
        return f"{work / self.wall:12,.0f} {what}/s ({work / self.processor:12,.0f} in a second of the processor)"


def best(work: Callable[[], object], times: int) -> Took:
    """The quickest of several runs: other work on the machine only ever adds."""
    found = []
    for _ in range(times):
        began, used = time.perf_counter(), time.process_time()
        work()
        found.append(Took(time.perf_counter() - began, time.process_time() - used))
    return Took(min(took.wall for took in found), min(took.processor for took in found))


def peer(closes: np.ndarray, fast: list[int], slow: list[int], times: int) -> str:
    """vectorbt over the same closes, in an interpreter of its own: its pins are older than ours."""
    python = os.environ.get("PEERS_PYTHON", sys.executable)
    with tempfile.TemporaryDirectory() as name:
        np.savez(Path(name) / "in.npz", closes=closes, fast=fast, slow=slow, times=times)
        command = [python, str(PEER), str(Path(name) / "in.npz")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no output"]
        return f"vectorbt          not run ({last[0]}); set PEERS_PYTHON to an interpreter that has it"
    return done.stdout.strip()
