"""Streams over real sockets, and what they become for the engine."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import date
from decimal import Decimal as D
from typing import Any

from connectors.past import read_past
from connectors.polygon.events import Window
from connectors.tradier.bars import SETTLE_NS, BarMaker, Bars, read_bars
from connectors.tradier.errors import TradierError
from connectors.tradier.events import Down, OrderEvent, Problem, StreamQuote, Up
from connectors.tradier.orders import Action, Part, Type, single
from connectors.tradier.source import TradierFeed, find_instruments
from connectors.tradier.stream import StreamSettings, TradierStream, http_events
from connectors.tradier.venue import TradierVenue
from engine.market.events import Bar, Quote
from engine.market.instrument import Instrument
from engine.market.venue import LinkDown, LinkUp, Unheard, VenueOrder

QUICK = StreamSettings(first_backoff=0.01, longest_backoff=0.05)
MINUTE = 60 * 10**9
DAY = date(2026, 11, 20)  # of the practice venue


LEFT: dict[TradierStream, list[Any]] = {}  # events that came with one that was waited for


async def until(stream: TradierStream, kind: type) -> Any:
    waiting = LEFT.setdefault(stream, [])
    async with asyncio.timeout(10):
        while True:
            while waiting:
                body = waiting.pop(0)
                if isinstance(body, kind):
                    return body
            waiting += [event.body for event in await stream.take()]


def test_prices_orders_and_a_break(desk: Any) -> None:
    async def work() -> None:
        async with desk.client() as rest, TradierStream(rest, ["SPY", "NOPE"], settings=QUICK) as market:
            await until(market, Up)
            assert "NOPE is not a valid symbol" in (await until(market, Problem)).words
            desk.quote("SPY", "500.00", "500.02", 1200)
            told = await until(market, StreamQuote)
            while told.bid != 500:
                told = await until(market, StreamQuote)
            assert (told.ask, told.bid_size) == (D("500.02"), 12)
            async with TradierStream(rest, settings=QUICK) as account:
                await until(account, Up)
                await rest.quotes(["SPY"])  # the session has been admitted once the venue answers again
                made = await rest.place(single(Part("SPY", Action.BUY, 1, Type.LIMIT, D(499)), "s-1"))
                event = await until(account, OrderEvent)
                assert (event.id, event.tag) == (made.id, "s-1")
                await rest.account_session()  # one session at a time: another one ends this
                await until(account, Down)
                await until(account, Up)

    asyncio.run(work())


def test_the_market_over_http(desk: Any) -> None:
    async def work() -> None:
        async with desk.client() as rest:
            stream = http_events(rest, ["SPY"], ["quote"])
            async with asyncio.timeout(10):
                assert isinstance((await anext(stream)).body, StreamQuote)
            await stream.aclose()

    asyncio.run(work())


def test_the_feed_tells_quotes_bars_and_orders(desk: Any) -> None:
    async def work() -> None:
        async with desk.client(clock=desk.clock()) as rest:
            venue = TradierVenue(rest)
            instruments = await find_instruments(rest, ["SPY", "SPX", "BRK.B", "NOPE"])
            assert sorted(instruments) == ["BRK.B", "SPX", "SPY"] and not instruments["SPX"].tradable
            news: list[Any] = []
            events: list[Any] = []

            async def gather(feed: TradierFeed, kind: type) -> None:
                async with asyncio.timeout(10):
                    while not any(isinstance(found, kind) for found in (*news, *events)):
                        batch = await feed.batch()
                        news.extend(batch.news)
                        events.extend(batch.events)

            async with TradierFeed(rest, instruments, venue=venue, settings=QUICK) as feed:
                await gather(feed, LinkUp)
                heard = Listener(desk, feed)
                await heard.pass_minutes(2)
                await heard.hear(lambda h: len({bar.symbol for bar in h.bars}) == 3)
                assert {e.symbol for e in events if isinstance(e, Quote)} <= {"SPY", "BRK.B"}
                bars = heard.bars
                assert all(b.seconds == 60 and b.low <= b.close <= b.high for b in bars)
                assert all(b.volume is None for b in bars if b.symbol == "SPX")
                await rest.place(single(Part("SPY", Action.BUY, 1, Type.LIMIT, D(100)), "w-1"))
                await gather(feed, VenueOrder)
                assert next(n for n in news if isinstance(n, VenueOrder)).client_id == "w-1"
                desk.faults("ws-close@market:#1")
                desk.advance(10)
                await gather(feed, LinkDown)

    asyncio.run(work())


def test_an_order_is_read_until_it_shows_what_the_stream_told(desk: Any) -> None:
    """Reads are behind the stream: an order cancelled by somebody else must not be taken for one that rests."""

    async def work() -> None:
        async with desk.client() as rest:
            made = await rest.place(single(Part("SPY", Action.BUY, 1, Type.LIMIT, D(100)), "w-1"))
            desk.options(read_lag_ms=300)
            desk.server.do(lambda practice: setattr(practice.venue.clock, "speed", 1.0))
            async with TradierFeed(rest, {}, venue=TradierVenue(rest), settings=QUICK) as feed, asyncio.timeout(10):
                await feed.batch()
                await rest.quotes(["SPY"])  # the session has been admitted once the venue answers again
                await rest.cancel(made.id)
                told: list[Any] = []
                while not told:
                    told = [news for news in (await feed.batch()).news if isinstance(news, VenueOrder)]
                assert [order.open for order in told] == [False]

    asyncio.run(work())


def test_a_clock_that_is_behind_gets_no_bar_before_its_end(desk: Any) -> None:
    start = 1_795_185_600 * 10**9

    async def work() -> None:
        async with desk.client() as rest:
            bars = Bars(rest, {"SPY": Instrument("SPY")}, start)
            bars.link(start - 1, up=True)
            bars.trade("SPY", D(1), D(1), start)
            bars.trade("SPY", D(2), D(1), start + MINUTE)
            assert bars.due(start + MINUTE - 1) == []
            assert bars.due(start + MINUTE) == [Bar("SPY", start, 60, 1.0, 1.0, 1.0, 1.0, 1.0)]
            assert bars.due(start + MINUTE) == []
            await bars.close()

    asyncio.run(work())


def minutes_of(desk: Any, first_ns: int) -> list[Bar]:
    """What trades made of SPY since then by the practice venue's own count."""
    director, clock = desk.server.practice.venue.director, desk.clock()
    told = director.day_bars("SPY", DAY)
    return [
        Bar("SPY", b.start_ns, 60, float(b.open), float(b.high), float(b.low), float(b.close), float(b.volume))
        for b in told if first_ns <= b.start_ns and b.start_ns + MINUTE <= clock.now_ns()
    ]  # fmt: skip


class Listener:
    """A feed of SPY, and the bars that it tells, by batches and pulses."""

    def __init__(self, desk: Any, feed: TradierFeed) -> None:
        self._desk, self._feed = desk, feed
        self.bars: list[Bar] = []
        self.news: list[Any] = []

    async def hear(self, enough: Any) -> None:
        """Until ``enough(self)``; TimeoutError when it never is."""
        async with asyncio.timeout(10):
            while not enough(self):
                with suppress(TimeoutError):
                    batch = await asyncio.wait_for(self._feed.batch(), 0.02)
                    self.news += batch.news
                    self.bars += [e for e in batch.events if isinstance(e, Bar)]
                told = self._feed.pulse(self._desk.clock().now_ns())
                self.bars += [e for e in told if isinstance(e, Bar)]

    async def pass_minutes(self, count: int) -> None:
        """Let the venue's time pass in steps that a stream can follow."""
        for _ in range(count * 6):
            self._desk.advance(10)
            await asyncio.sleep(0.002)


def test_what_a_break_has_cut_off_is_read_and_told_once_in_order(desk: Any) -> None:
    """A bar of half a minute would be a wrong one: minutes under way as a stream came or went are read."""

    async def work() -> None:
        desk.advance(30)  # in the middle of a minute
        clock = desk.clock()
        first = clock.now_ns() // MINUTE * MINUTE
        async with desk.client(clock=clock) as rest:
            instruments = await find_instruments(rest, ["SPY"])
            async with TradierFeed(rest, instruments, settings=QUICK, since_ns=first) as feed:
                heard = Listener(desk, feed)
                await heard.hear(lambda h: any(isinstance(n, LinkUp) for n in h.news))
                await heard.pass_minutes(3)
                await heard.hear(lambda h: len(h.bars) >= 3)
                desk.faults("ws-close@market:#1")
                desk.advance(10)
                await heard.hear(lambda h: any(isinstance(n, LinkDown) for n in h.news))
                desk.advance(200)
                await heard.hear(lambda h: sum(isinstance(n, LinkUp) for n in h.news) == 2)
                await heard.pass_minutes(2)
                await heard.hear(lambda h: h.bars[-1].known_ns >= clock.now_ns() // MINUTE * MINUTE - MINUTE)
        assert heard.bars == minutes_of(desk, first)[: len(heard.bars)] and len(heard.bars) >= 8
        assert not [n for n in heard.news if isinstance(n, Unheard)]

    asyncio.run(work())


def test_a_break_that_cannot_be_read_is_said(desk: Any) -> None:
    async def work() -> None:
        desk.advance(30)
        clock = desk.clock()
        async with desk.client(clock=clock) as rest:
            instruments = await find_instruments(rest, ["SPY"])
            async with TradierFeed(rest, instruments, settings=QUICK) as feed:
                heard = Listener(desk, feed)
                await heard.hear(lambda h: any(isinstance(n, LinkUp) for n in h.news))
                desk.faults("5xx@timesales")
                await heard.pass_minutes(2)
                await heard.hear(lambda h: any(isinstance(n, Unheard) for n in h.news))
        (told,) = [n for n in heard.news if isinstance(n, Unheard)]
        assert told.symbol == "SPY" and "14:40 to 14:41 UTC could not be read" in told.reason

    asyncio.run(work())


def test_the_past_is_read_up_to_now_and_from_where_it_is_wanted(desk: Any) -> None:
    async def work() -> None:
        desk.advance(1_205)
        clock = desk.clock()
        async with desk.client(clock=clock) as rest:
            spy = (await find_instruments(rest, ["SPY"]))["SPY"]
            first = clock.now_ns() // MINUTE * MINUTE - 5 * MINUTE

            async def read(symbol: str, from_ns: int, to_ns: int) -> list[Bar]:
                return await read_bars(rest, spy, from_ns, to_ns)

            past = await read_past(read, ["SPY"], first, clock.now_ns, SETTLE_NS, TradierError)
            assert past.bars == minutes_of(desk, first) and len(past.bars) == 5
            assert past.until_ns == first + 5 * MINUTE and not past.missing
            days = await read_past(read, ["SPY"], first - 4 * 1440 * MINUTE, clock.now_ns, SETTLE_NS, TradierError)
            assert len({bar.start_ns // (1440 * MINUTE) for bar in days.bars}) >= 4
            assert days.bars == sorted(days.bars, key=lambda bar: bar.start_ns)
            desk.faults("5xx@timesales")
            none = await read_past(read, ["SPY"], first, clock.now_ns, SETTLE_NS, TradierError)
            assert none.bars == [] and list(none.missing) == ["SPY"]

    asyncio.run(work())


def test_the_sandbox_is_asked_for_quotes(desk: Any) -> None:
    from dataclasses import replace

    async def work() -> None:
        async with desk.client() as rest:
            rest.http.hosts = replace(rest.http.hosts, market_socket="")
            instruments = await find_instruments(rest, ["SPY"])
            async with TradierFeed(rest, instruments) as feed, asyncio.timeout(10):
                batch = await feed.batch()
                assert isinstance(batch.news[0], LinkUp) and isinstance(batch.events[0], Quote)
                assert feed.known()

    asyncio.run(work())


def test_bars_end_with_their_minute_and_are_told_once() -> None:
    maker = BarMaker("SPY")
    start = 1_795_185_600 * 10**9
    assert maker.trade(D("10.00"), D(100), start + 1) == []
    assert maker.trade(D("10.05"), D(50), start + 30 * 10**9) == []
    assert maker.due(start + MINUTE) == []  # a late trade may still come
    assert maker.due(start + MINUTE + 10**9) == [
        Window("SPY", start, 60, D("10.00"), D("10.05"), D("10.00"), D("10.05"), D(150))
    ]
    assert maker.trade(D("11.00"), D(1), start + 59 * 10**9) == []
    assert maker.due(start + 2 * MINUTE) == []
    assert maker.trade(D("12.00"), D(1), start + MINUTE) == []
    (bar,) = maker.trade(D("13.00"), D(1), start + 3 * MINUTE)
    assert (bar.start_ns, bar.close, bar.volume) == (start + MINUTE, 12, 1)
