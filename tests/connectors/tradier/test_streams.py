"""Streams over real sockets, and what they become for the engine."""

from __future__ import annotations

import asyncio
from decimal import Decimal as D
from typing import Any

from connectors.tradier.bars import BarMaker
from connectors.tradier.events import Down, OrderEvent, Problem, StreamQuote, Up
from connectors.tradier.orders import Action, Part, Type, single
from connectors.tradier.source import TradierFeed, find_instruments
from connectors.tradier.stream import StreamSettings, TradierStream, http_events
from connectors.tradier.venue import TradierVenue
from connectors.transport.clock import Clock
from engine.market.events import Bar, Quote
from engine.market.venue import LinkDown, LinkUp, VenueOrder

QUICK = StreamSettings(first_backoff=0.01, longest_backoff=0.05)
MINUTE = 60 * 10**9


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
        async with desk.client() as rest:
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
                desk.advance(60)
                desk.advance(60)
                await gather(feed, Bar)
                assert {e.symbol for e in events if isinstance(e, Quote)} <= {"SPY", "BRK.B"}
                bars = [e for e in events if isinstance(e, Bar)]
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
    async def work() -> None:
        async with desk.client() as rest:
            feed = TradierFeed(rest, await find_instruments(rest, ["SPY"]))
            bar = Bar("SPY", 0, 60, 1.0, 1.0, 1.0, 1.0, 1.0)
            feed._waiting.put_nowait(([bar], []))
            rest.http.clock = feed._clock = Clock(now_ns=lambda: MINUTE - 1)
            assert (await feed.batch()).events == []
            assert feed.pulse(MINUTE - 1) == []
            assert feed.pulse(MINUTE) == [bar]
            assert feed.pulse(MINUTE) == []

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
    assert maker.due(start + MINUTE + 10**9) == [Bar("SPY", start, 60, 10.0, 10.05, 10.0, 10.05, 150.0)]
    assert maker.trade(D("11.00"), D(1), start + 59 * 10**9) == []
    assert maker.due(start + 2 * MINUTE) == []
    assert maker.trade(D("12.00"), D(1), start + MINUTE) == []
    (bar,) = maker.trade(D("13.00"), D(1), start + 3 * MINUTE)
    assert (bar.start_ns, bar.close, bar.volume) == (start + MINUTE, 12.0, 1.0)
