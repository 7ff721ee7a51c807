"""How quickly ticks get into the store, beside the bare drivers in the same run, and how long one symbol's day takes to
read as the table grows.

Run: ``python -m benchmarks.store_ingest [--ticks N] [--largest N]``. SQLite writes into the current folder's file
system; PostgreSQL is a server of its own in the folder for temporary files, with fsync on. Rates are medians over
batches, in ticks a second. The bare drivers write the same rows to the same key and neither look for duplicates nor
replace anything: COPY of ready-made text, and ``executemany`` of ready-made rows.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path

from benchmarks.machine import header
from engine.market.marketdata import TickRow
from state.marketdata import MarketData, open_market_data
from tests import postgres

BATCH, SYMBOLS, A_DAY = 10_000, 5, 10_000
DAY_NS = 86_400 * 10**9
START = 1_704_067_200 * 10**9
PRICES = [Decimal(51_200 + number) / 100 for number in range(200)]
SIZES = [Decimal(number) for number in range(1, 100)]
READS = 9


def stream() -> Iterator[TickRow]:
    """As they come from a market: day by day, symbols in turn, ``A_DAY`` ticks of each symbol in a day."""
    step, number = DAY_NS // A_DAY, 0
    while True:
        at, symbol = divmod(number, SYMBOLS)
        yield TickRow(f"SYM{symbol}", START + at * step, PRICES[number % 200], SIZES[number % 99], "bench", 0)
        number += 1


def batches(ticks: int) -> Iterator[list[TickRow]]:
    rows = stream()
    for _ in range(ticks // BATCH):
        yield list(islice(rows, BATCH))


def rate(write: Callable[[list[TickRow]], object], given: Sequence[list[TickRow]]) -> tuple[float, float]:
    """Ticks a second: of the median batch, and of all."""
    took = []
    for batch in given:
        begin = time.perf_counter()
        write(batch)
        took.append(time.perf_counter() - begin)
    return BATCH / statistics.median(took), BATCH * len(took) / sum(took)


def show(name: str, found: tuple[float, float], ceiling: tuple[float, float] | None = None) -> None:
    share = f"   {found[0] / ceiling[0]:.2f} of the bare driver" if ceiling else ""
    print(f"{name:44} {found[0]:10,.0f} ticks/s (all in all {found[1]:,.0f}){share}")


# -- peers -------------------------------------------------------------------------------------------------------------


def bare_sqlite(folder: Path) -> Callable[[list[TickRow]], object]:
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute(
        "CREATE TABLE ticks (symbol TEXT, time_ns INTEGER, source TEXT, sequence INTEGER, price TEXT, size TEXT, "
        "PRIMARY KEY (symbol, time_ns, source, sequence)) WITHOUT ROWID"
    )

    def write(batch: list[TickRow]) -> None:
        bare.execute("BEGIN")
        rows = [(r.symbol, r.time_ns, r.source, r.sequence, str(r.price), str(r.size)) for r in batch]
        bare.executemany("INSERT INTO ticks VALUES (?, ?, ?, ?, ?, ?)", rows)
        bare.execute("COMMIT")

    return write


def bare_copy(server: postgres.Server) -> Callable[[list[TickRow]], object]:
    import psycopg

    where = f"postgresql://autotrader:{postgres.PASSWORD}@127.0.0.1:{server.port}/postgres"
    bare = psycopg.connect(where, autocommit=True)
    bare.execute(
        "CREATE TABLE bare (symbol TEXT, time_ns BIGINT, source TEXT, sequence BIGINT, price NUMERIC, size NUMERIC, "
        "PRIMARY KEY (symbol, time_ns, source, sequence))"
    )

    def write(batch: list[TickRow]) -> None:
        text = "".join(f"{r.symbol}\t{r.time_ns}\t{r.source}\t{r.sequence}\t{r.price}\t{r.size}\n" for r in batch)
        with bare.cursor() as cursor, cursor.copy("COPY bare FROM STDIN") as copy:
            copy.write(text)

    return write


# -- reading -----------------------------------------------------------------------------------------------------------


def a_day(data: MarketData, days: int) -> float:
    """Seconds to read one symbol's day, from the middle of what is there: the median of several."""
    first = START + days // 2 * DAY_NS
    took = []
    for number in range(READS):
        begin = time.perf_counter()
        rows = list(data.ticks(f"SYM{number % SYMBOLS}", first, first + DAY_NS))
        took.append(time.perf_counter() - begin)
        assert len(rows) == A_DAY
    return statistics.median(took)


def growth(stores: dict[str, MarketData], largest: int) -> None:
    print(f"\none symbol's day ({A_DAY:,} ticks) out of a table of")
    rows, there = stream(), 0
    for size in (largest // 50, largest // 5, largest):
        while there < size:
            batch = list(islice(rows, BATCH))
            for data in stores.values():
                data.upsert_ticks(batch)
            there += len(batch)
        times = {name: a_day(data, there // SYMBOLS // A_DAY) for name, data in stores.items()}
        told = ", ".join(f"{name} {seconds * 1e3:.1f} ms" for name, seconds in times.items())
        print(f"{there:12,} ticks: {told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store_ingest")
    parser.add_argument("--ticks", type=int, default=500_000, help="how many are written to measure the rate")
    parser.add_argument("--largest", type=int, default=5_000_000, help="rows of the largest table that is read from")
    asked = parser.parse_args()
    print(header())
    if missing := postgres.why_not():
        print(f"only SQLite: {missing}")
    given = list(batches(asked.ticks))
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        ceiling = rate(bare_sqlite(folder), given)
        show("SQLite, bare executemany of INSERT", ceiling)
        store = open_market_data(folder / "ours.db")
        show("SQLite, upsert_ticks, new rows", rate(store.upsert_ticks, given), ceiling)
        show("SQLite, upsert_ticks, the same rows again", rate(store.upsert_ticks, given), ceiling)
        store.close()
        stores = {"SQLite": open_market_data(folder / "growing.db")}
        if missing:
            growth(stores, asked.largest)
            return
        with postgres.running(durable=True) as server:
            ceiling = rate(bare_copy(server), given)
            show("PostgreSQL, bare COPY", ceiling)
            store = open_market_data(server.place("ours", folder))
            show("PostgreSQL, upsert_ticks, new rows", rate(store.upsert_ticks, given), ceiling)
            show("PostgreSQL, upsert_ticks, the same rows again", rate(store.upsert_ticks, given), ceiling)
            store.close()
            stores["PostgreSQL"] = open_market_data(server.place("growing", folder))
            growth(stores, asked.largest)
            stores["PostgreSQL"].close()
        stores["SQLite"].close()


if __name__ == "__main__":
    main()
