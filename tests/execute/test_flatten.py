"""Cancel and flatten: they need no rules, no store and no engine, and they only ever reduce."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from decimal import Decimal
from typing import Any

import pytest

from engine.execute import flatten as module
from engine.execute.flatten import Cleared, Room, cancel_orders, flatten, in_the_way
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.orders import Side
from engine.market.venue import Answer, Outcome, Urgency, VenueError, VenueLimited, VenueOrder, WireOrder

D = Decimal
INSTRUMENTS = {s: Instrument(s, InstrumentKind.BINARY, lowest=D("0.01"), highest=D("0.99")) for s in ("A", "B")}


def put(rig: Any, client_id: str, symbol: str, side: Side, quantity: int, limit: str) -> None:
    asyncio.run(rig.venue.send(WireOrder(client_id, symbol, side, D(quantity), D(limit))))


def run_flatten(rig: Any, symbol: str | None = None) -> Cleared:
    async def pause(seconds: float) -> None:
        rig.venue.now += int(seconds * 1e9)

    async def listing(names: Collection[str]) -> dict[str, Instrument]:
        return {name: INSTRUMENTS[name] for name in names}

    return asyncio.run(flatten(rig.venue, listing, D("0.05"), "stamp", symbol, Room(pause)))


def test_everything_is_taken_off_and_closed(rig: Any) -> None:
    rig.venue.book["B"] = ("0.30", "0.32")
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    put(rig, "b", "B", Side.SELL, 3, "0.30")
    put(rig, "rests", "A", Side.BUY, 9, "0.20")
    done = run_flatten(rig)
    assert (len(done.cancelled), done.closed, done.left) == (1, {"A": 5, "B": 3}, {})
    assert rig.venue.positions() == {}
    assert rig.resting() == []
    assert all(o.reduce_only for o in rig.venue.sent if o.client_id.startswith("stamp"))


def test_of_entries_alone_what_could_reduce_a_position_stays(rig: Any) -> None:
    rig.venue.book["B"] = ("0.30", "0.32")
    put(rig, "held", "A", Side.BUY, 5, "0.51")
    put(rig, "target", "A", Side.SELL, 5, "0.90")
    put(rig, "more", "A", Side.BUY, 5, "0.20")
    put(rig, "short", "B", Side.SELL, 5, "0.90")
    done = asyncio.run(cancel_orders(rig.venue, entries=True))
    assert {o.client_id for o in done.cancelled} == {"more", "short"}
    assert [o.client_id for o in rig.resting()] == ["target"]

    async def fails() -> Any:
        raise VenueError("away")

    rig.venue.holdings = fails
    left = asyncio.run(cancel_orders(rig.venue, entries=True)).left
    assert "`engine cancel` alone cancels everything" in left["orders"] and rig.resting()


def test_one_entry_is_found_by_its_attempts(rig: Any) -> None:
    for name in ("e-1", "e-2", "f-1", "e-2-stop"):
        put(rig, name, "A", Side.BUY, 1, "0.20")
    done = asyncio.run(cancel_orders(rig.venue, only={"e"}))
    assert {o.client_id for o in done.cancelled} == {"e-1", "e-2"}


def test_one_market_alone(rig: Any) -> None:
    rig.venue.book["B"] = ("0.30", "0.32")
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    put(rig, "b", "B", Side.BUY, 3, "0.32")
    assert run_flatten(rig, "A").closed == {"A": 5}
    assert rig.venue.positions() == {"B": 3}


def test_what_finds_nobody_is_said(rig: Any) -> None:
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    rig.venue.book["A"] = (None, "0.51")
    assert run_flatten(rig).left == {"A": "nobody is there to trade with"}
    rig.venue.book["A"], rig.venue.depth = ("0.40", "0.51"), D(0)
    assert run_flatten(rig).left == {"A": "5 of 5 found nobody"}


def test_stale_orders_only(rig: Any) -> None:
    put(rig, "old", "A", Side.BUY, 1, "0.20")
    rig.venue.now += 10
    put(rig, "new", "A", Side.BUY, 1, "0.20")
    done = asyncio.run(cancel_orders(rig.venue, None, rig.venue.now))
    assert [o.client_id for o in done.cancelled] == ["old"]


# -- what goes first --------------------------------------------------------------------------------------------------


class Rationed:
    """Lets so many requests that change something through between two waits, and notes them in their order."""

    def __init__(self, venue: Any, room: int) -> None:
        self.room, self.left, self.waits = room, room, 0
        self.done: list[str] = []
        self._send, self._cancel, self._orders = venue.send, venue.cancel, venue.orders
        venue.send, venue.cancel = self.send, self.cancel

    def _taken(self, what: str) -> bool:
        if not self.left:
            return False
        self.left -= 1
        self.done.append(what)
        return True

    async def send(self, order: WireOrder) -> Answer:
        if not self._taken(f"close {order.symbol}"):
            return Answer(Outcome.LIMITED, reason="not sent", wait_seconds=40.0)
        return await self._send(order)

    async def cancel(self, venue_id: str, symbol: str, urgency: Urgency = Urgency.CANCEL) -> Answer:
        order = self._orders[venue_id]
        if not self._taken(f"{urgency.name} {order.client_id}"):
            return Answer(Outcome.LIMITED, reason="not sent", wait_seconds=40.0)
        return await self._cancel(venue_id, symbol, urgency)

    async def pause(self, seconds: float) -> None:
        if seconds >= 40.0:
            self.waits, self.left = self.waits + 1, self.room


def rationed_flatten(rig: Any, ration: Rationed) -> Cleared:
    async def listing(names: Collection[str]) -> dict[str, Instrument]:
        return {name: INSTRUMENTS[name] for name in names}

    return asyncio.run(flatten(rig.venue, listing, D("0.05"), "stamp", None, Room(ration.pause)))


def test_positions_are_closed_before_entries_are_cancelled_after_what_stands_in_their_way(rig: Any) -> None:
    rig.venue.book["B"] = ("0.30", "0.32")
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    put(rig, "b", "B", Side.SELL, 3, "0.30")
    put(rig, "stop", "A", Side.SELL, 5, "0.90")
    put(rig, "near", "A", Side.BUY, 5, "0.49")  # the close would trade with it
    for number in range(20):
        put(rig, f"e{number}", "A", Side.BUY, 1, "0.10")
    put(rig, "e20", "B", Side.SELL, 1, "0.90")
    ration = Rationed(rig.venue, 100)
    assert rationed_flatten(rig, ration).closed == {"A": 5, "B": 3}
    assert sorted(ration.done[:4]) == ["REDUCE near", "REDUCE stop", "close A", "close B"]
    assert ration.done.index("close A") > max(ration.done.index("REDUCE near"), ration.done.index("REDUCE stop"))
    assert {name.split()[0] for name in ration.done[4:]} == {"CANCEL"} and len(ration.done) == 25


def test_with_few_requests_it_is_flat_at_once_and_waits_with_the_cancels(rig: Any) -> None:
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    put(rig, "stop", "A", Side.SELL, 5, "0.90")
    for number in range(30):
        put(rig, f"e{number}", "A", Side.BUY, 1, "0.10")
    ration = Rationed(rig.venue, 12)
    done = rationed_flatten(rig, ration)
    assert (done.closed, done.left, len(done.cancelled), rig.resting()) == ({"A": 5}, {}, 31, [])
    assert ration.done[:2] == ["REDUCE stop", "close A"]
    assert ration.waits == 2, "32 requests, 12 at a time"


def test_in_the_middle_of_it_a_full_window_is_waited_for_and_what_reduces_goes_on_first(rig: Any) -> None:
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    put(rig, "stop", "A", Side.SELL, 5, "0.90")
    for number in range(3):
        put(rig, f"e{number}", "A", Side.BUY, 1, "0.10")
    ration = Rationed(rig.venue, 1)
    done = rationed_flatten(rig, ration)
    assert ration.done[:2] == ["REDUCE stop", "close A"]
    assert (done.closed, len(done.cancelled)) == ({"A": 5}, 4)


def test_a_window_that_never_opens_again_is_not_waited_for_for_ever(rig: Any) -> None:
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    ration = Rationed(rig.venue, 0)
    done = rationed_flatten(rig, ration)
    assert (done.closed, done.left, done.failed) == ({}, {"A": "not sent"}, {"A"})
    assert ration.waits == 4, "40 s each, 180 in all"


def test_a_list_for_which_there_is_no_room_is_waited_for_and_nothing_is_swept(rig: Any) -> None:
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    put(rig, "e", "A", Side.BUY, 1, "0.10")
    resting, told = rig.venue.resting, [VenueLimited("full", 40.0), VenueLimited("full", 40.0)]

    async def limited(symbol: str | None = None) -> Any:
        if told:
            raise told.pop()
        return await resting(symbol)

    rig.venue.resting = limited
    done = rationed_flatten(rig, Rationed(rig.venue, 9))
    assert (done.closed, done.left, done.swept, rig.resting()) == ({"A": 5}, {}, "", [])


def test_legs_that_sleep_keep_nothing_back() -> None:
    def order(client_id: str, side: Side, limit: str) -> VenueOrder:
        return VenueOrder(client_id, client_id, "A", side, D(1), D(0), D(limit), True, 0)

    orders = [
        order("e-1", Side.BUY, "0.10"), order("e-1-stop", Side.SELL, "0.05"), order("e-1-target", Side.SELL, "0.90"),
        order("held-2-stop", Side.SELL, "0.30"), order("", Side.SELL, "0.80"),
    ]  # fmt: skip
    assert [o.client_id for o in in_the_way(orders, "A", Side.SELL, D("0.45"))] == ["held-2-stop", ""]
    assert in_the_way(orders, "B", Side.SELL, D("0.45")) == []


def test_a_stop_that_filled_first_is_not_sold_a_second_time(rig: Any) -> None:
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    put(rig, "stop", "A", Side.SELL, 5, "0.90")
    cancel = rig.venue.cancel

    async def too_late(venue_id: str, symbol: str, urgency: Urgency) -> Any:
        rig.venue.trade(venue_id, 5)
        return await cancel(venue_id, symbol, urgency)

    rig.venue.cancel = too_late
    assert run_flatten(rig).left == {}
    assert rig.venue.positions() == {} and len(rig.venue.sent) == 2, "nothing was sent to close it"


def test_a_cancel_waits_for_room_too(rig: Any) -> None:
    for number in range(30):
        put(rig, f"e{number}", "A", Side.BUY, 1, "0.10")
    ration, told = Rationed(rig.venue, 12), []
    done = asyncio.run(cancel_orders(rig.venue, room=Room(ration.pause, told.append)))
    assert (len(done.cancelled), done.left, done.swept, ration.waits) == (30, {}, "", 2)
    assert told == ["the venue lets no more requests through for now; it goes on in 40 s"] * 2


# -- what is in the way ------------------------------------------------------------------------------------------------


async def unreadable(*arguments: Any) -> Any:
    raise VenueError("503")


async def silent(*arguments: Any) -> Any:
    await asyncio.Event().wait()


def test_an_entry_that_fills_meanwhile_is_closed_too(rig: Any) -> None:
    rig.venue.book["B"] = ("0.30", "0.32")
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    put(rig, "b", "B", Side.BUY, 3, "0.20")
    cancel = rig.venue.cancel

    async def too_late(venue_id: str, symbol: str, urgency: Urgency) -> Any:
        if symbol == "B":
            rig.venue.trade(venue_id, 3)
        return await cancel(venue_id, symbol, urgency)

    rig.venue.cancel = too_late
    assert run_flatten(rig).closed == {"A": 5, "B": 3}
    assert rig.venue.positions() == {}


@pytest.mark.parametrize("trouble", [unreadable, silent])
def test_one_market_that_cannot_be_read_stops_no_other(
    rig: Any, trouble: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 0.01)
    rig.venue.book["B"] = ("0.30", "0.32")
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    put(rig, "b", "B", Side.BUY, 3, "0.32")
    quote = rig.venue.quote
    rig.venue.quote = lambda symbol: trouble() if symbol == "A" else quote(symbol)
    done = run_flatten(rig)
    assert (done.closed, done.failed) == ({"B": 3}, {"A"})
    assert "prices could not be read" in done.left["A"]
    rig.venue.quote = quote
    assert run_flatten(rig).closed == {"A": 5}


def test_an_order_without_an_answer_is_counted_by_what_is_held_then(rig: Any) -> None:
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    rig.venue.faults = ["unanswered"]
    done = run_flatten(rig)
    assert (done.closed, done.left) == ({"A": 5}, {})
    assert rig.venue.positions() == {}


@pytest.mark.parametrize("trouble", [unreadable, silent])
def test_orders_that_cannot_be_listed_are_cancelled_all_at_once(
    rig: Any, trouble: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 0.01)
    put(rig, "a", "A", Side.BUY, 1, "0.20")
    rig.venue.resting = trouble
    done = asyncio.run(cancel_orders(rig.venue, "A"))
    assert done.failed == {"orders"} and "alone cancels everything" in done.left["orders"]
    assert len(rig.resting()) == 1, "more than was asked for is not taken off"
    done = asyncio.run(cancel_orders(rig.venue))
    assert "could not be read" in done.swept
    assert (done.left, rig.resting()) == ({}, [])
    rig.venue.faults = ["lost"]
    assert asyncio.run(cancel_orders(rig.venue)).failed == {"orders"}


def test_cancels_that_fail_are_made_good_by_one_for_all(rig: Any) -> None:
    for name in ("a", "b"):
        put(rig, name, "A", Side.BUY, 1, "0.20")
    rig.venue.faults = ["lost"]
    done = asyncio.run(cancel_orders(rig.venue))
    assert "1 cancel(s) failed" in done.swept
    assert rig.resting() == []


def test_positions_that_cannot_be_read_are_said(rig: Any) -> None:
    put(rig, "a", "A", Side.BUY, 1, "0.20")
    rig.venue.holdings = unreadable
    done = run_flatten(rig)
    assert (len(done.cancelled), done.failed) == (1, {"positions"})
