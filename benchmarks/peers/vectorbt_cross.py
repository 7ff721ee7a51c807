"""vectorbt's own fastest documented use for a bare cross: MA.run over all windows, from_signals, total return.

Run by the benchmarks in an interpreter that has vectorbt; the file named on the command line holds closes and windows.
No stop, no target, no sizing, no guard, no fees.
"""

import sys
import time

import numpy as np
import pandas as pd
import vectorbt as vbt


def main() -> None:
    given = np.load(sys.argv[1])
    index = pd.date_range("1990-01-03", periods=len(given["closes"]), freq="min")
    closes = pd.Series(given["closes"], index=index)
    fast, slow = given["fast"].tolist(), given["slow"].tolist()

    def run() -> tuple[float, int]:
        quick = vbt.MA.run(closes, fast, ewm=True, short_name="fast")
        long = vbt.MA.run(closes, slow, ewm=True, short_name="slow")
        entries, exits = quick.ma_crossed_above(long), quick.ma_crossed_below(long)
        portfolio = vbt.Portfolio.from_signals(closes, entries, exits, freq="1min", init_cash=100_000)
        return float(np.mean(portfolio.total_return())), int(np.sum(portfolio.trades.count()))

    run()
    found = []
    for _ in range(int(given["times"])):
        began, used = time.perf_counter(), time.process_time()
        _, trades = run()
        found.append((time.perf_counter() - began, time.process_time() - used))
    wall, processor = min(wall for wall, _ in found), min(used for _, used in found)
    work = len(closes) * len(fast)
    print(
        f"{'vectorbt ' + vbt.__version__:30} {work / wall:12,.0f} bars x sets/s ({work / processor:12,.0f} in a second "
        f"of the processor); {wall:.3f} s, {trades} trades, bare cross, {len(fast)} sets"
    )


main()
