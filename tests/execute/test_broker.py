"""The live broker against a venue that fills in parts, loses requests and repeats itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import pytest

from engine.market.orders import Order, Side
from engine.market.venue import Answer, Outcome, Reopened, Urgency, VenueFill, WireOrder

Bracket = Callable[..., tuple[Order, Order, Order]]
D = Decimal


def test_an_order_is_on_disk_before_it_is_on_the_wire(rig: Any, new_bracket: Bracket) -> None:
    rig.told(rig.broker.place(new_bracket("e"), rig.venue.now))
    assert rig.venue.sent == []
    assert rig.store.saves[-1] == ["e-1"]
    assert rig.store.intents["e"].attempts[0].life.state == "sent"
    rig.exchange()
    assert [o.client_id for o in rig.venue.sent] == ["e-1"]
    assert rig.states["e"] == "working"


def test_the_target_rests_and_the_stop_is_kept_here(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    assert [o.client_id for o in rig.resting()] == ["e-1"]
    rig.venue.trade("v1", 10)
    rig.tick()
    assert [(o.client_id, o.side, o.quantity, o.limit) for o in rig.resting()] == [
        ("e-target-1", Side.SELL, D(10), D("0.60"))
    ]
    assert rig.states["e"] == "filled"
    assert rig.states.get("e-stop") is None


def test_legs_grow_with_each_part_of_the_entry(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    for part in (4, 6):
        rig.venue.trade("v1", part)
        rig.tick()
        assert sum(o.quantity for o in rig.resting(Side.SELL)) == rig.held()
    assert rig.held() == 10


def test_a_target_that_filled_in_part_leaves_the_stop_the_rest(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    rig.venue.trade("v1", 10)
    rig.tick()
    rig.venue.trade("v2", 3)
    rig.tick()
    rig.tick(A=("0.39", "0.41"))
    sold = [o for o in rig.venue.sent if o.side is Side.SELL]
    assert [(o.client_id, o.quantity, o.immediate, o.reduce_only) for o in sold] == [
        ("e-target-1", D(10), False, False), ("e-stop-1", D(7), True, True),
    ]  # fmt: skip
    assert rig.resting() == []
    assert rig.held() == 0
    assert rig.venue.positions() == {}
    assert [rig.store.intents[i].filled for i in ("e-target", "e-stop")] == [3, 7]
    assert not rig.broker.accounts.intents


def test_the_stop_waits_until_the_target_is_off_the_market(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    rig.venue.trade("v1", 10)
    rig.tick()
    rig.venue.faults = ["lost"]  # the cancel of the target
    rig.tick(A=("0.39", "0.41"))
    assert [o.client_id for o in rig.venue.sent][-1] == "e-target-1"  # nothing is sold twice meanwhile
    rig.reconcile()
    rig.tick()
    assert rig.venue.positions() == {}
    assert rig.held() == 0


def test_a_stop_goes_on_until_nothing_is_held(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    rig.venue.trade("v1", 10)
    rig.tick()
    rig.venue.depth = D(0)
    rig.tick(A=("0.39", "0.41"))
    assert rig.held() == 10
    rig.venue.depth = D(6)
    rig.tick(A=("0.45", "0.47"))  # the market has come back, but a stop that was reached is at market
    assert rig.venue.positions() == {}
    sold = [o for o in rig.venue.sent if o.immediate]
    assert [o.client_id for o in sold] == ["e-stop-1", "e-stop-2", "e-stop-3"]
    assert [o.limit for o in sold] == [D("0.34"), D("0.40"), D("0.40")]  # five cents below the bid
    assert [o.quantity for o in sold] == [10, 10, 4]


def test_an_unknown_price_reaches_no_stop(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    rig.venue.trade("v1", 10)
    rig.tick(A=(None, None))
    rig.tick(A=(None, "0.05"))
    assert rig.states.get("e-stop") is None
    assert len(rig.resting(Side.SELL)) == 1


def test_a_short_position_is_protected_the_other_way(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e", side=Side.SELL, limit=None, stop="0.60", target="0.40"))
    assert rig.held() == -10
    assert [(o.side, o.limit) for o in rig.resting()] == [(Side.BUY, D("0.40"))]
    rig.tick(A=("0.59", "0.61"))
    assert rig.venue.positions() == {}


# -- what is not certain -----------------------------------------------------------------------------------------------


def test_a_time_out_is_not_repeated_and_the_lists_settle_it(rig: Any, new_bracket: Bracket) -> None:
    rig.venue.faults = ["unanswered"]
    rig.place(*new_bracket("e"))
    assert rig.states["e"] == "unknown"
    rig.tick()
    rig.place(*new_bracket("second"))
    assert "not known yet" in rig.reasons["second"]
    rig.venue.trade("v1", 10)
    rig.reconcile()
    assert [o.client_id for o in rig.venue.sent if o.side is Side.BUY] == ["e-1"]
    assert rig.held() == 10
    assert len(rig.resting(Side.SELL)) == 1


def test_an_order_that_never_arrived_is_refused_but_not_at_once(rig: Any, new_bracket: Bracket) -> None:
    rig.venue.faults = ["lost"]
    rig.place(*new_bracket("e"))
    findings = rig.reconcile()
    assert findings.unsettled == ("e-1",)
    assert rig.states["e"] == "unknown"
    rig.tick(2)
    assert rig.reconcile().never_arrived == ("e-1",)
    rig.tick()
    assert rig.states["e"] == "refused"
    assert rig.states["e-target"] == "cancelled"
    assert len(rig.venue.sent) == 1


def test_a_duplicate_answer_means_that_it_landed(rig: Any, new_bracket: Bracket) -> None:
    entry = new_bracket("e")
    asyncio.run(rig.venue.send(WireOrder("e-1", "A", Side.BUY, D(10), D("0.50"))))  # an earlier life of this program
    rig.place(*entry)
    assert rig.states["e"] == "unknown"
    rig.reconcile()
    rig.venue.trade("v1", 10)
    rig.tick()
    assert rig.held() == 10


def test_a_fill_is_booked_once_however_often_it_is_told(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    fill = rig.venue.trade("v1", 4)
    rig.broker.hear([fill, fill])
    rig.tick()
    rig.broker.hear([fill])
    rig.reconcile()
    assert [f.quantity for f in rig.fills] == [D(4)]


def test_a_fill_may_come_before_the_acknowledgement(rig: Any, new_bracket: Bracket) -> None:
    rig.told(rig.broker.place(new_bracket("e"), rig.venue.now))
    early = VenueFill("t1", "v1", "e-1", "A", Side.BUY, D(4), D("0.50"), D("0.01"), rig.venue.now)
    rig.broker.hear([early])
    rig.told(rig.broker.on_events(rig.venue.now, ()))
    assert rig.held() == 4


def test_a_fill_without_our_id_waits_for_the_answer_that_names_it(rig: Any, new_bracket: Bracket) -> None:
    rig.told(rig.broker.place(new_bracket("e"), rig.venue.now))
    rig.broker.hear([VenueFill("t9", "v1", "", "A", Side.BUY, D(4), D("0.50"), D("0.01"), rig.venue.now)])
    rig.told(rig.broker.on_events(rig.venue.now, ()))
    assert rig.held() == 0
    rig.exchange()
    assert rig.held() == 4


def test_a_fill_whose_message_was_lost_is_found(rig: Any, new_bracket: Bracket) -> None:
    rig.venue.silent = True
    rig.place(*new_bracket("e", limit="0.51"))  # fills at once: the answer says so, its message never comes
    assert rig.held() == 0
    rig.tick(3)
    assert 0 < rig.broker.look_ns <= rig.venue.now
    rig.reconcile()
    assert rig.held() == 10
    assert len(rig.resting(Side.SELL)) == 1


def test_a_cancel_that_comes_too_late_is_settled_by_the_lists(rig: Any, new_bracket: Bracket) -> None:
    rig.venue.silent = True
    rig.place(*new_bracket("e"))
    rig.venue.trade("v1", 10)
    rig.told(rig.broker.cancel(["e"], rig.venue.now))
    rig.exchange()
    assert rig.states["e"] == "working"  # it is gone, but cancelled or filled?
    rig.reconcile()
    assert rig.states["e"] == "filled"
    assert rig.held() == 10
    assert len(rig.resting(Side.SELL)) == 1


def test_too_many_requests_hold_a_protective_order_back_only_for_a_while(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    rig.venue.faults = ["limited"]
    rig.venue.trade("v1", 10)
    rig.tick()
    assert rig.resting(Side.SELL) == []
    rig.tick(1)
    assert [o.client_id for o in rig.resting(Side.SELL)] == ["e-target-2"]


def test_a_refused_entry_ends_with_its_legs(rig: Any, new_bracket: Bracket) -> None:
    rig.venue.faults = ["refused"]
    rig.place(*new_bracket("e"))
    assert [rig.states[i] for i in ("e", "e-stop", "e-target")] == ["refused", "cancelled", "cancelled"]
    rig.tick(5)
    assert len(rig.venue.sent) == 1


# -- exits -------------------------------------------------------------------------------------------------------------


def test_an_exit_sells_once_what_the_target_still_held(rig: Any, new_bracket: Bracket, new_exit: Any) -> None:
    rig.place(*new_bracket("e"))
    rig.venue.trade("v1", 10)
    rig.tick()
    rig.place(new_exit("x", 10))
    assert rig.venue.positions() == {}
    assert rig.states["x"] == "filled"
    assert all(o.reduce_only for o in rig.venue.sent if o.client_id.startswith("x"))


def test_half_is_closed_and_the_legs_are_for_the_rest(rig: Any, new_bracket: Bracket, new_exit: Any) -> None:
    rig.place(*new_bracket("e"))
    rig.venue.trade("v1", 10)
    rig.tick()
    rig.place(new_exit("x", 5))
    assert rig.venue.positions() == {"A": D(5)}
    assert [(o.client_id, o.quantity) for o in rig.resting()] == [("e-target-1", D(5))]


def test_what_one_strategy_closes_need_not_reduce_the_venue(rig: Any, new_bracket: Bracket, new_exit: Any) -> None:
    rig.place(*new_bracket("long", 3, limit=None, strategy="s"))
    rig.place(*new_bracket("short", 2, limit=None, side=Side.SELL, stop="0.7", target="0.3", strategy="t"))
    assert rig.venue.positions() == {"A": D(1)}
    rig.place(new_exit("x", 2, side=Side.BUY, strategy="t"))
    assert rig.venue.positions() == {"A": D(3)}
    assert (rig.held("s"), rig.held("t")) == (3, 0)


def test_an_entry_that_is_not_filled_in_time_is_taken_off(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e", expires_ns=rig.venue.now + 2_000_000_000))
    rig.tick(1)
    assert len(rig.resting()) == 1
    rig.tick(2)
    assert rig.resting() == []
    assert rig.states["e"] == "expired"


def test_an_entry_falls_back_to_the_market_once(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e", expires_ns=rig.venue.now + 2_000_000_000, fallback_market=True))
    rig.venue.trade("v1", 4)
    rig.tick(3)
    buys = [(o.client_id, o.quantity, o.immediate) for o in rig.venue.sent if o.side is Side.BUY]
    assert buys == [("e-1", D(10), False), ("e-2", D(6), True)]
    assert rig.venue.positions() == {"A": D(10)}


def test_nothing_new_before_the_account_has_been_read(make_rig: Any, new_bracket: Bracket) -> None:
    rig = make_rig()
    rig.tick(A=("0.49", "0.51"))
    rig.place(*new_bracket("e"))
    assert rig.states["e"] == "refused"
    assert "has not been read" in rig.reasons["e"]
    assert rig.venue.sent == []


@pytest.mark.parametrize(("limit", "quantity"), [("0.505", 1), ("1.00", 1), ("0.50", 0)])
def test_what_the_venue_would_refuse_is_not_sent(rig: Any, new_bracket: Bracket, limit: str, quantity: int) -> None:
    rig.place(*new_bracket("e", quantity, limit=limit))
    assert rig.states["e"] == "refused"
    assert rig.venue.sent == []


# -- nothing that reduces waits for long -------------------------------------------------------------------------------


def test_a_cancel_does_not_wait_for_what_another_attempt_was_refused(rig: Any, new_bracket: Bracket) -> None:
    """The target's second part was refused again and again; its first part comes off all the same, and the stop is for
    everything."""
    rig.place(*new_bracket("e"))
    rig.venue.trade("v1", 4)
    rig.tick()
    rig.venue.faults = ["limited"] * 8
    rig.venue.trade("v1", 6)
    while rig.venue.faults:
        rig.tick(0.1)
    rig.venue.book["A"] = ("0.39", "0.41")
    rig.tick(0.01, A=("0.39", "0.41"))
    assert rig.resting() == []
    assert rig.venue.positions() == {}


def test_a_refused_cancel_is_asked_again_within_a_second(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    rig.venue.faults = ["limited"] * 6
    rig.told(rig.broker.cancel(["e"], rig.venue.now))
    while rig.venue.faults:
        rig.tick(0.05)
    rig.tick(1)
    assert rig.resting() == []


def pause_of_trading(rig: Any, new_bracket: Bracket) -> None:
    """Ten are held below their stop, and the venue refuses for half a minute."""
    rig.place(*new_bracket("e", limit=None, target="0.99"))
    rig.told(rig.broker.cancel(["e-target"], rig.venue.now))
    send = rig.venue.send

    async def paused(order: WireOrder) -> Answer:
        return Answer(Outcome.REFUSED, reason="trading_paused")

    rig.venue.send = paused
    rig.tick(0.1, A=("0.39", "0.41"))
    for _ in range(300):
        rig.tick(0.1)
    assert rig.held() == 10
    rig.venue.send = send


def test_a_stop_goes_out_seconds_after_a_pause_of_trading(rig: Any, new_bracket: Bracket) -> None:
    pause_of_trading(rig, new_bracket)
    rig.tick(2)
    assert rig.venue.positions() == {}


def test_a_stop_goes_out_at_once_where_the_end_of_a_pause_is_told(rig: Any, new_bracket: Bracket) -> None:
    pause_of_trading(rig, new_bracket)
    rig.broker.hear([Reopened(rig.venue.now, "A")])
    rig.tick(0.001)
    assert rig.venue.positions() == {}


def test_what_reduces_goes_out_first_and_a_full_window_is_waited_for(
    make_rig: Any, new_bracket: Any, new_exit: Any
) -> None:
    rig = make_rig().ready(A=("0.45", "0.50"), B=("0.45", "0.50"))
    rig.place(*new_bracket("held"))
    assert rig.held() == 10
    for number in range(5):
        rig.place(*new_bracket(f"e{number}", limit="0.30", strategy=f"s{number}"))
    asked: list[Urgency] = []
    cancel, send, limited = rig.venue.cancel, rig.venue.send, [True]

    async def noted(venue_id: str, symbol: str, urgency: Urgency) -> Answer:
        asked.append(urgency)
        return cast(Answer, await cancel(venue_id, symbol, urgency))

    async def full(order: WireOrder) -> Answer:
        asked.append(order.urgency)
        if limited and order.immediate:
            limited.clear()
            return Answer(Outcome.LIMITED, reason="not sent", wait_seconds=9.0)
        return cast(Answer, await send(order))

    rig.venue.cancel, rig.venue.send = noted, full
    rig.told(rig.broker.cancel([f"e{number}" for number in range(5)], rig.venue.now))
    rig.told(rig.broker.place([*new_bracket("new", limit="0.30", symbol="B"), new_exit("x", 10)], rig.venue.now))
    rig.exchange()
    assert asked[:7] == [Urgency.REDUCE, *[Urgency.CANCEL] * 5, Urgency.ENTRY]
    assert asked[7:] == [Urgency.REDUCE] and rig.held() == 10
    rig.tick(8.5)
    assert rig.held() == 10 and len(asked) == 8, "it is not asked again before there is room"
    rig.tick(1.0)
    assert rig.held() == 0
