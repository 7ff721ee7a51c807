"""Kalshi as the engine's venue and feed, against a practice exchange over real sockets."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any, TypeVar

import pytest

pytest.importorskip("uvicorn")

from connectors.kalshi.client import KalshiRest
from connectors.kalshi.hosts import loopback_hosts
from connectors.kalshi.models.markets import Market
from connectors.kalshi.sign import Signer
from connectors.kalshi.source import KalshiFeed, find_markets, instrument_of
from connectors.kalshi.stream import KalshiStream
from connectors.kalshi.venue import KalshiVenue
from connectors.simulators.kalshi.core.order import NewOrder
from connectors.simulators.kalshi.core.units import parse_count, parse_price
from connectors.simulators.kalshi.scenario import HOUSE
from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from engine.market.events import Observation, Quote
from engine.market.orders import Side
from engine.market.venue import Batch, LinkUp, Outcome, VenueError, VenueFill, VenueOrder, WireOrder

D = Decimal
A, TENNIS = "KXT-26-A", "KXATPMATCH-26-B"
LISTINGS = {
    "series": [{"ticker": "KXT"}, {"ticker": "KXATPMATCH", "exchange_index": 3}],
    "markets": [
        {"ticker": A, "event_ticker": "KXT-26", "status": "active", "price_level_structure": "tapered_deci_cent",
         "orderbook_fp": {"yes_dollars": [["0.4000", "10.00"]], "no_dollars": [["0.5500", "10.00"]]}},
        {"ticker": TENNIS, "event_ticker": "KXATPMATCH-26", "status": "active"},
    ],
}  # fmt: skip
T = TypeVar("T")


class World:
    """An exchange that only does what it is told, and a client of it."""

    def __init__(self, server: PracticeServer) -> None:
        self.server = server
        made = server.do(lambda practice: practice.make_key("ed25519"))
        self.signer = Signer(made.key_id, made.private)  # type: ignore[arg-type]
        self.hosts = loopback_hosts(server.rest_url)

    def run(self, work: Callable[[KalshiRest], Awaitable[T]]) -> T:
        async def all_of_it() -> T:
            async with KalshiRest(self.hosts, self.signer) as rest:
                await rest.exchange.adopt_limits()
                return await work(rest)

        return asyncio.run(all_of_it())

    def trade(self, side: str, price: str, count: str, ticker: str = A) -> None:
        """The house takes or makes."""

        def act(practice: Practice) -> Any:
            wanted = NewOrder(ticker, side, parse_count(count), parse_price(price))
            return practice.venue.exchange.place(HOUSE, wanted, practice.venue.now())

        self.server.do(act)


@pytest.fixture
def world() -> Iterator[World]:
    practice = Practice(Setup(Options(seed=1, unlimited=True), markets=LISTINGS, trader_rate=0))
    with PracticeServer(practice) as server:
        yield World(server)


def order(client_id: str, side: Side = Side.BUY, quantity: int = 5, limit: str = "0.40", **more: Any) -> WireOrder:
    return WireOrder(client_id, more.pop("symbol", A), side, D(quantity), D(limit), **more)


def venue_of(rest: KalshiRest, **more: Any) -> KalshiVenue:
    return KalshiVenue(rest, {A: 0, TENNIS: 3}, **more)


def test_an_instrument_has_the_markets_own_grid(world: World) -> None:
    market = world.run(lambda rest: find_markets(rest, [A]))[A]
    instrument = instrument_of(market)
    assert [instrument.on_grid(D(p)) for p in ("0.0512", "0.512", "0.9512")] == [D("0.051"), D("0.51"), D("0.951")]
    assert (instrument.lowest, instrument.highest, instrument.tick_size) == (D("0.001"), D("0.999"), D("0.001"))
    assert instrument.within(D("1.2")) == D("0.999")
    assert (instrument.kind, instrument.calendar) == ("binary", "24/7")


def test_a_market_that_is_not_there_is_left_out(world: World) -> None:
    assert list(world.run(lambda rest: find_markets(rest, [A, "KXNO-26-X"]))) == [A]


def test_answers_say_what_is_certain(world: World) -> None:
    async def work(rest: KalshiRest) -> None:
        venue = venue_of(rest)
        made = await venue.send(order("a"))
        assert (made.outcome, made.filled, made.rests) == (Outcome.DONE, 0, 5)
        again = await venue.send(order("a"))
        assert again.outcome is Outcome.DUPLICATE
        smaller = await venue.shrink(made.venue_order_id, A, D(2))
        assert (smaller.outcome, smaller.rests) == (Outcome.DONE, 3)
        gone = await venue.cancel(made.venue_order_id, A)
        assert (gone.outcome, gone.rests) == (Outcome.DONE, 3)
        assert (await venue.cancel(made.venue_order_id, A)).outcome is Outcome.GONE
        assert (await venue.send(order("b", limit="0.4005"))).outcome is Outcome.REFUSED  # off the grid
        assert (await venue.send(order("c", limit="1.5"))).outcome is Outcome.REFUSED
        taken = await venue.send(order("d", limit="0.50", quantity=20, immediate=True))
        assert (taken.outcome, taken.filled, taken.rests) == (Outcome.DONE, 10, 0)

    world.run(work)


def test_a_lost_answer_is_unknown_and_the_lists_have_the_order(world: World) -> None:
    async def work(rest: KalshiRest) -> None:
        venue = venue_of(rest)
        assert (await venue.send(order("a", limit="0.46"))).outcome is Outcome.UNKNOWN
        picture = await venue.picture(time.time_ns() - 10**9)
        assert [(o.client_id, o.filled, o.open, o.side) for o in picture.orders] == [("a", 5, False, Side.BUY)]
        assert [(f.quantity, f.price, f.side) for f in picture.fills] == [(5, D("0.45"), Side.BUY)]
        assert picture.positions == {A: D(5)}
        assert picture.costs == {A: D("0.45")}
        assert picture.cash == 4000 - D("2.25") - picture.fills[0].fee

    world.server.do(lambda practice: practice.venue.faults.set("drop-after@create:#1"))
    world.run(work)


def test_selling_yes_that_is_not_held_is_buying_no(world: World) -> None:
    async def work(rest: KalshiRest) -> None:
        venue = venue_of(rest)
        await venue.send(order("a", Side.SELL, 4, "0.40", immediate=True))
        picture = await venue.picture(0)
        assert picture.positions == {A: D(-4)}
        assert picture.costs == {A: D("0.40")}
        back = await venue.send(order("b", Side.BUY, 9, "0.50", immediate=True, reduce_only=True))
        assert back.filled == 4

    world.run(work)


def test_orders_and_cancels_find_their_shard(world: World) -> None:
    async def work(rest: KalshiRest) -> None:
        venue = venue_of(rest)
        made = await venue.send(order("a", symbol=TENNIS))
        assert (await venue.cancel(made.venue_order_id, TENNIS)).outcome is Outcome.DONE

    world.run(work)


def test_the_fuse_cancels_entries_at_the_venue_and_never_exits(world: World) -> None:
    async def work(rest: KalshiRest) -> None:
        venue = venue_of(rest, fuse=D(5))
        await venue.arm()
        rests = await venue.send(order("rests", limit="0.10", guarded=True))
        await venue.send(order("takes", limit="0.50", quantity=8, guarded=True, immediate=True))
        listed = {o.client_id: o for o in (await venue.picture(0)).orders}
        assert not listed["rests"].open
        assert rests.outcome is Outcome.DONE
        assert (await venue.send(order("more", limit="0.10", guarded=True))).outcome is not Outcome.DONE
        assert (await venue.send(order("out", Side.SELL, 5, "0.30", immediate=True))).outcome is Outcome.DONE
        await venue.disarm()
        assert await rest.groups.list() == ()

    world.run(work)


def test_half_a_fuse_is_not_left_behind(world: World) -> None:
    async def work(rest: KalshiRest) -> None:
        world.server.do(lambda practice: practice.venue.faults.set("5xx@groups:#2"))
        with pytest.raises(VenueError, match="cannot be made"):
            await venue_of(rest, fuse=D(5)).arm()
        assert await rest.groups.list() == ()

    world.run(work)


def test_all_of_a_fuse_is_tried_to_be_removed(world: World) -> None:
    async def work(rest: KalshiRest) -> None:
        venue = venue_of(rest, fuse=D(5))
        await venue.arm()
        world.server.do(lambda practice: practice.venue.faults.set("5xx@groups:#1"))
        with pytest.raises(VenueError, match="cannot be removed"):
            await venue.disarm()
        assert len(await rest.groups.list()) == len(venue.groups) == 1

    world.run(work)


def test_a_picture_says_what_it_covers_by_our_own_clock(world: World) -> None:
    """The venue's clock is four seconds ahead, so that what it calls now is four seconds from now."""

    async def work(rest: KalshiRest) -> None:
        began_ns = time.time_ns()
        covered_ns = (await venue_of(rest).picture(0)).covered_ns
        assert covered_ns <= time.time_ns()
        assert covered_ns > began_ns - 6 * 10**9

    world.server.do(lambda practice: practice.venue.faults.set("skew=4"))
    world.run(work)


def test_a_settled_market_is_told(world: World) -> None:
    async def work(rest: KalshiRest) -> None:
        venue = venue_of(rest)
        await venue.send(order("a", limit="0.45", immediate=True))
        world.server.do(lambda p: p.venue.exchange.determine(A, "yes", p.venue.now()))
        world.server.do(lambda p: p.director.step(120 * 10**9))
        picture = await venue.picture(0)
        assert [(s.symbol, s.value) for s in picture.settlements] == [(A, D(1))]
        assert picture.positions == {}

    world.run(work)


# -- the feed ----------------------------------------------------------------------------------------------------------

Check = Callable[[Batch], bool]


async def until(feed: KalshiFeed, check: Check) -> Batch:
    """Read on until a batch has it."""
    async with asyncio.timeout(20):
        while True:
            batch = await feed.batch()
            if check(batch):
                return batch


def with_feed(world: World, names: set[str], work: Callable[[KalshiFeed, KalshiRest], Awaitable[None]]) -> None:
    async def open_it(rest: KalshiRest) -> None:
        markets: dict[str, Market] = await find_markets(rest, [A])
        stream = KalshiStream(world.hosts, world.signer)
        feed = KalshiFeed(rest, stream, markets.values(), names, time.time_ns, account=True)
        await feed.read_terms()
        async with stream:
            await work(feed, rest)

    world.run(open_it)


def quotes(batch: Batch) -> list[tuple[float | None, float | None]]:
    return [(e.bid, e.ask) for e in batch.events if isinstance(e, Quote)]


def test_the_book_becomes_quotes_in_yes_prices_and_only_wanted_facts(world: World) -> None:
    async def work(feed: KalshiFeed, rest: KalshiRest) -> None:
        first = await until(feed, lambda b: bool(quotes(b)))
        assert quotes(first)[-1] == (0.40, 0.45)
        told = {e.name: e.value for e in first.events if isinstance(e, Observation)}
        assert told == {"no.ask": pytest.approx(0.60)}
        world.trade("bid", "0.42", "3")
        assert (0.42, 0.45) in quotes(await until(feed, lambda b: bool(quotes(b))))

    with_feed(world, {"no.ask"}, work)


def test_our_orders_and_fills_are_news(world: World) -> None:
    async def work(feed: KalshiFeed, rest: KalshiRest) -> None:
        await until(feed, lambda b: any(isinstance(n, LinkUp) for n in b.news))
        await venue_of(rest).send(order("mine", limit="0.45", quantity=3))
        seen: list[Any] = []
        await until(feed, lambda b: bool(seen.extend(b.news) or {VenueFill, VenueOrder} <= {type(n) for n in seen}))
        fill = next(n for n in seen if isinstance(n, VenueFill))
        assert (fill.client_id, fill.quantity, fill.price, fill.side) == ("mine", 3, D("0.45"), Side.BUY)
        told = [n for n in seen if isinstance(n, VenueOrder)][-1]
        assert (told.client_id, told.filled, told.open) == ("mine", 3, False)

    with_feed(world, set(), work)


def test_a_lost_connection_makes_prices_unknown(world: World) -> None:
    async def work(feed: KalshiFeed, rest: KalshiRest) -> None:
        await until(feed, lambda b: bool(quotes(b)))
        world.server.do(lambda practice: practice.venue.faults.set("ws-close:#1"))
        world.trade("bid", "0.41", "3")
        await until(feed, lambda b: (None, None) in quotes(b))
        await until(feed, lambda b: any(isinstance(n, LinkUp) for n in b.news))

    with_feed(world, {"yes.bid"}, work)


def test_the_fee_function_gets_the_markets_own_rate(world: World) -> None:
    async def work(feed: KalshiFeed, rest: KalshiRest) -> None:
        batch = await until(feed, lambda b: any(isinstance(e, Observation) for e in b.events))
        told = {e.name: e.value for e in batch.events if isinstance(e, Observation)}
        assert told["venue.fee_rate"] == pytest.approx(0.07)

    with_feed(world, {"venue.fee_rate"}, work)


def rates(batch: Batch) -> list[float]:
    told = (e.value for e in batch.events if isinstance(e, Observation) and e.name == "venue.fee_rate")
    return [value for value in told if isinstance(value, float)]


def test_an_events_own_fee_counts_from_the_moment_it_is_told(world: World) -> None:
    async def work(feed: KalshiFeed, rest: KalshiRest) -> None:
        told: list[float] = []
        await until(feed, lambda b: bool(told.extend(rates(b)) or any(isinstance(n, LinkUp) for n in b.news)))
        assert told == [pytest.approx(0.07)]
        world.server.do(lambda p: p.venue.exchange.set_event_fee("KXT-26", "quadratic", "3", p.venue.now()))
        await until(feed, lambda b: rates(b) == [pytest.approx(0.21)])

    with_feed(world, {"venue.fee_rate"}, work)


def test_a_pause_of_the_exchange_is_seen_within_the_minute_and_silence_within_five(world: World) -> None:
    async def work(feed: KalshiFeed, rest: KalshiRest) -> None:
        def tradable(now_ns: int) -> list[Any]:
            for _ in range(10):  # everything is told anew within ten pulses
                told = [e for e in feed.pulse(now_ns) if isinstance(e, Observation) and e.name == "market.tradable"]
                if told:
                    return [(e.value, e.reason) for e in told]
            return []

        now = time.time_ns()
        assert tradable(now) == [(True, "")]
        world.server.do(lambda p: p.venue.exchange.set_exchange(p.venue.now(), False, False, None))
        naps = 0

        async def sleep(seconds: float) -> None:
            nonlocal naps
            naps += 1
            if naps == 2:
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await feed.keep_terms(lambda words: None, sleep)
        assert tradable(now) == [(False, "")]
        (value, reason) = tradable(now + 400 * 1_000_000_000)[0]
        assert value is None and "five minutes" in reason

    with_feed(world, {"market.tradable"}, work)
