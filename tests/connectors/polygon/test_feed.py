"""The feed against the practice vendor: every minute once, in order, never early, whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from connectors.polygon.feed import PolygonFeed, Subjects
from connectors.polygon.manifest import OPTIONS as OPTIONS_FACTS
from connectors.polygon.minutes import MINUTE_NS
from connectors.polygon.poller import OptionsSettings, OptionsSource
from connectors.polygon.stream import PolygonStream
from connectors.polygon.tickers import ticker_of
from engine.market.events import Bar, Observation, Quote
from engine.market.venue import Batch, LinkDown, LinkUp, Missed, Unheard, VenueError
from tests.connectors.polygon.conftest import KEY, OPEN_NS, PATIENCE, QUICK, Practice, Start

OPTIONS = [fact.name for fact in OPTIONS_FACTS]


class Heard:
    """Everything that a feed has told."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def events(self, kind: type) -> list[Any]:
        return [event for batch in self.batches for event in batch.events if isinstance(event, kind)]

    def bars(self, symbol: str) -> list[Bar]:
        return [bar for bar in self.events(Bar) if bar.symbol == symbol]

    def news(self, kind: type) -> list[Any]:
        return [news for batch in self.batches for news in batch.news if isinstance(news, kind)]


def listen(
    practice: Practice,
    subjects: Subjects,
    story: Callable[[Callable[[Callable[[], bool]], Any], Heard], Any],
    **options: Any,
) -> Heard:
    """Run a feed; ``story(wait, heard)`` commands the vendor, and waits for what must be heard."""
    heard = Heard()

    async def run() -> None:
        rest = practice.rest()
        async with (
            rest.http,
            PolygonStream(practice.hosts, KEY, subjects.channels, settings=QUICK) as stream,
            PolygonFeed(rest, stream, subjects, practice.clock, **options) as feed,
        ):

            async def keep() -> None:
                while True:
                    heard.batches.append(await feed.batch())

            keeper = asyncio.create_task(keep())

            async def wait(true: Callable[[], bool]) -> None:
                async with asyncio.timeout(PATIENCE):
                    while not true():
                        if keeper.done():
                            keeper.result()
                        await asyncio.sleep(0.002)

            try:
                await story(wait, heard)
            finally:
                keeper.cancel()
                await asyncio.gather(keeper, return_exceptions=True)

    asyncio.run(run())
    return heard


def truth(practice: Practice, symbol: str, first: int, count: int) -> list[Bar]:
    """What the vendor's data has of ``count`` minutes."""
    rows = practice.server.app.vendor.tape.minutes(ticker_of(symbol), first, first + count * MINUTE_NS)
    return [
        Bar(symbol, r.start, 60, r.open / 1e6, r.high / 1e6, r.low / 1e6, r.close / 1e6,
            None if r.volume is None else r.volume / 1e6)
        for r in rows
    ]  # fmt: skip


def minutes(bars: Sequence[Bar]) -> list[int]:
    return [(bar.start_ns - OPEN_NS) // MINUTE_NS for bar in bars]


@pytest.mark.parametrize("per_second", [False, True])
def test_each_minute_is_told_once_at_its_close(start: Start, per_second: bool) -> None:
    subjects = Subjects(["SPY", "SPX"], quotes=False, per_second=per_second)
    with start() as practice:

        async def story(wait: Any, heard: Heard) -> None:
            await wait(lambda: len(heard.news(LinkUp)) == 1)
            for minute in range(1, 4):
                practice.step(59 if minute == 1 else 55)
                assert len(heard.bars("SPY")) == minute - 1
                practice.step(5)
                await wait(lambda m=minute: len(heard.bars("SPY")) == m and len(heard.bars("SPX")) == m)

        heard = listen(practice, subjects, story)
        for symbol in ("SPY", "SPX"):
            assert heard.bars(symbol) == truth(practice, symbol, OPEN_NS, 3)
        assert heard.bars("SPX")[0].volume is None
        for batch in heard.batches:
            assert all(event.known_ns <= batch.time_ns for event in batch.events if isinstance(event, Bar))


@pytest.mark.parametrize(
    ("broken", "per_second"), [("ws-close", False), ("ws-close", True), ("ws-half-open", True)]
)
def test_a_break_leaves_no_bar_out_and_doubles_none(start: Start, broken: str, per_second: bool) -> None:
    subjects = Subjects(["SPY"], quotes=False, per_second=per_second)
    with start() as practice:

        async def story(wait: Any, heard: Heard) -> None:
            await wait(lambda: len(heard.news(LinkUp)) == 1)
            practice.step(70)
            await wait(lambda: len(heard.bars("SPY")) == 1)
            practice.faults(f"{broken}:#1")
            practice.step(80)  # the connection is lost in the middle of a minute
            practice.faults("")
            await wait(lambda: bool(heard.news(LinkDown)))
            practice.step(100)  # and nobody hears of these
            await wait(lambda: len(heard.news(LinkUp)) == 2)
            practice.step(130)
            await wait(lambda: len(heard.bars("SPY")) == 6)

        heard = listen(practice, subjects, story)
        assert heard.bars("SPY") == truth(practice, "SPY", OPEN_NS, 6)


def test_repeated_and_swapped_messages_change_nothing(start: Start) -> None:
    subjects = Subjects(["SPY", "QQQ"], quotes=False, per_second=True)
    with start(fault="ws-duplicate:%3,ws-reorder:%5") as practice:

        async def story(wait: Any, heard: Heard) -> None:
            await wait(lambda: len(heard.news(LinkUp)) == 1)
            practice.step(200)
            await wait(lambda: len(heard.bars("SPY")) == 3 and len(heard.bars("QQQ")) == 3)

        heard = listen(practice, subjects, story)
        for symbol in ("SPY", "QQQ"):
            assert heard.bars(symbol) == truth(practice, symbol, OPEN_NS, 3)


def test_the_past_is_told_minute_by_minute_before_the_present(start: Start) -> None:
    subjects = Subjects(["SPY", "SPX"], quotes=False)
    with start(OPEN_NS + 30 * MINUTE_NS + 20_000_000_000) as practice:

        async def story(wait: Any, heard: Heard) -> None:
            await wait(lambda: len(heard.news(LinkUp)) == 1)
            practice.step(60)
            await wait(lambda: len(heard.bars("SPY")) == 31 and len(heard.bars("SPX")) == 31)

        heard = listen(practice, subjects, story, since_ns=OPEN_NS)
        assert heard.bars("SPY") == truth(practice, "SPY", OPEN_NS, 31)
        assert minutes(heard.bars("SPX")) == list(range(31))
        for batch in heard.batches:
            assert len({event.start_ns for event in batch.events if isinstance(event, Bar)}) <= 1
        times = [batch.time_ns for batch in heard.batches]
        assert times == sorted(set(times))


def test_what_the_plan_lacks_is_left_out_and_the_rest_goes_on(start: Start) -> None:
    subjects = Subjects(["SPY", "SPX", "NDX"])
    with start(refused=frozenset({"I:NDX", "Q"})) as practice:

        async def story(wait: Any, heard: Heard) -> None:
            await wait(lambda: len(heard.news(LinkUp)) == 1)
            practice.step(70)
            await wait(lambda: len(heard.bars("SPY")) == 1 and len(heard.bars("SPX")) == 1)
            await wait(lambda: bool(heard.events(Observation)))

        heard = listen(practice, subjects, story)
        left_out = sorted(news.reason.split(" ")[0] for news in heard.news(Missed))
        assert left_out == ["AM.I:NDX", "Q.SPY", "V.I:NDX"]
        assert not heard.bars("NDX") and not heard.events(Quote)
        assert all("not authorized" in news.reason for news in heard.news(Missed))


def test_quotes_and_index_values_are_told_and_forgotten_when_the_link_is_lost(start: Start) -> None:
    subjects = Subjects(["SPY", "SPX"])
    with start() as practice:

        async def story(wait: Any, heard: Heard) -> None:
            await wait(lambda: len(heard.news(LinkUp)) == 1)
            practice.step(3)
            await wait(lambda: bool(heard.events(Quote)) and bool(heard.events(Observation)))
            practice.faults("ws-close")
            practice.step(2)
            await wait(lambda: len(heard.news(LinkDown)) == 2)

        heard = listen(practice, subjects, story)
        first, last = heard.events(Quote)[0], heard.events(Quote)[-1]
        assert first.bid < first.ask and first.bid_size >= 1
        assert (last.bid, last.ask) == (None, None)
        values = [seen.value for seen in heard.events(Observation)]
        assert values[0] > 1000 and values[-1] is None
        assert "connection" in heard.events(Observation)[-1].reason


def test_options_facts_come_with_the_pulse_and_everything_can_be_told_anew(start: Start) -> None:
    subjects = Subjects(["SPY", "SPX"])
    facts: dict[tuple[str, str], Any] = {}
    with start(OPEN_NS + 60 * MINUTE_NS) as practice:

        async def go() -> None:
            rest = practice.rest()
            options = OptionsSource(rest, ["SPX"], OptionsSettings(), practice.clock.now_ns)
            async with (
                rest.http,
                PolygonStream(practice.hosts, KEY, subjects.channels, settings=QUICK) as stream,
                PolygonFeed(rest, stream, subjects, practice.clock, options=options) as feed,
            ):
                keeper = asyncio.create_task(feed.keep_terms(lambda words: None))
                async with asyncio.timeout(PATIENCE):
                    while not feed.known() or facts.get(("SPX", "options.volume")) is None:
                        practice.step(1)
                        await feed.batch()
                        facts.update({(e.symbol, e.name): e.value for e in feed.pulse(practice.clock.now_ns())})
                anew = feed.whole(practice.clock.now_ns())
                assert {type(event) for event in anew if event.symbol == "SPY"} == {Quote}
                assert {event.name for event in anew if isinstance(event, Observation)} >= {"index.value", *OPTIONS}
                assert feed.pulse(practice.clock.now_ns()) == []
                keeper.cancel()

        asyncio.run(go())


def test_history_that_cannot_be_read_is_told_and_later_bars_go_on(start: Start) -> None:
    subjects = Subjects(["SPY"], quotes=False)
    with start(OPEN_NS + 10 * MINUTE_NS) as practice:
        practice.server.do(lambda app: setattr(app.vendor.options, "refused", frozenset()))

        async def story(wait: Any, heard: Heard) -> None:
            await wait(lambda: len(heard.news(LinkUp)) == 1)
            practice.server.do(lambda app: setattr(app.vendor.options, "refused", frozenset({"SPY"})))
            practice.step(70)
            await wait(lambda: len(heard.bars("SPY")) == 1)

        heard = listen(practice, subjects, story, since_ns=OPEN_NS)
        assert minutes(heard.bars("SPY")) == [10]
        assert "could not be read" in heard.news(Unheard)[0].reason


def test_a_wrong_key_ends_the_feed_and_is_not_shown(start: Start) -> None:
    with start() as practice:

        async def run() -> None:
            rest = practice.rest()
            subjects = Subjects(["SPY"])
            stream = PolygonStream(practice.hosts, "wrong-key", subjects.channels, settings=QUICK)
            async with rest.http, stream, PolygonFeed(rest, stream, subjects, practice.clock) as feed:
                with pytest.raises(VenueError, match="authentication failed") as caught:
                    while True:
                        await feed.batch()
                assert "wrong-key" not in str(caught.value)

        asyncio.run(run())
