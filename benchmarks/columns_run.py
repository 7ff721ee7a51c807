"""One back-test over columns in memory: EMA 20/50 cross with stop, target, sizing by risk and a guard, 500,000 bars.

Beside it vectorbt's bare cross over the same closes. Ours counts everything from the columns to trades, equity and
``decisions_sha256``; reading files is not part of it (``backtest_ema`` measures that). Best of several runs. Run:
``PEERS_PYTHON=… python -m benchmarks.columns_run [--bars 500000] [--times 5]``.
"""

from __future__ import annotations

import argparse
import time

from benchmarks.column_world import bars, best, parts, peer
from benchmarks.machine import header
from engine.research.columns.compiled import compiled_machine
from engine.research.sets import SetResult, run_sets


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bars", type=int, default=500_000)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    print(header("numba", "numpy"))
    assembly, market, found = parts(), bars(options.bars), list[SetResult]()

    def run() -> None:
        found[:] = run_sets(assembly, market, [{}])
        assert found[0].decisions_sha256

    began = time.perf_counter()
    compiled_machine()
    run()
    warm = time.perf_counter() - began
    seconds = best(run, options.times)
    result = found[0]
    print(f"first run, with loading of compiled code from disk (or compiling it): {warm:.1f} s")
    print(
        f"autotrader        {options.bars / seconds:12,.0f} bars/s         ({seconds:.3f} s, "
        f"{len(result.trades)} trades, engine {result.engine}, best of {options.times})"
    )
    print(peer(market.bars[:, 3], [20], [50], options.times))


if __name__ == "__main__":
    main()
