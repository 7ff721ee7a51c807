"""Tradier as the engine's venue, on the practice venue over real sockets."""

from __future__ import annotations

import asyncio
from decimal import Decimal as D
from typing import Any

import pytest

from connectors.tradier.listing import is_option, tag_of, underlying_of
from connectors.tradier.orders import Action, Part, Type, single
from connectors.tradier.venue import TradierVenue
from engine.market.orders import Leg, OrderType, Side
from engine.market.venue import BracketVenue, Outcome, WireOrder, leg_id


def order(client_id: str, side: Side, quantity: int, limit: str, **more: Any) -> WireOrder:
    return WireOrder(client_id, "SPY", side, D(quantity), D(limit), **more)


def bracket(entry: str = "500.02", **more: Any) -> list[WireOrder]:
    return [
        order("e-1", Side.BUY, 10, entry, **more),
        order(leg_id("e-1", Leg.STOP), Side.SELL, 10, "498", reduce_only=True, type=OrderType.STOP),
        order(leg_id("e-1", Leg.TARGET), Side.SELL, 10, "502", reduce_only=True),
    ]


@pytest.fixture(autouse=True)
def still(desk: Any) -> None:
    desk.quote("SPY", "500.00", "500.02")


def test_a_bracket_goes_out_once_and_is_known_by_its_parts(desk: Any) -> None:
    async def work() -> None:
        async with desk.client() as rest:
            venue = TradierVenue(rest)
            assert isinstance(venue, BracketVenue)
            entry, stop, target = await venue.together(bracket())
            assert [a.outcome for a in (entry, stop, target)] == [Outcome.DONE] * 3
            assert (entry.filled, entry.rests) == (10, 0) and stop.rests is None
            picture = await venue.picture(0)
            assert {o.client_id: (o.venue_order_id, o.open) for o in picture.orders} == {
                "e-1": (entry.venue_order_id, False), "e-1-stop": (stop.venue_order_id, True),
                "e-1-target": (target.venue_order_id, True),
            }  # fmt: skip
            assert next(o for o in picture.orders if o.client_id == "e-1").average == D("500.02")
            assert picture.positions == {"SPY": 10} and picture.costs == {"SPY": D("500.02")}
            assert picture.cash == D("94999.8") and picture.missing == frozenset()
            moved = await venue.move(stop.venue_order_id, "SPY", D("499.5"))
            assert moved.outcome is Outcome.DONE
            assert (await venue.move(stop.venue_order_id, "SPY", D(501))).outcome is Outcome.REFUSED
            one, other = await asyncio.gather(
                venue.cancel(stop.venue_order_id, "SPY"), venue.cancel(target.venue_order_id, "SPY")
            )
            assert (one.outcome, one.rests, other.outcome, other.rests) == (Outcome.DONE, 10, Outcome.DONE, 10)
            assert await venue.resting() == []

    asyncio.run(work())


def test_an_order_for_now_does_not_stay(desk: Any) -> None:
    desk.quote("SPY", "500.00", "500.02", 4)

    async def work() -> None:
        async with desk.client() as rest:
            venue = TradierVenue(rest)
            answer = await venue.send(order("n-1", Side.BUY, 10, "500.05", immediate=True))
            assert (answer.outcome, answer.filled, answer.rests) == (Outcome.DONE, 4, 0)
            assert [(o.filled, o.average, o.open) for o in answer.orders] == [(4, D("500.02"), False)]
            assert await venue.resting() == [] and await venue.holdings() == {"SPY": 4}

    asyncio.run(work())


def test_a_new_order_is_looked_for_until_the_lists_have_it(desk: Any) -> None:
    desk.options(read_lag_ms=150)
    desk.server.do(lambda practice: setattr(practice.venue.clock, "speed", 1.0))

    async def work() -> None:
        async with desk.client() as rest:
            entry, stop, _ = await TradierVenue(rest).together(bracket())
            assert entry.venue_order_id and stop.venue_order_id and stop.venue_order_id != entry.venue_order_id

    asyncio.run(work())


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("drop-before@create", Outcome.UNKNOWN), ("drop-after@create", Outcome.UNKNOWN),
        ("5xx@create", Outcome.UNKNOWN), ("html-after@create", Outcome.UNKNOWN), ("429@create", Outcome.LIMITED),
    ],
)  # fmt: skip
def test_what_is_certain_after_a_fault(desk: Any, fault: str, outcome: Outcome) -> None:
    desk.faults(fault)

    async def work() -> None:
        async with desk.client() as rest:
            venue = TradierVenue(rest)
            answers = await venue.together(bracket("490"))
            assert {a.outcome for a in answers} == {outcome}
            arrived = "after" in fault
            listed = {o.client_id for o in (await venue.picture(0)).orders}
            assert listed == ({"e-1", "e-1-stop", "e-1-target"} if arrived else set())
            assert len(desk.server.do(lambda practice: list(practice.venue.exchange.orders))) == int(arrived)

    asyncio.run(work())


def test_refusals_gone_orders_and_orders_of_others(desk: Any) -> None:
    async def work() -> None:
        async with desk.client() as rest:
            venue = TradierVenue(rest)
            refused = await venue.send(order("r-1", Side.SELL, 1, "510", reduce_only=True))
            assert (refused.outcome, refused.reason) == (Outcome.REFUSED, "UnexpectedSellOrder")
            half = await venue.send(order("r-2", Side.BUY, 1, "500")._replace(quantity=D("0.5")))
            assert half.outcome is Outcome.REFUSED and "whole shares" in half.reason
            assert (await venue.shrink("1", "SPY", D(1))).outcome is Outcome.REFUSED
            assert (await venue.cancel("77", "SPY")).outcome is Outcome.GONE
            await rest.place(single(Part("F", Action.BUY, 3, Type.LIMIT, D(1))))
            (foreign,) = await venue.resting()
            assert (foreign.client_id, foreign.symbol) == ("", "F")
            picture = await venue.picture(0, [foreign.venue_order_id, "77"])
            assert picture.missing == {"77"}
            assert (await venue.cancel_all()).outcome is Outcome.DONE
            assert await venue.resting() == []
            quote = await venue.quote("BRK.B")
            assert quote.symbol == "BRK.B" and quote.bid is not None and quote.bid_size is not None

    asyncio.run(work())


def test_ids_symbols_and_tags() -> None:
    assert tag_of("a1b2-3-stop") == "a1b2-3-stop"
    odd = tag_of("flatten 12:00 BRK/B")
    assert odd != tag_of("flatten 12:00 BRK.B") and odd.replace("-", "").isalnum()
    assert len(tag_of("x" * 300)) == 255
    assert is_option("SPY190605C00282000") and underlying_of("SPY190605C00282000") == "SPY"
    assert not is_option("SPY") and underlying_of("BRK.B") == "BRK/B"
