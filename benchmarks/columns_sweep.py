"""A sweep of 200 parameter sets over 100,000 bars on one core, its memory, and on both cores.

Each set is the whole pack of ``backtest_ema`` (cross, stop, target, sizing by risk, guard, fees, fills); vectorbt
beside it runs 200 bare crosses over the same closes. Best of several runs. Run:
``PEERS_PYTHON=… python -m benchmarks.columns_sweep [--bars 100000] [--times 3]``.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor

from benchmarks.column_world import Took, bars, best, parts, peer
from benchmarks.machine import header
from engine.research.sets import run_sets

FAST, SLOW = range(5, 25, 2), range(30, 70, 2)
SETS = [{"ema.cross.fast": float(f), "ema.cross.slow": float(s)} for f in FAST for s in SLOW]
_world: tuple[object, object] = (None, None)


def prepare(count: int) -> None:
    """In a worker: the data once, and the compiled code."""
    global _world
    _world = (parts(), bars(count))
    run_sets(*_world, SETS[:1])  # type: ignore[arg-type]


def share(sets: list[dict[str, float]]) -> int:
    """In a worker: some sets; how many trades they made."""
    return sum(len(result.trades) for result in run_sets(*_world, sets))  # type: ignore[arg-type]


def timed(sets: list[dict[str, float]]) -> float:
    """In a worker: seconds of the processor that some sets took."""
    began = time.process_time()
    share(sets)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bars", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    print(header("numba", "numpy"))
    prepare(options.bars)
    work = options.bars * len(SETS)
    took = best(lambda: share(SETS), options.times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    theirs = peer(bars(options.bars).bars[:, 3], [int(s["ema.cross.fast"]) for s in SETS],
                  [int(s["ema.cross.slow"]) for s in SETS], options.times)  # fmt: skip
    again = best(lambda: share(SETS), options.times)
    took = Took(min(took.wall, again.wall), min(took.processor, again.processor))
    print(
        f"{'autotrader, one core':30} {took.rate(work, 'bars x sets')}; {took.wall:.3f} s, {share(SETS)} trades, "
        f"peak memory {peak:,.0f} MB"
    )
    print(theirs)
    cores = os.cpu_count() or 1
    parts_of = [SETS[n::cores] for n in range(cores)]
    with ProcessPoolExecutor(cores, initializer=prepare, initargs=(options.bars,)) as pool:
        list(pool.map(timed, [[SETS[0]]] * cores))
        found = [(time.perf_counter(), sum(pool.map(timed, parts_of)), time.perf_counter())
                 for _ in range(options.times)]  # fmt: skip
    wall, used = min(end - begin for begin, _, end in found), min(used for _, used, _ in found)
    name = f"autotrader, {cores} processes"
    print(f"{name:30} {work / wall:12,.0f} bars x sets/s; {wall:.3f} s, {used:.3f} s of the processors in all")


if __name__ == "__main__":
    main()
