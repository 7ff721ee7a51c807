"""From a frame of Kalshi's websocket to the order on the wire, at 10, 200 and 1,000 markets with simulated traders.

``python -m benchmarks.latency_kalshi [--samples 200]``. The practice exchange runs in a process of its own; the whole
engine is measured: frame, book, facts, rules, guards, intents on disk (SQLite, synchronous), signature (Ed25519), HTTP.
The clock starts when the frame is read from the socket and stops when the order's body is handed to the kernel.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec

from benchmarks.machine import header

NEEDED = ("httpx", "websockets", "cryptography", "uvicorn")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency_kalshi")
    parser.add_argument("--samples", type=int, default=200)
    samples = parser.parse_args().samples
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(f"not measured: {', '.join(missing)} missing; pip install -e '.[venues,simulators]'")
        return
    from benchmarks.kalshi_wire import one

    print(header("httpx", "websockets", "cryptography"))
    print("markets   median       p99   orders")
    for count in (10, 200, 1000):
        median, p99, orders = one(count, samples)
        print(f"{count:7}  {median:5.2f} ms  {p99:5.2f} ms  {orders:7}")


if __name__ == "__main__":
    main()
