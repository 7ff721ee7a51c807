"""What ``latency_equities`` measures: one engine between a practice Polygon and a practice Tradier."""

from __future__ import annotations

import asyncio
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio._backends._asyncio as backend
from websockets.asyncio.client import ClientConnection

from connectors.calendars import calendar
from engine.cli.clock import now_ns
from engine.cli.collector import keep_what_is_there
from engine.cli.on_venue.account import recover
from engine.cli.rules import load_rules
from engine.cli.venues.port import FeedWish
from engine.cli.venues.tradier import tradier_port
from engine.decide.tick import Decider
from engine.execute.broker import VenueBroker
from engine.execute.inputs import JournaledBroker
from engine.execute.journal import JournalRecorder
from engine.execute.live import Account, LiveRun
from engine.execute.loop import Loop
from engine.execute.recovery import Recovery
from engine.execute.resume import begin_with
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.past import ages_at
from engine.plan.compiled import compiled_kernel
from engine.plan.plan import make_plan
from engine.settings import Settings
from state import Mode, RunWriter, open_store
from state.batch import Batch

SPEED = 30.0  # a bar every two seconds
PATIENCE_SECONDS = 60.0
TRADED = "SPY"
PACK = """
kind: pack
name: latency
about: One bracket a minute, in one of many symbols.
venue: tradier
timezone: America/New_York
calendar: XNYS
universe: [{universe}]
"""
RULES = """
kind: strategy
name: probe
about: Looks at every symbol as a pack does, and fires on one.
on: bar(1m)
when:
  - symbol in ["SPY"] or ema(close, 5) > close * 2
  - close > $0
then:
  buy: {size: 1, limit: close, within: 30s, bracket: {stop: close - 1%, target: close + 1%}}
---
kind: guard
name: not_too_many
about: A guard, as a pack has them.
for: entries
require: orders.open < 10000
else: {block: too many orders}
"""


class Watch:
    """When the bar of the traded symbol came, how long it took until its order left, and how long of that the store
    wrote; all in ms, and only while it ``counts``."""

    def __init__(self) -> None:
        self.counts = False
        self.bar_ns = self.wrote_ns = 0
        self.took: list[float] = []
        self.wrote: list[float] = []

    @contextmanager
    def sockets(self) -> Iterator[None]:
        """Look at what websockets tell, the store writes and the kernel is handed, as long as this lasts."""
        recv, send, flush = ClientConnection.recv, backend.SocketStream.send, Batch.flush

        async def read(connection: Any, *args: Any, **options: Any) -> Any:
            frame = await recv(connection, *args, **options)
            if self.counts and isinstance(frame, str) and f'"ev":"AM","sym":"{TRADED}"' in frame:
                self.bar_ns, self.wrote_ns = time.perf_counter_ns(), 0
            return frame

        def written(batch: Batch) -> None:
            began = time.perf_counter_ns()
            flush(batch)
            self.wrote_ns += time.perf_counter_ns() - began

        sending: Callable[[Any, bytes], Awaitable[None]] = send

        async def write(stream: Any, item: bytes) -> None:
            await sending(stream, item)
            if b"class=otoco" in item and self.bar_ns:
                self.took.append((time.perf_counter_ns() - self.bar_ns) / 1e6)
                self.wrote.append(self.wrote_ns / 1e6)
                self.bar_ns = 0

        ClientConnection.recv, backend.SocketStream.send = read, write  # type: ignore[method-assign, assignment]
        Batch.flush = written  # type: ignore[method-assign]
        try:
            yield
        finally:
            ClientConnection.recv, backend.SocketStream.send = recv, send  # type: ignore[method-assign]
            Batch.flush = flush  # type: ignore[method-assign]


async def measure(folder: Path, settings: Settings, symbols: list[str], samples: int) -> Watch:
    """What so many orders took."""
    watch, port = Watch(), tradier_port(settings)
    rules = load_rules([folder / "rules"])
    unit, cent = Decimal(1), Decimal("0.01")
    shares = {s: Instrument(s, InstrumentKind.EQUITY, cent, unit, "XNYS", lowest=cent) for s in symbols}
    plan = make_plan(rules.ruleset, symbols, {})
    decider = Decider(plan, shares, {"XNYS": calendar("XNYS")}, Decimal(100_000), kernel=compiled_kernel())
    with watch.sockets():
        async with port.connected() as desk:
            desk._found |= shares  # the practice Tradier lists a few of them only
            writer = _writer(folder, rules)
            venue, store = desk.orders(symbols), writer.live_orders()
            broker = VenueBroker(venue, store, shares, lambda c: ((), ""), print)
            recovery = Recovery(broker, print, port.recovery())
            begin_with(decider, await recover(recovery, store, writer))
            journal = JournaledBroker(broker, writer)
            loop = Loop(decider, journal, [JournalRecorder(writer, "fired")])
            async with desk.feed(symbols, FeedWish((), True, None, lambda now: ())) as feed:
                run = LiveRun(
                    loop, journal, feed, now_ns, account=Account(broker, recovery), pulse=feed.pulse,
                    every_second=writer.flush, ages=ages_at(SPEED),
                )  # fmt: skip
                keep_what_is_there()  # as `engine run` does
                stop = asyncio.Event()
                running = asyncio.create_task(run.run(stop))
                until = time.monotonic() + PATIENCE_SECONDS + 2 * samples * 60 / SPEED
                while len(watch.took) < samples and time.monotonic() < until and not running.done():
                    watch.counts = feed.known()  # at first the minute in which it began is read, of each symbol
                    await asyncio.sleep(0.05)
                stop.set()
                await running
            writer.end("done", None, {})
    return watch


def _writer(folder: Path, rules: Any) -> RunWriter:
    store = open_store(folder / "latency.db", Mode.DEMO)
    return store.begin_run(
        "demo", now_ns(), "latency", ["latency"], [], rules.ruleset.sha256, rules.files, {}, {}, {}, "benchmark",
        venue="tradier", book="latency",
    )  # fmt: skip


@contextmanager
def _practice(folder: Path, *words: str) -> Iterator[dict[str, Any]]:
    """A practice venue in a process of its own; gives what it said of itself."""
    command = [sys.executable, "-m", "engine", "simulate", *words, "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _settings(polygon: dict[str, Any], tradier: dict[str, Any]) -> Settings:
    return Settings.model_validate({
        "polygon": {"base_url": polygon["rest"], "api_key": Path(polygon["key_file"]).read_text().strip()},
        "tradier": {
            "base_url": tradier["rest"].removesuffix("/v1"), "account_id": tradier["account"],
            "access_token": Path(tradier["token_file"]).read_text().strip(), "market_data": "polygon",
        },
    })  # fmt: skip


def one(count: int, samples: int) -> tuple[float, float, float, int]:
    """Median and 99th percentile, and the median of what the store wrote, in ms, and how many orders, at so many
    symbols."""
    symbols = [TRADED, *(f"T{number:03}" for number in range(1, count))]
    with tempfile.TemporaryDirectory(prefix="latency-") as name:
        folder = Path(name)
        pack = folder / "rules" / "latency"
        pack.mkdir(parents=True)
        (pack / "pack.yaml").write_text(PACK.format(universe=", ".join(symbols)))
        (pack / "rules.yaml").write_text(RULES)
        day = ("--date", "2025-10-15", "--start", "09:31", "--speed", str(SPEED))
        keys = str(folder / "polygon")
        with (
            _practice(
                folder, "polygon", "--symbols", ",".join(symbols), "--refuse", "Q", "--folder", keys, *day
            ) as polygon,
            _practice(folder, "tradier", "--unlimited", "--clock", polygon["rest"], "--folder", "tradier") as tradier,
        ):
            watch = asyncio.run(measure(folder, _settings(polygon, tradier), symbols, samples))
    took, wrote = watch.took, watch.wrote
    return statistics.median(took), statistics.quantiles(took, n=100)[98], statistics.median(wrote), len(took)
