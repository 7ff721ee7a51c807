"""What the store costs: a commit that an order waits for, the journal of inputs for each tick, a look at the kill
switch, and a tick of a whole run with everything kept.

Run: ``python -m benchmarks.store``. The store is made in the current folder's file system, because that disk is what
commits wait for; PostgreSQL is a server of its own in the folder for temporary files. Times are medians in
microseconds; sizes are bytes on disk.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.machine import header
from connectors.simulated import SimulatedSource
from engine.market.events import Tick
from engine.market.orders import Fill, Leg, Order, OrderType, Side
from state import Place, RunWriter, Store, open_store
from state.inputs import InputEncoder, decode
from tests import postgres

COMMITS, LOOKS, TICKS, BLOCK = 500, 5_000, 20_000, 128
START = 1_709_649_000_000_000_000


def median(work: Callable[[int], object], times: int) -> tuple[float, float]:
    """Median and 99th percentile of one call, in microseconds."""
    took = []
    for number in range(times):
        begin = time.perf_counter()
        work(number)
        took.append((time.perf_counter() - begin) * 1e6)
    took.sort()
    return statistics.median(took), took[int(times * 0.99)]


def begin(store: Store) -> RunWriter:
    return store.begin_run("paper", START, "t", [], [], "s", {}, {}, {}, {}, "1", cash=Decimal(1_000_000))


def bracket(number: int) -> list[Order]:
    common = ("s.a", "s.a", START)
    entry = Order(f"e{number}", "SPY", Side.BUY, Decimal(10), OrderType.MARKET, Leg.ENTRY, *common)
    stop = Order(f"s{number}", "SPY", Side.SELL, Decimal(10), OrderType.STOP, Leg.STOP, *common, stop=Decimal(99))
    return [entry, stop]


def commits(folder: Path) -> None:
    """An entry with its stop is written down: what a fill's latency pays for surviving a power cut."""
    for mode in ("FULL", "NORMAL"):
        store = open_store(folder / f"{mode}.db")
        store._connection.execute(f"PRAGMA synchronous = {mode}")
        writer = begin(store)
        middle, late = median(lambda number, w=writer: w.orders(bracket(number)), COMMITS)  # type: ignore[misc]
        print(f"intents of a bracket, synchronous {mode:6}  {middle:8.1f} us, 99 % within {late:.1f} us")
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE t (a)")
    middle, late = median(lambda number: bare.execute("INSERT INTO t VALUES (?)", (number,)), COMMITS)
    print(f"one row, synchronous FULL                 {middle:8.1f} us, 99 % within {late:.1f} us")


def fills(place: Place) -> None:
    """A fill is booked: looked up, posted, its order told; written with the next batch."""
    writer = begin(open_store(place))
    writer.orders([bracket(number)[0] for number in range(COMMITS)])

    def book(number: int) -> None:
        what = (f"f{number}", f"e{number}", "SPY", "s.a", Side.BUY)
        writer.fill(Fill(*what, Decimal(10), Decimal("100.01"), Decimal(1), START, Leg.ENTRY))

    middle, late = median(book, COMMITS)
    print(f"a fill booked                             {middle:8.1f} us, 99 % within {late:.1f} us")


def looks(place: Place) -> None:
    halts = open_store(place).halts
    middle, _ = median(lambda number: halts.look(), LOOKS)
    print(f"a look at the kill switch                 {middle:8.1f} us")


def database(folder: Path) -> None:
    """The same in PostgreSQL, on this machine, with fsync on: a question goes to the server and back."""
    if missing := postgres.why_not():
        print(f"nothing of PostgreSQL: {missing}")
        return
    with postgres.running(durable=True) as server:
        print("PostgreSQL:")
        writer = begin(open_store(server.place("commits", folder)))
        middle, late = median(lambda number: writer.orders(bracket(number)), COMMITS)
        print(f"intents of a bracket                      {middle:8.1f} us, 99 % within {late:.1f} us")
        fills(server.place("fills", folder))
        looks(server.place("looks", folder))


def inputs(ticks: list[Tick]) -> None:
    """Encoding and compressing in blocks, and reading back."""
    events = sum(len(tick.events) for tick in ticks)
    encoder, blocks = InputEncoder(), []
    began = time.perf_counter()
    for number, tick in enumerate(ticks, 1):
        encoder.add(tick)
        if number % BLOCK == 0:
            blocks.append(encoder.take()[3])
    wrote = time.perf_counter() - began
    size = sum(map(len, blocks))
    began = time.perf_counter()
    read = sum(1 for block in blocks for _ in decode(block))
    back = time.perf_counter() - began
    print(
        f"inputs, {events / len(ticks):.1f} events a tick               {wrote / len(ticks) * 1e6:8.1f} us a tick, "
        f"{size / read:.0f} bytes a tick; {back / read * 1e6:.1f} us to read one"
    )


def main() -> None:
    print(header("numpy"))
    start = datetime(2024, 3, 5, 9, 30, tzinfo=ZoneInfo("America/New_York"))
    ticks = list(islice(SimulatedSource(["QQQ", "SPY", "SPX"], start, seed=7).ticks(), TICKS))
    with tempfile.TemporaryDirectory(dir=".") as name:
        commits(Path(name))
        fills(Path(name) / "fills.db")
        looks(Path(name) / "halts.db")
        database(Path(name))
    inputs(ticks)


if __name__ == "__main__":
    main()
