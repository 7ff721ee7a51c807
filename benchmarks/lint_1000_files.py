"""``engine lint`` on 1,000 rule files, start-up included, with the grammar's tables already in the cache.

Every file is a strategy of its own: two parameters, two lets, two conditions, a size, a bracket and a cooldown; no two
files share an expression other than the indicators. One file holds the tests, so that there is nothing to report.
Run: ``python -m benchmarks.lint_1000_files``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import header

FILES = 1_000
RUNS = 5
PACK = """\
kind: pack
name: bench
venue: paper
timezone: America/New_York
calendar: XNYS
universe: [SPY]
limits: {notional: $10000}
timeframe: 1m
"""
STRATEGY = """\
kind: strategy
name: cross_{n}
about: Number {n} of a thousand crossovers.
on: bar(1m)
params:
  fast: {{default: {fast}, search: [{fast}, {next}]}}
  slow: {{default: {slow}, min: 20, max: 300, step: 10}}
let:
  fast_ema: ema(close, fast)
  slow_ema: ema(close, slow)
when:
  - fast_ema crosses above slow_ema + {bps}bps
  - close > slow_ema * 1.{n:04} and rsi(close, 14) < {strength:.2f}
cooldown: 15m
then:
  buy:
    size: risk_size(${risk}, stop_distance = 1.5 * atr(14))
    bracket:
      stop: close - 1.{n:04} * atr(14)
      target: close + 3.{n:04} * atr(14)
"""
TEST = """\
kind: test
name: all of them, once each way
rules: ["*"]
given: {symbol: SPY, bars(1m): {close: "500x400"}}
expect:
  - {at: 300m, rule: "cross_*", is: fired}
  - {at: 301m, rule: "cross_*", is: silent}
"""


def write(folder: Path) -> None:
    (folder / "pack.yaml").write_text(PACK)
    (folder / "tests.yaml").write_text(TEST)
    for n in range(FILES):
        fast, slow = 5 + n % 40, 50 + n % 97
        text = STRATEGY.format(
            n=n, fast=fast, next=fast + 1, slow=slow, bps=n % 90 + 1, strength=50 + n / 100, risk=50 + n
        )
        (folder / f"cross_{n:04}.yaml").write_text(text)


def seconds(folder: Path) -> float:
    """Wall time of one run, from before the interpreter starts to after it has ended."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "engine", "lint", str(folder)], capture_output=True, text=True)
    took = time.perf_counter() - began
    if done.returncode != 0:
        raise SystemExit(f"lint found something:\n{done.stdout[:2000]}{done.stderr[:2000]}")
    return took


def main() -> None:
    print(header("lark", "pydantic", "PyYAML"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "bench"
        folder.mkdir()
        write(folder)
        seconds(folder)  # warms the caches of the grammar and of the interpreter
        runs = [seconds(folder) for _ in range(RUNS)]
    print(f"{FILES:,} files: {statistics.median(runs):.2f} s (median of {RUNS}, best {min(runs):.2f} s)")


if __name__ == "__main__":
    main()
