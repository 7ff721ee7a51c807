"""From a minute bar of Polygon's websocket to the bracket on the wire to Tradier, at 5, 50 and 500 symbols.

``python -m benchmarks.latency_equities [--samples 60]``. The practice Polygon and the practice Tradier run in processes
of their own; the whole engine is measured: frame, bars, averages, rules, guards, intents on disk (SQLite, synchronous),
HTTP. Every minute all symbols tell their bar in the same moment, every symbol has a rule that looks at it, and one
symbol's rule fires; what has not filled after half a minute is taken off. The market runs 30 times as fast as a real
one, so that the engine looks at its account 30 times as often, and is told without quotes, of which that would be 30
times as many. The clock starts when the frame with that symbol's bar has been read and stops when the order's body is
handed to the kernel. ``disk`` is what of it the store wrote, mostly waiting until the disk said that it has the order;
``load`` is how many processes wanted one of the machine's cores in the last minute, on average.
"""

from __future__ import annotations

import argparse
import os
from importlib.util import find_spec

from benchmarks.machine import header

NEEDED = ("httpx", "websockets", "uvicorn")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency_equities")
    parser.add_argument("--samples", type=int, default=60)
    samples = parser.parse_args().samples
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(f"not measured: {', '.join(missing)} missing; pip install -e '.[venues,simulators]'")
        return
    from benchmarks.equities_wire import one

    print(header("httpx", "websockets"))
    print("symbols    median        p99  of which disk   orders  load", flush=True)
    for count in (5, 50, 500):
        median, p99, disk, orders = one(count, samples)
        load = os.getloadavg()[0]
        print(f"{count:7}  {median:6.2f} ms  {p99:6.2f} ms  {disk:9.2f} ms  {orders:7}  {load:4.1f}", flush=True)


if __name__ == "__main__":
    main()
