"""What a capture costs: records written and read in a second, and bytes on disk, beside JSON lines in gzip.

Run: ``python -m benchmarks.capture [RECORDS]``. The data is a made-up stream from a seed: 20 markets with 40 levels a
side; of ten events six change a book, two are tickers, two are trades, and every eighth one ends a batch that is told.
Both sides keep the same records with the same fields, book changes as the levels that changed. JSON lines go through
``gzip`` at its usual level 6 and at 1, with one fsync at the end; the capture is synced after every frame, as always.
Reading gives the connector's checked values for a capture and plain dictionaries for JSON. Rates are by processor time,
which other work on the machine does not change; "with disk" is by the clock, and has the waits for syncs in it.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.machine import header
from connectors.capture.codec import Maker
from connectors.capture.kalshi.tape import KalshiTape
from connectors.capture.reader import Capture
from connectors.capture.source import CapturedMarkets
from connectors.capture.writer import CaptureFile, CaptureWriter
from connectors.kalshi.book import Book
from connectors.kalshi.events import StreamEvent
from connectors.kalshi.fees import FeeChange, FeeSchedule, FeeType
from connectors.kalshi.grid import PriceGrid, PriceRange
from connectors.kalshi.listing import Listing
from connectors.kalshi.models.exchange import ExchangeStatus
from connectors.kalshi.models.markets import MarketStatus
from connectors.kalshi.models.stream import PublicTrade, Ticker
from connectors.kalshi.states import MarketState
from connectors.kalshi.teller import Reading
from engine.market.events import NANOS

RECORDS, MARKETS, LEVELS, ROUNDS = 200_000, 20, 40, 3
START = 1_796_400_000 * NANOS
CENT = Decimal("0.01")
Change = tuple[str, dict[Decimal, Decimal], dict[Decimal, Decimal]]
Step = Change | StreamEvent | int


def steps(count: int) -> list[Step]:
    """The stream: changes of books, events, and instants (int) at which what came is told."""
    random, found, now = Random(7), list[Step](), START
    tickers = [f"KXBENCH-26NOV21-{number:03d}" for number in range(MARKETS)]
    for ticker in tickers:
        found.append((ticker, {CENT * n: Decimal(100) for n in range(5, 5 + LEVELS)},
                      {CENT * n: Decimal(100) for n in range(55, 55 + LEVELS)}))  # fmt: skip
    for number in range(count):
        now += random.randrange(200_000, 4_000_000)
        ticker, draw = random.choice(tickers), random.random()
        if number % 8 == 7:
            found.append(now)
        elif draw < 0.6:
            level = {CENT * random.randrange(5, 45): Decimal(random.randrange(1, 90_000)) / 100}
            asks = {price + CENT * 50: size for price, size in level.items()}
            found.append((ticker, level, {}) if draw < 0.3 else (ticker, {}, asks))
        else:
            found.append(StreamEvent(now, _ticker(ticker, random) if draw < 0.8 else _trade(ticker, random, now)))
    return found


def _ticker(name: str, random: Random) -> Ticker:
    return Ticker.model_validate({
        "market_ticker": name, "price_dollars": f"0.{random.randrange(10, 90)}00", "yes_bid_dollars": "0.4400",
        "yes_ask_dollars": "0.5500", "yes_bid_size_fp": f"{random.randrange(1, 900)}.00", "yes_ask_size_fp": "55.00",
        "volume_fp": f"{random.randrange(1000, 99_000)}.00", "open_interest_fp": "700.00",
        "last_trade_size_fp": "3.00", "dollar_volume": random.randrange(99_000), "dollar_open_interest": 350,
        "ts_ms": START // 1_000_000,
    })  # fmt: skip


def _trade(name: str, random: Random, now: int) -> PublicTrade:
    cents = random.randrange(1, 99)
    return PublicTrade.model_validate({
        "trade_id": f"{random.getrandbits(128):032x}", "market_ticker": name, "yes_price_dollars": f"0.{cents:02d}00",
        "no_price_dollars": f"0.{100 - cents:02d}00", "count_fp": f"{random.randrange(1, 99)}.00",
        "taker_outcome_side": random.choice(["yes", "no"]), "taker_book_side": "bid", "is_block_trade": False,
        "ts_ms": now // 1_000_000,
    })  # fmt: skip


def states() -> list[MarketState]:
    grid = PriceGrid((PriceRange(Decimal(0), Decimal(1), CENT),))
    return [
        MarketState(
            f"KXBENCH-26NOV21-{number:03d}", "KXBENCH-26NOV21", MarketStatus.ACTIVE, START, START * 2, True, grid, 0
        )
        for number in range(MARKETS)
    ]


def reading() -> Reading:
    charged = FeeSchedule((FeeChange(0, FeeType.QUADRATIC, Decimal(1)),), (FeeChange(0, None, None),))
    exchange = ExchangeStatus(exchange_active=True, trading_active=True)
    return Reading(START, exchange, states(), {state.ticker: charged for state in states()})


def write_capture(path: Path, stream: list[Step]) -> None:
    books = {state.ticker: Book(state.ticker) for state in states()}
    listings = {ticker: Listing("Yes", "No", "") for ticker in books}
    now, pulse = START, START
    with CaptureWriter(CaptureFile(path), lambda: START, Maker("benchmark", "", "a benchmark")) as writer:
        tape = KalshiTape(writer)
        tape.begin(states(), listings, reading())
        for step in stream:
            if isinstance(step, int):
                now = step
                tape.told(now)
                if now >= pulse:
                    pulse += NANOS
                    tape.pulse(now)
            elif isinstance(step, StreamEvent):
                tape.heard(step)
            else:
                ticker, bids, asks = step
                books[ticker].put(bids, asks)
                tape.book(ticker, now, books[ticker], changed=True)


def write_json(path: Path, stream: list[Step], level: int) -> None:
    books = {state.ticker: Book(state.ticker) for state in states()}
    now = START
    with path.open("wb") as raw:
        with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=level) as out:
            for step in stream:
                if isinstance(step, tuple) and not isinstance(step, StreamEvent):
                    books[step[0]].put(*step[1:])  # the book is kept by whoever writes
                out.write((json.dumps(_plain(step, now)) + "\n").encode())
                now = step if isinstance(step, int) else now
        raw.flush()
        os.fsync(raw.fileno())


def _plain(step: Step, now: int) -> dict[str, Any]:
    if isinstance(step, int):
        return {"kind": "told", "time_ns": step}
    if isinstance(step, StreamEvent):
        kind = type(step.body).__name__.lower()
        fields = {n: v if isinstance(v, int | bool) else str(v) for n, v in step.body}
        return {"kind": kind, "time_ns": step.received_ns, **fields}
    ticker, *sides = step
    bids, asks = ({str(price): str(size) for price, size in side.items()} for side in sides)
    return {"kind": "book", "time_ns": now, "ticker": ticker, "bids": bids, "asks": asks}


def read_capture(path: Path) -> int:
    return sum(1 for _ in Capture(path).entries())


def read_json(path: Path) -> int:
    with gzip.open(path, "rb") as lines:
        return sum(1 for line in lines if json.loads(line))


def replay(path: Path) -> int:
    """To ticks, with the facts of quotes, depth and trades."""
    markets = CapturedMarkets(path)
    names = ("yes.bid", "yes.ask", "book.imbalance", "market.last", "market.tradable", "trades.volume")
    return sum(1 for _ in markets.ticks_of(list(markets.instruments), names).ticks())


def best(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of processor and by the clock, each of the quickest of some rounds."""
    took = []
    for _ in range(ROUNDS):
        begin, began = time.process_time(), time.perf_counter()
        work()
        took.append((time.process_time() - begin, time.perf_counter() - began))
    return min(cpu for cpu, _ in took), min(clock for _, clock in took)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    print(header("msgpack", "backports.zstd"))
    stream = steps(count)
    print(f"data: {len(stream)} records of {MARKETS} markets, seed 7; the quickest of {ROUNDS} rounds\n")
    print(f"{'':24}{'written':>14}{'with disk':>14}{'read':>14}{'bytes':>12}{'a record':>10}")
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        capture = folder / "bench.cap"

        def write() -> None:
            capture.unlink(missing_ok=True)
            write_capture(capture, stream)

        line("capture", best(write), best(lambda: read_capture(capture)), capture, len(stream))
        for level in (6, 1):
            path = folder / f"bench-{level}.jsonl.gz"
            written = best(lambda path=path, level=level: write_json(path, stream, level))  # type: ignore[misc]
            line(f"JSON lines, gzip -{level}", written, best(lambda path=path: read_json(path)), path, len(stream))  # type: ignore[misc]
        seconds, _ = best(lambda: replay(capture))
        print(f"\nreplayed to ticks with six facts: {len(stream) / seconds:,.0f} records/s")


def line(name: str, written: tuple[float, float], read: tuple[float, float], path: Path, count: int) -> None:
    size, rates = path.stat().st_size, [count / seconds for seconds in (*written, read[0])]
    print(f"{name:24}" + "".join(f"{rate:>12,.0f}/s" for rate in rates) + f"{size:>12,}{size / count:>10.1f}")


if __name__ == "__main__":
    main()
