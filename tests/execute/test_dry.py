"""The broker of dry runs: orders are taken, none fills, and none stays for ever."""

from __future__ import annotations

from decimal import Decimal

from engine.execute.dry import NOT_SENT, DryBroker
from engine.market.orders import Leg, Order, OrderState, OrderType, Side


def order(client_id: str, leg: Leg = Leg.ENTRY, parent: str | None = None, expires_ns: int | None = None) -> Order:
    return Order(
        client_id, "A", Side.BUY, Decimal(1), OrderType.LIMIT, leg, "p.s", "p.s", 0, Decimal("0.5"), None, parent,
        None, expires_ns,
    )  # fmt: skip


def test_an_order_rests_until_its_time_is_over_and_takes_its_legs_with_it() -> None:
    broker = DryBroker()
    entry = order("e", expires_ns=100)
    assert broker.place([entry, order("stop", Leg.STOP, "e")], 0).updates == []
    assert broker.on_events(99, ()) is None
    over = broker.on_events(100, ())
    assert over is not None
    assert {u.client_id: u.state for u in over.updates} == {"e": OrderState.EXPIRED, "stop": OrderState.CANCELLED}
    assert not over.fills
    assert broker.on_events(10**9, ()) is None


def test_a_cancel_is_answered_once() -> None:
    broker = DryBroker()
    broker.place([order("e")], 0)
    assert [u.state for u in broker.cancel(["e"], 1).updates] == [OrderState.CANCELLED]
    assert broker.cancel(["e"], 2).updates == []


def test_one_look_leaves_nothing_under_way() -> None:
    told = DryBroker(rests=False).place([order("e"), order("t", Leg.TARGET, "e")], 5).updates
    assert [(u.client_id, u.state, u.reason) for u in told] == [
        ("e", OrderState.CANCELLED, NOT_SENT), ("t", OrderState.CANCELLED, NOT_SENT),
    ]  # fmt: skip
