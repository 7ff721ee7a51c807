"""What the benchmarks of the column engine share: bars in memory, the EMA pack of ``backtest_ema``, the peer."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

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


def parts(symbols: tuple[str, ...] = ("SPY",), more_rules: str = "") -> Assembly:
    """The pack of ``backtest_ema``: cross, stop, target, sizing by risk, one guard."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pack.yaml").write_text(PACK)
        (folder / "rules.yaml").write_text(RULES + more_rules)
        ruleset = load_rules([folder]).ruleset
    return assemble(load_settings(None), ruleset, DataChoice("simulated", None, symbols, None, None, 1, 1))


def best(work: Callable[[], object], times: int) -> float:
    """Seconds of the quickest of several runs: other work on the machine only ever adds."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


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
