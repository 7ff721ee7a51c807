"""Event-driven back-test: EMA 20/50 cross with stop and target on 500,000 one-minute bars, beside backtesting.py.

Both take the same crosses with the same stop (0.2 %) and target (0.4 %). Ours is the whole engine: CSV files read and
checked, a guard, sizing by risk, brackets, fees, slippage, fills, statistics, equity per bar. The peer runs a bare
cross (no guard, no sizing, no fees) over the same bars already in memory, through its own fastest documented
use. Run: ``python -m benchmarks.backtest_ema [--bars 500000] [--memory]``.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.machine import header

PACK = """\
kind: pack
name: ema
venue: paper
timezone: America/New_York
calendar: XNYS
timeframe: 1m
universe: [SPY]
limits: {quantity: 100}
"""
RULES = """\
kind: strategy
name: cross
params:
  fast: {default: 20}
  slow: {default: 50}
let:
  fast_ema: ema(close, fast)
  slow_ema: ema(close, slow)
when:
  - fast_ema crosses above slow_ema
  - not position.open
then:
  buy:
    size: risk_size($50, stop_distance = 0.2% * close)
    bracket: {stop: close - 0.2% * close, target: close + 0.4% * close}
---
kind: guard
name: one_position
for: entries
require: positions.count < 1
else: {block: a position is open}
"""
DAY_BARS = 430  # a session and 40 minutes after it, so that five million bars fit between 1990 and 2035


def write_bars(folder: Path, count: int) -> None:
    """Seeded minute bars in the flat-file layout, one file a day."""
    draw, price, written = random.Random(11), 400.0, 0
    day = datetime(1990, 1, 3, 14, 30, tzinfo=UTC)
    while written < count:
        if day.weekday() < 5:
            target = folder / f"{day:%Y}" / f"{day:%m}"
            target.mkdir(parents=True, exist_ok=True)
            lines = ["ticker,volume,open,close,high,low,window_start,transactions"]
            for minute in range(min(DAY_BARS, count - written)):
                opened = price
                price = max(price * (1 + draw.gauss(0, 0.0004)), 1.0)
                high, low = max(opened, price) + abs(draw.gauss(0, 0.05)), min(opened, price) - abs(draw.gauss(0, 0.05))
                start = int((day + timedelta(minutes=minute)).timestamp()) * 1_000_000_000
                volume = draw.randint(20_000, 200_000)
                lines.append(f"SPY,{volume},{opened:.2f},{price:.2f},{high + 0.01:.2f},{low - 0.01:.2f},{start},")
                written += 1
            (target / f"{day:%Y-%m-%d}.csv").write_text("\n".join(lines) + "\n")
        day += timedelta(days=1)


def ours(folder: Path, bars: int) -> None:
    from engine.cli.assemble import DataChoice, assemble
    from engine.cli.backtest import run_backtest
    from engine.cli.rules import load_rules
    from engine.plan.compiled import compiled_kernel
    from engine.settings import load_settings

    rules = folder / "rules"
    rules.mkdir()
    (rules / "pack.yaml").write_text(PACK)
    (rules / "rules.yaml").write_text(RULES)
    choice = DataChoice("replay", folder / "bars", ("SPY",), None, None, 1, 1)
    assembly = assemble(load_settings(None), load_rules([rules]).ruleset, choice)
    began = time.perf_counter()
    compiled_kernel()
    assembly.decider()
    compiled = time.perf_counter() - began
    result, _ = run_backtest(assembly, "ema", False)
    print(
        f"autotrader       {bars / result.seconds:10,.0f} bars/s  ({result.seconds:.2f} s, "
        f"{len(result.trades)} trades, "
        f"reading files included; loading compiled code {compiled:.2f} s, not included)"
    )


def peer(folder: Path, bars: int) -> None:
    try:
        import backtesting
        import pandas
    except ImportError as error:
        print(f"backtesting.py    not installed ({error.name})")
        return
    frames = [pandas.read_csv(path) for path in sorted((folder / "bars").rglob("*.csv"))]
    data = pandas.concat(frames).rename(columns=str.title)
    data.index = pandas.to_datetime(data["Window_Start"])

    def ema(values: object, length: int) -> object:
        return pandas.Series(values).ewm(span=length, adjust=False).mean()

    class Cross(backtesting.Strategy):  # type: ignore[misc]
        def init(self) -> None:
            self.fast = self.I(ema, self.data.Close, 20)
            self.slow = self.I(ema, self.data.Close, 50)

        def next(self) -> None:
            if not self.position and self.fast[-1] > self.slow[-1] and self.fast[-2] <= self.slow[-2]:
                price = self.data.Close[-1]
                self.buy(size=10, sl=price * 0.998, tp=price * 1.004)

    test = backtesting.Backtest(data, Cross, cash=100_000, commission=0.0, finalize_trades=True)
    began = time.perf_counter()
    found = test.run()
    seconds = time.perf_counter() - began
    print(
        f"backtesting.py   {bars / seconds:10,.0f} bars/s  ({seconds:.2f} s, {found['# Trades']} trades, "
        "bare cross with stop and target)"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bars", type=int, default=500_000)
    parser.add_argument("--memory", action="store_true", help="ours only, and the peak memory of the process")
    options = parser.parse_args()
    print(header("numba", "numpy", "backtesting"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_bars(folder / "bars", options.bars)
        ours(folder, options.bars)
        if options.memory:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"peak memory      {peak:10,.0f} MB over {options.bars:,} bars, three passes")
        else:
            peer(folder, options.bars)


if __name__ == "__main__":
    main()
