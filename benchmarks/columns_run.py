"""One back-test over columns in memory: EMA 20/50 cross with stop, target, sizing by risk and a guard, 500,000 bars.

Beside it vectorbt's bare cross over the same closes, total return and trades. Ours counts everything from the columns
to trades and equity, without and with ``decisions_sha256``; the bare cross alone, too, which is vectorbt's job. Reading
files is not part of it (``backtest_ema`` measures that). "New data" is a run over columns that no run has seen: clocks
and rows are laid out first. Best of several runs, before and after the peer's. Run:
``PEERS_PYTHON=… python -m benchmarks.columns_run [--bars 500000] [--times 5]``.
"""

from __future__ import annotations

import argparse
import pickle
import time

from benchmarks.column_world import Took, bare, bars, best, parts, peer
from benchmarks.machine import header
from engine.cli.assemble import Assembly
from engine.market.columns import MarketColumns
from engine.research.columns.compiled import compiled_machine
from engine.research.sets import SetResult, run_sets


def once(assembly: Assembly, market: MarketColumns, hashed: bool = False) -> SetResult:
    (found,) = run_sets(assembly, market, [{}])
    assert found.engine == "columns"
    assert not hashed or found.decisions_sha256
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bars", type=int, default=500_000)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    print(header("numba", "numpy"))
    whole, cross, market = parts(), bare(), bars(options.bars)
    unseen = [pickle.loads(pickle.dumps(market)) for _ in range(2 * options.times)]
    began = time.perf_counter()
    compiled_machine()
    once(whole, market, True)
    print(f"first run, with loading of compiled code from disk (or compiling it): {time.perf_counter() - began:.1f} s")
    jobs = {
        "whole pack": lambda: once(whole, market),
        "whole pack, new data": lambda: once(whole, unseen.pop()),
        "whole pack, decisions hashed": lambda: once(whole, market, True),
        "bare cross": lambda: once(cross, market),
    }
    before = {name: best(work, options.times) for name, work in jobs.items()}
    theirs = peer(market.bars[:, 3], [20], [50], options.times)
    for name, work in jobs.items():
        again = best(work, options.times)
        took = Took(min(before[name].wall, again.wall), min(before[name].processor, again.processor))
        trades = len(once(cross if name == "bare cross" else whole, market).trades)
        print(f"{name:30} {took.rate(options.bars, 'bars')}; {took.wall:.3f} s, {trades} trades")
    print(theirs)


if __name__ == "__main__":
    main()
