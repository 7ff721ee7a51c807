"""What is certain and when: late requests, orders that come back, accounts that were used before, missing prices."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.market.intents import IntentState
from engine.market.orders import Order, Side
from engine.market.venue import VenueOrder, WireOrder

Bracket = Callable[..., tuple[Order, Order, Order]]
D = Decimal
SECOND = 1_000_000_000


def held_with_target_on_its_way(rig: Any, new_bracket: Bracket, fault: str) -> None:
    """Ten are held, and something happens to the target's request."""
    rig.place(*new_bracket("e"))
    rig.venue.faults = [fault]
    rig.venue.trade("v1", 10)
    rig.tick()


def test_a_target_that_is_late_is_not_sent_twice(rig: Any, new_bracket: Bracket) -> None:
    held_with_target_on_its_way(rig, new_bracket, "late")
    rig.tick(0.3)
    assert rig.reconcile().unsettled == ("e-target-1",)
    rig.venue.arrive()
    rig.tick(0.3)
    rig.reconcile()
    rig.tick(2)
    rig.reconcile()
    assert [(o.client_id, o.quantity) for o in rig.resting()] == [("e-target-1", D(10))]


def test_a_request_under_way_is_not_absent_however_long_it_takes(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    rig.venue.trade("v1", 10)
    rig.hear()
    rig.told(rig.broker.on_events(rig.venue.now, ()))
    under_way: list[Coroutine[Any, Any, None]] = []
    rig.broker.dispatch(under_way.append)
    rig.venue.now += 60 * SECOND
    assert rig.reconcile().never_arrived == ()
    rig.tick()
    assert rig.venue.sent[-1].client_id == "e-1", "the target was sent again"
    asyncio.run(under_way.pop())
    rig.tick()
    assert [o.client_id for o in rig.resting()] == ["e-target-1"]


def test_an_order_that_comes_back_from_the_dead_is_taken_off(rig: Any, new_bracket: Bracket) -> None:
    """Everything said that it was over, and the venue lists it: no agreement before it is gone."""
    rig.place(*new_bracket("e"))
    rig.told(rig.broker.cancel(["e"], rig.venue.now))
    rig.exchange()
    assert rig.reconcile().agrees
    rig.venue.orders["v1"] = rig.venue.orders["v1"]._replace(open=True)
    rig.tick(3)
    rig.venue.faults = ["limited"]  # the cancel is refused at first
    found = rig.reconcile()
    assert ([name for name, _ in found.stray], found.agrees) == (["e-1"], False)
    assert any(kind == "order_found" for kind, _ in rig.alerts)
    assert not rig.reconcile().agrees
    rig.tick(3)
    assert rig.resting() == []
    rig.reconcile()
    assert rig.reconcile().agrees


def test_it_is_found_by_the_next_process_too(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    rig.told(rig.broker.cancel(["e"], rig.venue.now))
    rig.exchange()
    rig.venue.orders["v1"] = rig.venue.orders["v1"]._replace(open=True)
    everything = rig.store.load
    rig.store.load = lambda: everything()._replace(intents=[])  # a store loads only what is open
    rig.start()
    rig.tick(3)
    assert [name for name, _ in rig.reconcile().stray] == ["e-1"]
    rig.tick(1)
    assert rig.resting() == []


def test_one_that_counts_again_beside_its_successor_leaves_one_of_them(rig: Any, new_bracket: Bracket) -> None:
    """The venue loses the target for a while, so that another is sent; then both rest. One of them is too much."""
    rig.place(*new_bracket("e"))
    rig.venue.trade("v1", 10)
    rig.tick()
    lost = rig.venue.orders.pop("v2")
    for _ in range(3):
        rig.tick(1)
        rig.reconcile()
    rig.tick(1)
    assert [o.client_id for o in rig.resting()] == ["e-target-2"]
    rig.venue.orders["v2"] = lost
    for _ in range(4):
        rig.tick(1)
        rig.reconcile()
    assert sum(o.quantity for o in rig.resting(Side.SELL)) == 10
    assert rig.reconcile().agrees


def test_one_404_proves_nothing(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    hidden = rig.venue.orders.pop("v1")
    rig.tick(2)
    assert rig.reconcile().lost == ()
    rig.venue.orders["v1"] = hidden
    rig.tick(2)
    rig.reconcile()
    assert rig.broker.accounts.attempts["e-1"].life.state is IntentState.ACKNOWLEDGED
    assert not [kind for kind, _ in rig.alerts if kind == "order_lost"]


# -- the first sight of an account -------------------------------------------------------------------------------------


def used_before(rig: Any) -> None:
    """Somebody sold three of A and bought them back, and holds two of B, all within the last minute."""
    rig.venue.book = {"A": ("0.49", "0.51"), "B": ("0.29", "0.31")}
    for name, symbol, side, quantity in (
        ("1", "A", Side.SELL, 3), ("2", "A", Side.BUY, 3), ("3", "B", Side.BUY, 2),
    ):  # fmt: skip
        limit = D("0.60") if side is Side.BUY else D("0.10")
        asyncio.run(rig.venue.send(WireOrder(name, symbol, side, D(quantity), limit, immediate=True)))
    rig.venue.fills = rig.venue.fills[1:]  # the oldest is further back than the lists that are read
    rig.venue.fills.insert(0, rig.venue.fills[0]._replace(fill_id="old", side=Side.SELL, time_ns=0))
    rig.venue.stream.clear()
    rig.venue.now += SECOND


def test_books_begin_with_what_the_account_holds_and_not_with_its_last_minute(make_rig: Any) -> None:
    rig = make_rig()
    used_before(rig)
    rig.reconcile()
    assert rig.broker.accounts.net() == {"B": D(2)}
    assert [(f.fill_id, f.symbol, f.quantity, f.price) for f in rig.store.fills] == [("opening/B", "B", 2, D("0.5"))]
    assert rig.store.cash() == rig.venue.cash()
    assert rig.reconcile().agrees
    rig.start()
    assert rig.reconcile().agrees, "nor after the next start"


def test_no_price_is_ever_a_reason_to_wait(make_rig: Any) -> None:
    """What we hold is gone at the venue and nobody quotes: it is booked at what was paid for it."""
    rig = make_rig()
    rig.venue.book["B"] = ("0.29", "0.31")
    asyncio.run(rig.venue.send(WireOrder("by-hand", "B", Side.BUY, D(5), D("0.31"))))
    rig.hear()
    rig.reconcile()
    rig.venue.fills.clear()
    rig.venue.book["B"] = (None, None)
    rig.tick(1)
    assert rig.reconcile().different
    rig.reconcile()
    assert rig.reconcile().agrees
    assert rig.store.fills[-1].fill_id.startswith("difference/B/")
    assert any("the venue has 0" in words for kind, words in rig.alerts if kind == "position")


def test_without_any_cost_the_market_is_asked(make_rig: Any) -> None:
    rig = make_rig().ready()
    picture = rig.venue.picture

    async def held_by_nobody_knows_whom(since_ns: int, known: Any = ()) -> Any:
        seen = await picture(since_ns, known)
        return seen.__class__(seen.as_of_ns, seen.since_ns, positions={"B": D(7)}, cash=D(1), covered_ns=seen.as_of_ns)

    rig.venue.picture = held_by_nobody_knows_whom
    rig.venue.book["B"] = ("0.20", "0.30")
    for _ in range(2):
        rig.tick(1)
        rig.reconcile()
    assert [(f.symbol, f.quantity, f.price) for f in rig.store.fills] == [("B", 7, D("0.25"))]
    assert rig.reconcile().agrees


def gone_at_the_venue(rig: Any, new_bracket: Bracket) -> Any:
    """A position whose shares somebody else has sold: the venue is flat, and these books are not."""
    rig.place(*new_bracket("e"))
    rig.venue.trade("v1", 10)
    rig.tick()
    assert rig.held() == 10
    for venue_id, order in rig.venue.orders.items():
        rig.venue.orders[venue_id] = order._replace(open=False)
    rig.venue.fills.clear()
    return rig


def test_readings_that_cannot_tell_do_not_acquit_a_position(rig: Any, new_bracket: Bracket) -> None:
    """Stops that are sent and refused in between must not keep the books from following the venue for ever."""
    gone_at_the_venue(rig, new_bracket)
    assert rig.reconcile().different
    rig.venue.faults = ["lost"]
    rig.place(*new_bracket("o"))
    assert not rig.reconcile().settled
    rig.tick(2)
    rig.reconcile()
    assert rig.held() == 0
    assert any("the venue has 0" in words for kind, words in rig.alerts if kind == "position")
    sent = len(rig.venue.sent)
    rig.tick(5, A=("0.10", "0.12"))
    assert not [wire for wire in rig.venue.sent[sent:] if wire.side is Side.SELL], "nothing is held, nothing is sold"


def test_what_others_do_on_the_account_is_looked_up(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    rig.venue.trade("v1", 10)
    rig.tick()
    rig.reconcile()
    assert rig.broker.look_ns == 0
    (target,) = rig.resting(Side.SELL)
    rig.broker.hear([target._replace(open=False)])
    rig.tick(0.1)
    assert rig.broker.look_ns, "somebody else took our target off"
    rig.reconcile()
    rig.reconcile()
    rig.broker.look_ns = 0
    other = VenueOrder("x1", "by-hand", "A", Side.SELL, D(10), D(10), D("0.39"), False, rig.venue.now)
    rig.broker.hear([other])
    rig.tick(0.1)
    assert rig.broker.look_ns, "somebody else sold"
    rig.broker.look_ns = 0
    rig.broker.hear([other])
    rig.tick(0.1)
    assert rig.broker.look_ns == 0, "told once more it is no news"


# -- a venue that tells of orders how much has filled in all, and no executions ---------------------------------------


def tells_totals(rig: Any) -> Any:
    """What the rig's venue lists from now on is units and their average price, as at Tradier."""
    venue, picture = rig.venue, rig.venue.picture

    def total(order: VenueOrder) -> VenueOrder:
        fills = [fill for fill in venue.fills if fill.venue_order_id == order.venue_order_id]
        if not fills:
            return order._replace(changed_ns=order.created_ns)
        cost = sum((fill.price * fill.quantity for fill in fills), D(0))
        return order._replace(average=cost / order.filled, changed_ns=fills[-1].time_ns)

    async def totals(since_ns: int, known: Any = ()) -> Any:
        seen = await picture(since_ns, known)
        return replace(seen, orders=[total(order) for order in seen.orders], fills=())

    venue.picture, venue.silent = totals, True
    return rig


def by_hand(rig: Any, name: str, symbol: str, side: Side, quantity: int) -> None:
    limit = D("0.99") if side is Side.BUY else D("0.01")
    asyncio.run(rig.venue.send(WireOrder(name, symbol, side, D(quantity), limit, immediate=True)))


def test_what_others_trade_is_booked_at_the_price_that_the_venue_tells(make_rig: Any) -> None:
    """So that after `engine flatten` the books have the venue's cash, and not what the market was when it was seen."""
    rig = tells_totals(make_rig())
    rig.venue.book = {"A": ("0.40", "0.42"), "B": ("0.29", "0.31")}
    by_hand(rig, "before", "B", Side.BUY, 4)
    rig.venue.now += SECOND
    rig.reconcile()
    assert [(f.fill_id, f.quantity) for f in rig.store.fills] == [("opening/B", 4)], "it is not booked a second time"
    rig.tick(1, A=("0.40", "0.42"))
    by_hand(rig, "entry", "A", Side.BUY, 10)
    rig.tick(1, A=("0.60", "0.62"))
    assert not rig.reconcile().different
    rig.venue.depth = D(4)
    by_hand(rig, "flatten-1-0-A", "A", Side.SELL, 10)
    rig.tick(1, A=("0.70", "0.72"))
    rig.reconcile()
    booked = [(f.side, f.quantity, f.price) for f in rig.store.fills if f.symbol == "A"]
    assert booked == [(Side.BUY, D(10), D("0.42")), (Side.SELL, D(4), D("0.60"))]
    assert not [words for kind, words in rig.alerts if kind == "position"]
    rig.start()
    assert rig.reconcile().agrees and len(rig.store.fills) == 3, "nor after the next start"


def test_what_had_filled_of_an_order_before_the_books_began_is_in_their_opening(make_rig: Any) -> None:
    rig = tells_totals(make_rig())
    rig.venue.book = {"A": ("0.40", "0.42")}
    rig.venue.depth = D(3)
    asyncio.run(rig.venue.send(WireOrder("rests", "A", Side.BUY, D(10), D("0.42"))))
    rig.venue.now += SECOND
    rig.reconcile()
    rig.tick(1)
    rig.venue.trade("v1", 5, "0.41")
    rig.tick(1)
    rig.reconcile()
    assert [(f.fill_id.partition("@")[0], f.quantity, f.price) for f in rig.store.fills] == [
        ("opening/A", D(3), D("0.5")), ("v1/8", D(5), D("0.41")),
    ]  # fmt: skip
    assert rig.broker.accounts.net() == {"A": D(8)}
