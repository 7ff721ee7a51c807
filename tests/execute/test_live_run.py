"""One event loop on a live feed: reconcile first, trade after, and never half blind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from engine.execute import live
from engine.execute.inputs import JournaledBroker
from engine.execute.live import NOT_CONNECTED, Account, LiveRun
from engine.market.events import MarketEvent, Quote, Tick
from engine.market.inputs import Input
from engine.market.orders import BrokerReport
from engine.market.venue import Answer, Batch, LinkDown, LinkUp, Outcome, VenueError, WireOrder


class Rules:
    """What a loop does, written down."""

    def __init__(self, broker: JournaledBroker) -> None:
        self.broker = broker
        self.stepped: list[Tick] = []
        self.observed: list[Tick] = []
        self.heard: list[BrokerReport] = []

    def step(self, tick: Tick) -> None:
        self.broker.on_events(tick.time_ns, tick.events)
        self.stepped.append(tick)

    def observe(self, tick: Tick) -> None:
        self.broker.on_events(tick.time_ns, tick.events)
        self.observed.append(tick)

    def hear(self, report: BrokerReport, time_ns: int) -> None:
        self.heard.append(report)


class Log:
    def input(self, item: Input) -> None:
        """Not looked at here."""


class ScriptedFeed:
    """Gives what is put into it."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[Batch | Exception] = asyncio.Queue()

    async def batch(self) -> Batch:
        item = await self.waiting.get()
        if isinstance(item, Exception):
            raise item
        return item


class Bench:
    """A live run with a fake venue; ``go`` runs it beside ``work``."""

    def __init__(self, rig: Any, live: bool = True) -> None:
        self.rig = rig
        self.feed = ScriptedFeed()
        self.journal = JournaledBroker(rig.broker, Log())
        self.rules = Rules(self.journal)
        self.said: list[str] = []
        account = Account(rig.broker, rig.recovery) if live else None
        self.run = LiveRun(
            self.rules, self.journal, self.feed, lambda: rig.venue.now, account=account, tell=self.said.append  # type: ignore[arg-type]
        )

    def tell(self, *news: Any, events: Sequence[MarketEvent] = ()) -> None:
        self.rig.venue.now += 1_000_000
        self.feed.waiting.put_nowait(Batch(self.rig.venue.now, events, news))

    def go(self, work: Callable[[], Awaitable[None]]) -> None:
        async def both() -> None:
            stop = asyncio.Event()
            running = asyncio.create_task(self.run.run(stop))
            worker = asyncio.ensure_future(work())
            await asyncio.wait([running, worker], return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            await running
            await worker

        asyncio.run(both())


async def until(check: Callable[[], bool]) -> None:
    """Let the other tasks go on until it is so."""
    async with asyncio.timeout(10):
        while not check():
            await asyncio.sleep(0)


def quote(bid: float) -> Quote:
    return Quote("A", 0, bid, 1.0, bid + 0.02, 1.0)


def test_the_rules_are_asked_only_after_the_account_was_followed(make_rig: Any) -> None:
    bench = Bench(make_rig())

    async def work() -> None:
        bench.tell(events=[quote(0.4)])
        await until(lambda: bool(bench.rules.observed))
        assert bench.rules.stepped == []
        assert "not been read" in bench.rig.broker.hold
        bench.tell(LinkUp(bench.rig.venue.now))
        await until(lambda: bench.run.ready)
        assert bench.rig.broker.hold == ""
        bench.tell(events=[quote(0.5)])
        await until(lambda: bool([t for t in bench.rules.stepped if t.events]))

    bench.go(work)


def test_a_break_holds_entries_until_the_account_was_read_again(make_rig: Any) -> None:
    bench = Bench(make_rig())

    async def work() -> None:
        bench.tell(LinkUp(1))
        await until(lambda: bench.run.ready)
        readings = bench.rig.recovery.readings
        bench.tell(LinkDown(2, "gone"))
        await until(lambda: bench.rig.broker.hold == NOT_CONNECTED)
        bench.tell(LinkUp(3))
        await until(lambda: bench.rig.broker.hold == "")
        assert bench.rig.recovery.readings > readings
        assert bench.run.connections == 2

    bench.go(work)
    assert bench.said == ["connected", "connection lost: gone", "connected"]


def test_answers_are_heard_between_ticks(make_rig: Any, new_bracket: Any) -> None:
    bench = Bench(make_rig())

    async def work() -> None:
        bench.tell(LinkUp(1))
        await until(lambda: bench.run.ready)
        bench.rig.broker.place(new_bracket("e"), bench.rig.venue.now)
        bench.run.listen()
        await until(lambda: any(u.state == "working" for report in bench.rules.heard for u in report.updates))

    bench.go(work)


def test_what_waits_for_its_turn_when_the_run_ends_is_written_down_as_not_sent(
    make_rig: Any, new_bracket: Any
) -> None:
    bench, left, waiting = Bench(make_rig()), asyncio.Event(), asyncio.Event()
    rig = bench.rig

    async def waits(order: WireOrder) -> Answer:
        waiting.set()
        await left.wait()
        return Answer(Outcome.LIMITED, reason="not sent, its turn would come only in 40.0 s", wait_seconds=40.0)

    rig.venue.send = waits
    bench.run = LiveRun(
        bench.rules, bench.journal, bench.feed, lambda: rig.venue.now, leave=left.set,  # type: ignore[arg-type]
        account=Account(rig.broker, rig.recovery),
    )  # fmt: skip

    async def work() -> None:
        bench.tell(LinkUp(1))
        await until(lambda: bench.run.ready)
        rig.broker.place(new_bracket("e"), rig.venue.now)
        bench.run.listen()
        await waiting.wait()

    bench.go(work)
    (attempt,) = rig.store.intents["e"].attempts
    assert (attempt.open, attempt.why) == (False, "not sent, its turn would come only in 40.0 s")
    assert rig.venue.orders == {}


def test_an_account_that_cannot_be_read_is_read_again(make_rig: Any) -> None:
    rig = make_rig()
    picture, failures = rig.venue.picture, [VenueError("503"), VenueError("503")]

    async def failing(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return await picture(*arguments)

    rig.venue.picture = failing
    bench = Bench(rig)

    async def work() -> None:
        bench.tell(LinkUp(1))
        while not bench.run.ready:
            rig.venue.now += 200_000_000
            await asyncio.sleep(0.01)
            assert rig.broker.hold or bench.run.ready

    bench.go(work)
    assert failures == []


def test_doubts_do_not_read_the_account_without_end(make_rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One reading at a time, and half of the time none: a reading costs ten requests."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0)
    rig = make_rig()
    picture, under_way, most = rig.venue.picture, 0, 0

    async def slow(*arguments: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        ends = rig.venue.now + 1_000_000_000
        while rig.venue.now < ends:
            await asyncio.sleep(0)
        under_way -= 1
        return await picture(*arguments)

    rig.venue.picture = slow
    bench = Bench(rig)

    async def work() -> None:
        bench.tell(LinkUp(1))
        for _ in range(2000):
            rig.venue.now += 10_000_000
            rig.broker.doubt(rig.venue.now)
            await asyncio.sleep(0)

    bench.go(work)
    assert most == 1
    assert 7 <= rig.recovery.readings <= 11, "a second each, and as long a pause"


def test_a_reading_from_before_the_stream_was_new_lets_nothing_go(make_rig: Any) -> None:
    rig = make_rig()
    picture, gates = rig.venue.picture, [asyncio.Event(), asyncio.Event()]
    waiting = list(gates)

    async def slow(*arguments: Any) -> Any:
        await waiting.pop(0).wait()
        return await picture(*arguments)

    rig.venue.picture = slow
    bench = Bench(rig)

    async def work() -> None:
        bench.tell(LinkUp(1))
        await until(lambda: len(waiting) == 1)
        bench.tell(LinkDown(2, "gone"), LinkUp(3))
        await until(lambda: bench.run.connections == 2)
        gates[0].set()
        while waiting:
            rig.venue.now += 100_000_000
            await asyncio.sleep(0.01)
        assert rig.broker.hold
        gates[1].set()
        await until(lambda: rig.broker.hold == "")

    bench.go(work)


def test_a_stream_that_cannot_go_on_ends_the_run(make_rig: Any) -> None:
    bench = Bench(make_rig())

    async def work() -> None:
        bench.feed.waiting.put_nowait(VenueError("the key is not accepted"))

    with pytest.raises(VenueError, match="not accepted"):
        bench.go(work)


def test_paper_needs_no_account(make_rig: Any) -> None:
    bench = Bench(make_rig(), live=False)

    async def work() -> None:
        bench.tell(LinkUp(1), events=[quote(0.5)])
        await until(lambda: bool([t for t in bench.rules.stepped if t.events]))

    bench.go(work)
    assert bench.rig.recovery.readings == 0


def test_a_market_that_runs_fast_does_not_write_more_often(make_rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(live, "FLUSH_SECONDS", 3600.0)
    bench = Bench(make_rig(), live=False)
    writes: list[int] = []

    def clock() -> int:
        bench.rig.venue.now += 60 * 10**9
        return int(bench.rig.venue.now)

    bench.run = LiveRun(
        bench.rules, bench.journal, bench.feed, clock, every_second=lambda: writes.append(1)  # type: ignore[arg-type]
    )
    bench.go(lambda: until(lambda: len(bench.rules.stepped) >= 5))
    assert len(writes) == 1, "market minutes have passed, and of this machine's time next to nothing"
