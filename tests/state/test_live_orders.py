"""Live orders in the store: what was saved is what is loaded, and a fill is in the ledger with it or not at all."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from engine.market.intents import Acknowledged, Ending, Executed, IntentState, advance
from engine.market.orders import Fill, Leg, Order, OrderState, OrderType, OrderUpdate, Side
from engine.market.venue import WireOrder
from engine.market.wire import Attempt, Booked, Intent
from state import Mode, RunWriter, open_store
from state.ledger import Account
from state.place import Place

D = Decimal


@pytest.fixture
def begin(place: Place) -> Callable[[], RunWriter]:
    """Begins a run on the same account, as a restart does."""

    def make() -> RunWriter:
        store = open_store(place, Mode.DEMO)
        return store.begin_run(
            "demo", 1, "test", ["p"], ["A"], "sha", {}, {}, {}, {}, "0", venue="kalshi", book="account"
        )

    return make


def entry(client_id: str = "e") -> Order:
    return Order(
        client_id, "A", Side.BUY, D(10), OrderType.LIMIT, Leg.ENTRY, "p.s", "p.s", 5, D("0.50"), expires_ns=99,
        fallback_market=True, reason="why",
    )  # fmt: skip


def leg(kind: Leg) -> Order:
    return Order(
        f"e-{kind}", "A", Side.SELL, D(10), OrderType.STOP if kind is Leg.STOP else OrderType.LIMIT, kind, "p.s",
        "p.s", 5, D("0.6") if kind is Leg.TARGET else None, D("0.4") if kind is Leg.STOP else None, "e", "e",
    )  # fmt: skip


def bought(intent: Intent, quantity: int, fill_id: str = "t1") -> Booked:
    attempt = intent.attempts[0]
    attempt.executed(D(quantity), "v1")
    intent.filled += quantity
    fill = Fill(fill_id, "e", "A", "p.s", Side.BUY, D(quantity), D("0.50"), D("0.01"), 7, Leg.ENTRY)
    return Booked(fill, attempt.wire.client_id)


def placed() -> Intent:
    intent = Intent(entry(), OrderState.SENT, entry_values=(1.5, float("nan")), trigger_symbol="A")
    intent.attempts.append(Attempt.of(WireOrder("e-1", "A", Side.BUY, D(10), D("0.50"), expires_ns=104), "e", 6))
    return intent


def test_what_was_saved_comes_back(begin: Callable[[], RunWriter]) -> None:
    intent, stop, target = placed(), Intent(leg(Leg.STOP), OrderState.SENT), Intent(leg(Leg.TARGET), OrderState.SENT)
    intent.attempts[0].life = advance(intent.attempts[0].life, Acknowledged("v1")).life
    stop.triggered, stop.order = True, stop.order._replace(stop=D("0.45"))
    with begin() as writer:
        writer.live_orders().save([intent, stop, target], [bought(intent, 4)], 7)
    with begin() as writer:
        orders = writer.live_orders()
        orders.reconciled(77)
        saved = orders.load()
    loaded = {i.order.client_id: i for i in saved.intents}
    assert loaded["e"].order == entry()
    assert loaded["e"].entry_values[0] == 1.5
    assert loaded["e"].entry_values[1] != loaded["e"].entry_values[1]
    assert loaded["e"].attempts == intent.attempts
    assert (loaded["e-stop"].order.stop, loaded["e-stop"].triggered) == (D("0.45"), True)
    assert [(f.fill_id, f.quantity) for f in saved.fills] == [("t1", 4)]
    assert saved.positions == (("p.s", "A", D(4)),)
    assert saved.reconciled_ns == 77


def test_what_was_not_saved_is_not_there(begin: Callable[[], RunWriter]) -> None:
    with begin() as writer:
        assert writer.live_orders().load().intents == []
        writer.orders([entry()])  # wanted, and the process dies before the broker has saved it
        writer.book._batch._pending.clear()
    with begin() as writer:
        assert writer.live_orders().load().intents == []


def test_closed_orders_of_closed_positions_are_left_behind(begin: Callable[[], RunWriter]) -> None:
    intent = placed()
    done = bought(intent, 10)
    intent.state = OrderState.FILLED
    sold = Fill("t2", "x", "A", "p.s", Side.SELL, D(10), D("0.55"), D("0.01"), 9, Leg.EXIT)
    with begin() as writer:
        writer.live_orders().save([intent], [done], 7)
        writer.live_orders().save([], [Booked(sold, "x-1")], 9)
        saved = writer.live_orders().load()
    assert (saved.intents, saved.fills, saved.positions) == ([], [], ())
    assert saved.fill_ids == {"t1", "t2"}


def test_an_order_that_is_long_over_is_found_by_either_id_with_its_legs(begin: Callable[[], RunWriter]) -> None:
    intent, stop = placed(), Intent(leg(Leg.STOP), OrderState.CANCELLED)
    intent.attempts[0].life = advance(intent.attempts[0].life, Acknowledged("v1")).life
    intent.state = OrderState.CANCELLED
    with begin() as writer:
        writer.live_orders().save([intent, stop], [], 7)
    with begin() as writer:
        orders = writer.live_orders()
        assert orders.load().intents == []
        for found in (orders.intents_of(["e-1"], []), orders.intents_of([], ["v1"])):
            assert [i.order.client_id for i in found] == ["e", "e-stop"]
            assert [a.wire.client_id for a in found[0].attempts] == ["e-1"]
        assert orders.intents_of(["somebody's"], [""]) == []


def test_a_book_begins_once_with_the_venues_cash(begin: Callable[[], RunWriter]) -> None:
    held = Fill("opening/B", "", "B", "foreign", Side.BUY, D(2), D("0.30"), D(0), 3, Leg.EXIT)
    with begin() as writer:
        orders = writer.live_orders()
        orders.save([], [Booked(held, "")], 5)
        orders.opened(D("999.40"), 4)
    with begin() as writer:
        assert writer.live_orders().load().opened_ns == 4
        assert writer.book.balances.amount(Account.CASH) == D("999.40")


def test_only_fills_since_it_was_flat_make_a_position(begin: Callable[[], RunWriter]) -> None:
    def fill(name: str, side: Side, quantity: int, time_ns: int) -> Booked:
        return Booked(Fill(name, name, "A", "p.s", side, D(quantity), D("0.5"), D(0), time_ns, Leg.ENTRY), "")

    told = [fill("a", Side.BUY, 3, 1), fill("b", Side.SELL, 3, 2), fill("c", Side.BUY, 2, 3), fill("d", Side.BUY, 1, 4)]
    with begin() as writer:
        writer.live_orders().save([], told, 5)
        assert [f.fill_id for f in writer.live_orders().load().fills] == ["c", "d"]


def test_an_ended_attempt_keeps_how_it_ended(begin: Callable[[], RunWriter]) -> None:
    intent = placed()
    attempt = intent.attempts[0]
    attempt.life = advance(advance(attempt.life, Acknowledged("v1")).life, Executed(D(3))).life
    attempt.told, attempt.over = D(5), Ending.CANCELLED
    with begin() as writer:
        writer.live_orders().save([intent], [], 7)
        loaded = writer.live_orders().load().intents[0].attempts[0]
    assert (loaded.over, loaded.told, loaded.life.filled, loaded.short_of_fills) == (Ending.CANCELLED, 5, 3, True)


def test_what_is_over_at_the_venue_is_over_in_the_book(begin: Callable[[], RunWriter], place: Place) -> None:
    """An ending that a process heard of and did not live to tell, or heard of while no rule listened."""
    intent = placed()
    intent.attempts[0].life = advance(intent.attempts[0].life, Acknowledged("v1")).life
    with begin() as writer:
        writer.orders([entry()])
        writer.update(OrderUpdate("e", OrderState.WORKING, 6, "", "v1"))
        intent.state = OrderState.CANCELLED
        writer.live_orders().save([intent], [], 7)
        assert writer.book.open_intents() == ["e"]
        writer.end("stopped", 8, {})
    (problem,) = open_store(place).check()
    assert "order e in" in problem and "is cancelled at the venue, and still acknowledged in the book" in problem
    with begin() as writer:
        writer.live_orders().settle(9)
        assert writer.book.open_intents() == []
        life = writer.book.life("e")
        writer.end("stopped", 10, {})
    assert life is not None and (life.state, life.ending) == (IntentState.DONE, Ending.CANCELLED)
    assert open_store(place).check() == []
