"""What ``latency_kalshi`` measures: one engine on one practice exchange, with a watch on its sockets."""

from __future__ import annotations

import asyncio
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio._backends._asyncio as backend
import httpx

from connectors.calendars import calendar
from connectors.kalshi.client import KalshiRest
from connectors.kalshi.hosts import loopback_hosts
from connectors.kalshi.sign import load_signer
from connectors.kalshi.source import KalshiFeed, find_markets, instrument_of
from connectors.kalshi.stream import KalshiStream
from connectors.kalshi.venue import KalshiVenue
from connectors.simulators.kalshi.listings import many
from engine.cli.on_venue.account import recover
from engine.cli.rules import load_rules
from engine.decide.tick import Decider
from engine.execute.broker import VenueBroker
from engine.execute.inputs import JournaledBroker
from engine.execute.journal import JournalRecorder
from engine.execute.live import Account, LiveRun
from engine.execute.loop import Loop
from engine.execute.recovery import Recovery
from engine.execute.resume import begin_with
from engine.plan.compiled import compiled_kernel
from engine.plan.plan import make_plan
from state import Mode, RunWriter, open_store

PACK = """
kind: pack
name: latency
about: One order whenever somebody bids for a great many contracts.
venue: kalshi
timezone: UTC
calendar: 24/7
universe: [{universe}]
"""
RULES = """
kind: strategy
name: probe
about: Fires on the probe's bid and on nothing else.
on: quote
when: [market.tradable, book.bid_depth >= 5000, market.spread <= 90%, age(book.bid_depth) < 60s]
then:
  buy: {size: 1, limit: 1c}
---
kind: guard
name: not_too_many
about: A guard, as a pack has them.
for: entries
require: positions.count < 50
else: {block: too many positions}
"""
PROBE = "6000"


class Watch:
    """When the frame behind each order came, and when the order left (UTC ns)."""

    def __init__(self) -> None:
        self.batch_ns = 0
        self.frames: dict[str, int] = {}
        self.wires: dict[str, int] = {}
        self.left = asyncio.Event()

    def feed(self, feed: KalshiFeed, stream: KalshiStream) -> None:
        take = stream.take

        async def timed() -> Any:
            taken = await take()
            self.batch_ns = min(event.received_ns for event in taken)
            return taken

        stream.take = timed  # type: ignore[method-assign]

    def broker(self, broker: VenueBroker) -> None:
        send = broker.venue.send

        async def timed(order: Any) -> Any:
            return await send(order)

        dispatch = broker.dispatch

        def noted(spawn: Callable[..., object]) -> None:
            for step in broker._outbox:
                if hasattr(step, "wire"):
                    self.frames[step.wire.client_id] = self.batch_ns
            dispatch(spawn)

        broker.dispatch = noted  # type: ignore[method-assign]
        broker.venue.send = timed  # type: ignore[method-assign]

    def wire(self) -> None:
        send: Callable[[Any, bytes], Awaitable[None]] = backend.SocketStream.send

        async def timed(stream: Any, item: bytes) -> None:
            await send(stream, item)
            now = time.time_ns()
            if b'"client_order_id"' in item:
                self.wires[json.loads(item)["client_order_id"]] = now
                self.left.set()

        backend.SocketStream.send = timed  # type: ignore[method-assign, assignment]


async def measure(folder: Path, said: dict[str, Any], tickers: list[str], samples: int) -> list[float]:
    """Milliseconds of each order."""
    root = said["rest"].removesuffix("/trade-api/v2")
    key = next(k for k in said["keys"] if "BEGIN PRIVATE" in (folder / k["pem"]).read_text())  # PKCS#8: Ed25519
    hosts, signer = loopback_hosts(root), load_signer(key["key_id"], folder / key["pem"])
    watch = Watch()
    watch.wire()
    async with KalshiRest(hosts, signer) as rest:
        await rest.exchange.adopt_limits()
        markets = await find_markets(rest, tickers)
        rules = load_rules([folder / "rules"])
        instruments = {ticker: instrument_of(market) for ticker, market in markets.items()}
        plan = make_plan(rules.ruleset, sorted(tickers), {})
        decider = Decider(plan, instruments, {"24/7": calendar("24/7")}, Decimal(1000), kernel=compiled_kernel())
        names = {k.name for p in plan.symbols.values() for k in p.program.inputs if k.what in ("fact", "time")}
        stream = KalshiStream(hosts, signer)
        feed = KalshiFeed(rest, stream, markets.values(), names, time.time_ns, account=True)
        await feed.read_terms()
        watch.feed(feed, stream)
        writer = _writer(folder, rules, len(tickers))
        venue = KalshiVenue(rest, {ticker: m.exchange_index for ticker, m in markets.items()})
        store = writer.live_orders()
        broker = VenueBroker(venue, store, instruments, lambda c: ((), ""), print)
        watch.broker(broker)
        recovery = Recovery(broker, print)
        begin_with(decider, await recover(recovery, store, writer))
        journal = JournaledBroker(broker, writer)
        loop = Loop(decider, journal, [JournalRecorder(writer, "fired")])
        run = LiveRun(
            loop, journal, feed, time.time_ns, account=Account(broker, recovery), pulse=feed.pulse,
            every_second=writer.flush,
        )  # fmt: skip
        async with stream:
            stop = asyncio.Event()
            running = asyncio.create_task(run.run(stop))
            while not run.ready:
                await asyncio.sleep(0.01)
            await _probe(said, folder, [tickers[i % len(tickers)] for i in range(samples)], watch, feed)
            stop.set()
            await running
        writer.end("done", None, {})
    return [(watch.wires[i] - watch.frames[i]) / 1e6 for i in watch.wires if i in watch.frames]


async def _probe(said: dict[str, Any], folder: Path, tickers: list[str], watch: Watch, feed: KalshiFeed) -> None:
    """In one market after the other: bid for a great many contracts, wait for the order that follows, withdraw."""
    token = (folder / said["control_token_file"]).read_text()
    async with httpx.AsyncClient(base_url=said["control"], headers={"Authorization": f"Bearer {token}"}) as control:
        for ticker in tickers:
            watch.left.clear()
            book = feed._stream.book(ticker)
            best = book.best_bid if book is not None else None
            price = str(best.price) if best is not None else "0.0100"
            body = {"ticker": ticker, "side": "bid", "price": price, "count": PROBE}
            placed = (await control.post("/order", json=body)).json()
            await asyncio.wait_for(watch.left.wait(), 10)
            await control.post("/cancel", json={"order_id": placed["order_id"], "ticker": ticker})
            await asyncio.sleep(0.05)  # one at a time, within the account's rate


def _writer(folder: Path, rules: Any, count: int) -> RunWriter:
    store = open_store(folder / f"{count}.db", Mode.DEMO)
    return store.begin_run(
        "demo", time.time_ns(), "latency", ["latency"], [], rules.ruleset.sha256, rules.files, {}, {}, {}, "benchmark",
        venue="kalshi", book="latency",
    )  # fmt: skip


def one(count: int, samples: int) -> tuple[float, float, int]:
    """Median and 99th percentile in ms, and how many orders, at so many markets."""
    with tempfile.TemporaryDirectory(prefix="latency-") as name:
        folder = Path(name)
        listing = many(count, time.time_ns())
        tickers = sorted(market["ticker"] for market in listing["markets"])
        (folder / "markets.json").write_text(json.dumps(listing))
        pack = folder / "rules" / "latency"
        pack.mkdir(parents=True)
        (pack / "pack.yaml").write_text(PACK.format(universe=", ".join(tickers)))
        (pack / "rules.yaml").write_text(RULES)
        command = [
            sys.executable, "-m", "engine", "simulate", "kalshi", "--port", "0", "--markets", "markets.json",
            "--folder", "keys", "--no-maintenance", "--json",
        ]  # fmt: skip
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as exchange:
            assert exchange.stdout is not None
            try:
                said = json.loads(exchange.stdout.readline())
                took = asyncio.run(measure(folder, said, tickers, samples))
            finally:
                exchange.send_signal(signal.SIGINT)
                exchange.wait()
    return statistics.median(took), statistics.quantiles(took, n=100)[98], len(took)
