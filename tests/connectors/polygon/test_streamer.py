"""The streamer into a store: no hole and nothing doubled, over breaks, restarts and a history that fails at first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from connectors.polygon.stream import PolygonStream
from connectors.polygon.streamer import Counts, Pace, Streamer, channels_of
from connectors.polygon.tickers import symbol_of
from tests.connectors.polygon.conftest import KEY, OPEN_NS, PATIENCE, QUICK, Practice, Start
from tests.connectors.polygon.kept import Kept

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
TICKERS = ["SPY", "I:SPX"]
Story = Callable[[Any, "list[str]"], Any]


def run(practice: Practice, store: Kept, story: Story, tickers: list[str] = TICKERS, **options: Any) -> Counts:
    """Stream while ``story(wait, said)`` commands the vendor; returns the counts."""

    async def go() -> Counts:
        rest, stop, said = practice.rest(), asyncio.Event(), list[str]()
        async with rest.http, PolygonStream(practice.hosts, KEY, channels_of(tickers), settings=QUICK) as stream:
            pace = options.pop("pace", Pace(50, 0.02))
            streamer = Streamer(
                rest, stream, lambda: store, tickers, practice.clock, pace, said.append,
                sleep=lambda seconds: asyncio.sleep(0.01), **options,
            )  # fmt: skip
            running = asyncio.create_task(streamer.run(stop))

            async def wait(true: Callable[[], bool]) -> None:
                async with asyncio.timeout(PATIENCE):
                    while not true():
                        if running.done():
                            running.result()
                        await asyncio.sleep(0.002)

            await story(wait, said)
            stop.set()
            return await running

    return asyncio.run(go())


def whole(practice: Practice, store: Kept, ticker: str) -> None:
    """The store has exactly the vendor's minutes, and its seconds, from the open to where it ends."""
    tape, symbol = practice.server.app.vendor.tape, symbol_of(ticker)
    seconds = (int(store.last_tick_ns(symbol, "polygon") or 0) - OPEN_NS) // SECOND
    kept = list(store.bars(symbol, 0, 2**62))
    # The last minute is told a second after its end, and may still be on its way.
    count = max(len(kept), (seconds - 3) // 60)
    bars = {row.start: row for row in tape.minutes(ticker, OPEN_NS, OPEN_NS + count * MINUTE)}
    assert [bar.start_ns for bar in kept] == sorted(bars)
    for bar in kept:
        row = bars[bar.start_ns]
        assert [int(p * 1_000_000) for p in bar[2:6]] == [row.open, row.high, row.low, row.close]
    ticks = [row.start + SECOND for row in tape.seconds(ticker, OPEN_NS, OPEN_NS + seconds * SECOND)]
    assert [tick.time_ns for tick in store.ticks(symbol, 0, 2**62)] == ticks


def ends(store: Kept, symbol: str, seconds: int) -> bool:
    return store.last_tick_ns(symbol, "polygon") == OPEN_NS + seconds * SECOND


async def caught_up(practice: Practice, store: Kept, wait: Any, *symbols: str) -> None:
    """Let time pass until the store ends where the vendor is: a history settles only as time goes on."""
    while True:
        practice.step(5)
        now = (practice.clock.now_ns() - OPEN_NS) // SECOND
        try:
            await asyncio.wait_for(wait(lambda n=now: all(ends(store, symbol, n) for symbol in symbols)), 1.0)
            return
        except TimeoutError:
            assert now < 3600, f"{symbols} do not catch up"


def connected(said: list[str], times: int = 2) -> bool:
    return sum("connected" in words for words in said) >= times


def test_seconds_and_minutes_are_kept(start: Start) -> None:
    store = Kept()
    with start() as practice:

        async def story(wait: Any, said: list[str]) -> None:
            await wait(lambda: connected(said))
            practice.step(125)
            await caught_up(practice, store, wait, "SPY", "SPX")

        counts = run(practice, store, story)
        for ticker in TICKERS:
            whole(practice, store, ticker)
        assert counts.bars >= 4
        assert max(store.writes) > 1


@pytest.mark.parametrize("broken", ["ws-close", "ws-half-open"])
def test_a_break_leaves_no_hole(start: Start, broken: str) -> None:
    store = Kept()
    with start() as practice:

        async def story(wait: Any, said: list[str]) -> None:
            await wait(lambda: connected(said))
            practice.step(30)
            await caught_up(practice, store, wait, "SPY")
            practice.faults(f"{broken}:#20")
            practice.step(45)
            practice.faults("")
            practice.step(100)
            await wait(lambda: connected(said, 3))
            practice.step(25)
            await caught_up(practice, store, wait, "SPY", "SPX")

        run(practice, store, story)
        for ticker in TICKERS:
            whole(practice, store, ticker)


def test_what_was_missed_while_it_was_stopped_is_read_and_a_failing_history_is_asked_again(start: Start) -> None:
    store, ended = Kept(), list[int | None]()
    with start() as practice:

        async def first(wait: Any, said: list[str]) -> None:
            await wait(lambda: connected(said))
            practice.step(70)
            await caught_up(practice, store, wait, "SPY", "SPX")
            ended.append(store.last_tick_ns("SPY", "polygon"))

        async def second(wait: Any, said: list[str]) -> None:
            practice.faults("5xx@aggs")
            await wait(lambda: connected(said))
            practice.step(10)
            await wait(lambda: any("cannot be read yet" in words for words in said))
            assert store.last_tick_ns("SPY", "polygon") == ended[0], "what is streamed waits for what is before it"
            practice.faults("")
            await caught_up(practice, store, wait, "SPY", "SPX")

        run(practice, store, first)
        practice.step(180)
        run(practice, store, second)
        for ticker in TICKERS:
            whole(practice, store, ticker)


def test_a_run_that_dies_while_it_fills_leaves_the_gap_to_the_next(start: Start) -> None:
    store = Kept()
    with start() as practice:

        async def first(wait: Any, said: list[str]) -> None:
            await wait(lambda: connected(said))
            practice.step(70)
            await caught_up(practice, store, wait, "SPY", "SPX")

        async def dies(wait: Any, said: list[str]) -> None:
            practice.faults("hang@aggs=30")
            await wait(lambda: connected(said))
            practice.step(30)

        async def third(wait: Any, said: list[str]) -> None:
            await wait(lambda: connected(said))
            practice.step(5)
            await caught_up(practice, store, wait, "SPY", "SPX")

        run(practice, store, first)
        practice.step(120)
        run(practice, store, dies)
        practice.faults("")
        run(practice, store, third)
        for ticker in TICKERS:
            whole(practice, store, ticker)


def test_what_the_plan_lacks_is_left_out(start: Start) -> None:
    store = Kept()
    with start(refused=frozenset({"I:SPX"})) as practice:

        async def story(wait: Any, said: list[str]) -> None:
            await wait(lambda: connected(said, 1) and sum("left out" in words for words in said) == 2)
            await caught_up(practice, store, wait, "SPY")

        counts = run(practice, store, story)
        assert sorted(counts.dropped) == ["A.I:SPX", "AM.I:SPX"]
        whole(practice, store, "SPY")


def test_a_store_that_fails_ends_the_stream(start: Start) -> None:
    store = Kept()
    store.fails_after = 1
    with start() as practice:

        async def story(wait: Any, said: list[str]) -> None:
            await wait(lambda: connected(said))
            practice.step(5)
            await wait(lambda: bool(store.writes))
            practice.step(5)
            await wait(lambda: False)

        with pytest.raises(OSError, match="disk is full"):
            run(practice, store, story)
