"""A run that begins, or begins again, in the middle of a session: it knows what one knows that never stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("uvicorn")

from connectors.calendars import calendar
from connectors.past import read_past
from connectors.polygon.errors import PolygonError
from connectors.polygon.feed import PolygonFeed, Subjects
from connectors.polygon.history import read_bars as read_polygon
from connectors.polygon.hosts import loopback_hosts as polygon_hosts
from connectors.polygon.http import PolygonHttp
from connectors.polygon.practice import MarketClock
from connectors.polygon.rest import PolygonRest
from connectors.polygon.stream import PolygonStream
from connectors.polygon.stream import StreamSettings as PolygonSettings
from connectors.simulators.clock import PracticeClock
from connectors.simulators.polygon.server import PolygonServer
from connectors.simulators.polygon.tape import made_up
from connectors.simulators.polygon.vendor import Vendor
from connectors.simulators.tradier.server import ACCOUNT, Practice, PracticeServer, Setup, start_of
from connectors.simulators.tradier.venue import Options
from connectors.tradier.bars import SETTLE_NS, read_bars
from connectors.tradier.client import TradierRest
from connectors.tradier.errors import TradierError
from connectors.tradier.hosts import loopback_hosts
from connectors.tradier.source import TradierFeed, find_instruments
from connectors.tradier.stream import StreamSettings
from connectors.transport.clock import Clock
from engine.cli.assemble import Assembly, DataChoice, assemble
from engine.cli.on_venue import warm_up
from engine.cli.on_venue.warm_up import begin_of, tell_unknown
from engine.cli.rules import load_rules
from engine.decide.actions import Decision
from engine.decide.tick import Decider
from engine.execute.dry import DryBroker
from engine.execute.inputs import JournaledBroker
from engine.execute.live import LiveRun
from engine.execute.loop import Loop
from engine.execute.replay import Kept, decide_again
from engine.market.events import Bar
from engine.market.inputs import Input
from engine.market.venue import PastBars
from engine.plan.lookback import lookback
from engine.settings import Settings

DAY = date(2025, 10, 15)
MINUTE = 60 * 10**9
SYMBOLS = ["SPY", "AAPL"]
RULES = """
kind: pack
name: averages
about: Looks at everything that is counted over time.
venue: tradier
timezone: America/New_York
calendar: XNYS
universe: [SPY, AAPL]
limits: {notional: $20000}
---
kind: strategy
name: all_of_them
about: Each of these must be what it would have been.
when:
  - ema(close, 20) > ema(close, 50) or atr(14) > $0 or sma(close, 30) > $0
  - vwap() > $0 and session_high() > session_low() and rvol(5) > 0 and bar_index() > 0
  - opening_range_high(15m) > opening_range_low(15m)
  - on(5m, ema(close, 4)) > $0 and on(15m, high) > $0
  - close > 0.999 * vwap()
then: {buy: {size: 1}}
"""


class Memory:
    """Keeps inputs and decisions of a run."""

    def __init__(self) -> None:
        self.inputs: list[Input] = []
        self.decisions: list[Kept] = []
        self.orders_sent: list[str] = []

    def input(self, item: Input) -> None:
        self.inputs.append(item)

    def decision(self, decision: Decision, decider: Decider) -> None:
        values = None if decision.values is None else decision.values.tobytes()
        self.decisions.append(Kept(len(self.decisions) + 1, decision.canonical().strip(), decision.reason, values))

    def orders(self, orders: Any) -> None:
        self.orders_sent += [order.client_id for order in orders]

    def report(self, report: Any, decider: Decider) -> None: ...

    def note(self, note: Any) -> None: ...

    def ticks(self, ticks: Any, equity: Any, decider: Decider) -> None: ...


@dataclass
class Going:
    """One run on a market whose time is commanded."""

    assembly: Assembly
    decider: Decider
    run: LiveRun
    memory: Memory
    told: list[str]
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def knows(self, last_ns: int) -> bool:
        return all(state.bar_start_ns >= last_ns for state in self.decider.context.states.values())

    def values(self) -> dict[str, Any]:
        return {symbol: state.memory.v.copy() for symbol, state in self.decider.context.states.items()}


@dataclass
class Market:
    """``now``: its time; ``step``: let seconds pass; ``past`` and ``feed`` as a desk has them."""

    now: Callable[[], int]
    step: Callable[[float], None]
    past: Callable[[int], Awaitable[PastBars]]
    feed: Callable[[int], Any]
    fault: Callable[[str], None]

    async def pass_until(self, time_ns: int, run: Going) -> None:
        """In steps of ten seconds; each minute as long as it takes ``run`` to hear of it, in a break half a second."""
        while self.now() < time_ns:
            self.step(10)
            await asyncio.sleep(0.004)
            over_ns, looks = self.now() // MINUTE * MINUTE, 0
            while self.now() - over_ns == 10 * 10**9 and not run.knows(over_ns - MINUTE) and looks < 25:
                looks += 1
                await asyncio.sleep(0.01)


def steady(now: Callable[[], int]) -> Clock:
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0.005)

    return Clock(now, sleep=sleep)


@contextmanager
def tradier() -> Iterator[Market]:
    practice = Practice(Setup(start_of(DAY, 1), speed=0, options=Options(read_lag_ms=0, unlimited=True)))
    with PracticeServer(practice) as server:
        now = practice.venue.clock.now

        def step(seconds: float) -> None:
            def act(practice: Practice) -> None:
                practice.venue.clock.step(int(seconds * 1e9))
                practice.venue.tick()

            server.do(act)

        def client() -> TradierRest:
            hosts = loopback_hosts(server.url)
            return TradierRest(hosts, practice.token, "production", ACCOUNT, clock=steady(now))

        async def past(since_ns: int) -> PastBars:
            async with client() as rest:
                found = await find_instruments(rest, SYMBOLS)

                async def read(symbol: str, from_ns: int, to_ns: int) -> list[Bar]:
                    return await read_bars(rest, found[symbol], from_ns, to_ns)

                return await read_past(read, SYMBOLS, since_ns, now, SETTLE_NS, TradierError)

        @asynccontextmanager
        async def feed(since_ns: int) -> AsyncIterator[TradierFeed]:
            quick = StreamSettings(first_backoff=0.01, longest_backoff=0.05)
            async with client() as rest:
                found = await find_instruments(rest, SYMBOLS)
                async with TradierFeed(rest, found, settings=quick, since_ns=since_ns) as one:
                    yield one

        yield Market(now, step, past, feed, lambda spec: server.do(lambda p: p.venue.faults.set(spec)))


@dataclass(frozen=True)
class VendorTime(MarketClock):
    read: Callable[[], int] = field(default=lambda: 0)

    def now_ns(self) -> int:
        return self.read()

    def seconds_until(self, time_ns: int) -> float:
        return 0.0 if time_ns <= self.read() else 0.005

    async def wait_until(self, time_ns: int) -> None:
        while self.read() < time_ns:
            await asyncio.sleep(0.002)


@contextmanager
def polygon() -> Iterator[Market]:
    vendor = Vendor(made_up(SYMBOLS, DAY, 7), PracticeClock(start_of(DAY, 1), speed=0), "key")
    vendor.options.connections = 5  # runs of one test listen side by side
    with PolygonServer(vendor) as server:
        hosts = polygon_hosts(server.url)
        quick = PolygonSettings(first_backoff=0.01, longest_backoff=0.02, reply=0.4, watch=0.05, ping=0.5)

        async def past(since_ns: int) -> PastBars:
            rest = PolygonRest(PolygonHttp(hosts, "key"))
            async with rest.http:

                async def read(symbol: str, from_ns: int, to_ns: int) -> list[Bar]:
                    return await read_polygon(rest, symbol, from_ns, to_ns)

                return await read_past(read, SYMBOLS, since_ns, vendor.now, SETTLE_NS, PolygonError)

        @asynccontextmanager
        async def feed(since_ns: int) -> AsyncIterator[PolygonFeed]:
            rest, subjects = PolygonRest(PolygonHttp(hosts, "key")), Subjects(SYMBOLS)
            clock = VendorTime(0, 0.0, read=vendor.now)
            async with (
                rest.http, PolygonStream(hosts, "key", subjects.channels, settings=quick) as stream,
                PolygonFeed(rest, stream, subjects, clock, since_ns=since_ns) as one,
            ):  # fmt: skip
                yield one

        yield Market(vendor.now, server.step, past, feed, lambda spec: server.do(lambda a: a.vendor.faults.set(spec)))


BREAKS = {tradier: "ws-close@market:%97", polygon: "ws-close@am:%5"}
UNREADABLE = {tradier: "5xx@timesales", polygon: "5xx@aggs"}


@pytest.fixture(params=[tradier, polygon], ids=["tradier", "polygon"], scope="module")
def place(request: pytest.FixtureRequest) -> Any:
    """A market whose prices are the same each time."""
    return request.param


def assembled(folder: Path) -> Assembly:
    pack = folder / "rules" / "averages"
    if not pack.is_dir():
        pack.mkdir(parents=True)
        head, rules = RULES.split("---\n")
        (pack / "pack.yaml").write_text(head, encoding="utf-8")
        (pack / "rules.yaml").write_text(rules, encoding="utf-8")
    rules = load_rules([folder / "rules"])
    return assemble(Settings(), rules.ruleset, DataChoice("simulated", None, (), None, None, 1, 1), keep_values=True)


@asynccontextmanager
async def going(market: Market, folder: Path) -> AsyncIterator[Going]:
    """A dry run, begun as ``engine run --venue`` begins one."""
    assembly = assembled(folder)
    decider = assembly.decider()
    need = lookback(plan.program for plan in decider.context.plan.symbols.values())
    past = await market.past(begin_of(calendar("XNYS"), market.now(), need, 5))
    memory, told = Memory(), list[str]()
    journal = JournaledBroker(DryBroker(), memory)
    async with market.feed(past.until_ns) as feed:
        loop = Loop(decider, journal, [memory])
        run = LiveRun(loop, journal, feed, market.now, pulse=feed.pulse, tell=told.append, behind=feed.behind)
        run.begin_after(past)
        tell_unknown(decider, past.missing, SYMBOLS, "America/New_York", told.append)
        found = Going(assembly, decider, run, memory, told)
        task = asyncio.create_task(run.run(found.stop))
        async with asyncio.timeout(20):
            while not run.connections:
                await asyncio.sleep(0.01)
        yield found
        found.stop.set()
        await task


async def settled(market: Market, *runs: Going) -> None:
    """Until each run has the last bar that is over, and has computed it."""
    async with asyncio.timeout(10):
        last = market.now() // MINUTE * MINUTE - MINUTE
        while not all(run.knows(last) for run in runs):
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.15)


def same(one: Going, other: Going) -> list[str]:
    """The expressions that differ, bit by bit."""
    found = []
    for symbol, values in one.values().items():
        again, program = other.values()[symbol], one.decider.context.plan.symbols[symbol].program
        assert values.shape == again.shape
        for slot in np.flatnonzero(~((values == again) | (np.isnan(values) & np.isnan(again)))):
            instruction = program.instructions.get(int(slot))
            if instruction is not None:
                found.append(f"{symbol} {instruction.term.text}: {values[slot]} and {again[slot]}")
    return found


def known(run: Going) -> bool:
    """Whether every expression of every symbol has a value."""
    return all(
        run.values()[symbol][slot] == run.values()[symbol][slot]
        for symbol, plan in run.decider.context.plan.symbols.items() for slot in plan.program.instructions
    )  # fmt: skip


def at(minutes: float) -> int:
    """So many minutes after the open."""
    return start_of(DAY, 0) + int(minutes * MINUTE)


def taken_ns(decision: Kept) -> int:
    return int(decision.line.split("|")[0])


async def never_stopped(market: Market, folder: Path, until_ns: int, breaks: str = "") -> Going:
    async with going(market, folder) as run:
        market.fault(breaks)
        await market.pass_until(until_ns, run)
        market.fault("")
        await settled(market, run)
        return run


@pytest.fixture(scope="module")
def whole(place: Any, tmp_path_factory: pytest.TempPathFactory) -> Going:
    """A run from before the open on."""
    with place() as market:
        return asyncio.run(never_stopped(market, tmp_path_factory.mktemp("whole"), at(22.2)))


def test_a_restart_knows_what_a_run_knows_that_never_stopped(place: Any, whole: Going, tmp_path: Path) -> None:
    async def again(market: Market) -> None:
        market.step(17.3 * 60 + 60)
        async with going(market, tmp_path) as run:
            await market.pass_until(at(22.2), run)
            await settled(market, run)
        assert same(whole, run) == []
        assert known(run), "nothing is still warming up"
        assert run.told == ["connected"]
        assert min(taken_ns(d) for d in run.memory.decisions) > at(17), "nothing is decided on the past"
        told = decide_again(
            run.assembly.decider(), run.memory.inputs, run.memory.decisions, run.memory.orders_sent, ended=True
        )
        assert told.difference is None and told.decisions == len(run.memory.decisions) > 0

    with place() as market:
        asyncio.run(again(market))


def test_breaks_leave_no_trace_in_what_is_known(place: Any, whole: Going, tmp_path: Path) -> None:
    with place() as market:
        broken = asyncio.run(never_stopped(market, tmp_path, at(22.2), BREAKS[place]))
    assert sum(words == "connected" for words in broken.told) > 2
    assert same(whole, broken) == []


def test_what_cannot_be_read_is_said_and_stays_unknown(place: Any, tmp_path: Path) -> None:
    async def work(market: Market) -> None:
        market.step(17.3 * 60 + 60)
        market.fault(UNREADABLE[place])
        async with going(market, tmp_path) as run:
            market.fault("")
            await market.pass_until(at(19.2), run)
            await settled(market, run)
        spy, aapl = sorted(words for words in run.told if "past" in words)[::-1]
        assert "SPY: its past could not be read" in spy and aapl.startswith("AAPL")
        assert "vwap() until the next session" in spy and "another start reads it again" in spy
        program, values = run.decider.context.plan.symbols["SPY"].program, run.values()["SPY"]
        unknown = {i.term.text for slot, i in program.instructions.items() if np.isnan(values[slot])}
        assert {"vwap()", "session_high()", "rvol(5)", "sma(close, 30)"} <= unknown, "and not half of it"
        assert run.memory.decisions == []

    with place() as market:
        asyncio.run(work(market))


def test_when_rules_will_be_warm_is_said_by_the_clock_of_the_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_up, "now_ns", lambda: 1_709_596_800 * 10**9)  # midnight in UTC
    assert warm_up._when(10, 60, "Asia/Tokyo") == "09:10 JST at the earliest"
