"""``check`` finds what somebody or something did to a store, and has nothing to say of a sound one."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from engine.market.events import Bar, Tick
from engine.market.orders import Fill, Leg, Order, OrderState, OrderType, OrderUpdate, Side
from engine.market.venue import WireOrder
from engine.market.wire import Attempt, Booked, Intent
from state import Mode, RunWriter, Store, open_store
from state.connection import connect
from state.place import Place

Tamper = Callable[[Place, str], None]


@pytest.fixture
def traded(
    store: Store, begin: Callable[[Store], RunWriter], order: Callable[..., Order], fill: Callable[..., Fill]
) -> Place:
    writer = begin(store)
    writer.input(Tick(5, [Bar("SPY", 0, 60, 1.0, 1.0, 1.0, 1.0, None)]))
    writer.decision(5, "p.a", "p.a", "SPY", "SPY", "fired", "", "", {}, ["buy"], None)
    writer.orders([order()])
    writer.fill(fill())
    writer.update(OrderUpdate("a1", OrderState.FILLED, 6))
    writer.end("done", 6, {})
    assert store.check() == []
    return store.path


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE ledger_entries SET amount = '-1002' WHERE amount = '-1001'", "does not balance: its USD sum to -1"),
        ("UPDATE ledger_entries SET amount = 'x' WHERE amount = '-1001'", "transaction 2 (fill f1) cannot be read"),
        ('DELETE FROM ledger_entries WHERE "transaction" = 2', "transaction 2 (fill f1) has no entries"),
        ("UPDATE balances SET amount = '7' WHERE account = 'cash'", "is 7 USD, but its entries sum to 8999"),
        ("DELETE FROM balances WHERE account = 'cash'", "has entries that sum to 8999, and no balance"),
        ("UPDATE fills SET price = '101'", "moved -1011 of cash, but -1001 is booked"),
        ("UPDATE fills SET quantity = '11'", "says that 10 filled, but its fills sum to 11"),
        ('UPDATE fills SET "transaction" = NULL', "is in no transaction"),
        ("UPDATE fills SET client_id = 'b'", "is of order b, which was never written down"),
        ("DELETE FROM fills", "is done as filled, but no fill of it is booked"),
        ("UPDATE intents SET quantity = '4'", "filled 10 of 4 ordered"),
        ("UPDATE intents SET state = 'sent'", "is sent, and its ending is filled"),
        ("UPDATE intents SET state = 'unknown', ending = NULL", "the last that was heard of it made it done"),
        ("UPDATE inputs SET data = x'00'", "block 1: a block of inputs is damaged"),
        ("UPDATE inputs SET seq = 2", "lacks block 1 of its inputs"),
        ("DELETE FROM inputs", "decided on inputs that are not there"),
    ],
)
def test_each_kind_of_damage_is_found(traded: Place, tamper: Tamper, damage: str, found: str) -> None:
    tamper(traded, damage)
    problems = open_store(traded).check()
    assert any(found in problem for problem in problems), problems


def test_a_store_that_somebody_rebuilt_is_told(traded: Place) -> None:
    connection, here = connect(traded), isinstance(traded, Path)
    connection.execute("DROP TRIGGER fills_are_not_removed" + ("" if here else " ON fills"))
    connection.execute("ALTER TABLE marks ADD COLUMN mine TEXT")
    connection.close()
    what = "marks is not as the migrations made it", "marks.mine is there, and the migrations did not make it"
    marks = what[0] if here else what[1]
    assert sorted(open_store(traded).check()) == ["fills_are_not_removed is missing", marks]


def test_many_problems_are_counted(store: Store, tamper: Tamper) -> None:
    book = store.book("b", "paper")
    for number in range(30):
        book.transfer(Decimal(1), number, str(number))
    book.commit()
    tamper(store.path, "UPDATE ledger_entries SET amount = '2' WHERE account = 'cash'")
    problems = store.check()
    assert len(problems) == 21
    assert problems[-1].startswith("... and ")


# -- a venue's account -------------------------------------------------------------------------------------------------


@pytest.fixture
def live(place: Place) -> Place:
    """An account on which everything has happened that no order of ours did."""
    store = open_store(place, Mode.DEMO)
    writer = store.begin_run("demo", 1, "t", [], [], "s", {}, {}, {}, {}, "1", venue="kalshi", book="account")
    ours, theirs = (
        Intent(Order(name, "A", Side.BUY, Decimal(10), OrderType.LIMIT, Leg.ENTRY, owner, owner, 5, Decimal("0.5")))
        for name, owner in (("e", "p.s"), ("foreign-v9", "foreign"))
    )
    for intent in (ours, theirs):
        wire = WireOrder(f"{intent.order.client_id}-1", "A", Side.BUY, Decimal(10), Decimal("0.5"))
        intent.attempts.append(Attempt.of(wire, intent.order.client_id, 5))
    theirs.filled = Decimal(2)  # before it was adopted
    theirs.attempts[0].executed(Decimal(2))
    for number, (name, client_id, owner, side, quantity) in enumerate((
        ("opening/B", "", "foreign", Side.BUY, 2), ("t1", "e", "p.s", Side.BUY, 10), ("t2", "", "p.s", Side.SELL, 3),
        ("t3", "", "foreign", Side.SELL, 1), ("t4", "foreign-v9", "foreign", Side.BUY, 1),
        ("difference/A/7", "", "p.s", Side.SELL, 2), ("settlement/A/p.s", "", "p.s", Side.SELL, 5),
    )):  # fmt: skip
        leg = Leg.ENTRY if client_id else Leg.EXIT
        for intent in (ours, theirs):
            if intent.order.client_id == client_id:
                intent.filled += quantity
                intent.attempts[0].executed(Decimal(quantity))
        symbol = "B" if name == "opening/B" else "A"
        told = Fill(name, client_id, symbol, owner, side, Decimal(quantity), Decimal("0.5"), Decimal(0), number, leg)
        if client_id == "e":
            writer.orders([ours.order])
        writer.live_orders().save([ours, theirs], [Booked(told, "")], number)
    writer.end("stopped", 9, {})
    assert store.check() == []
    return store.path


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE fills SET client_id = 'gone' WHERE fill_id = 't3'", "is of order gone, which was never written down"),
        ("UPDATE fills SET client_id = '' WHERE fill_id = 't1'", "is the entry of an order, and names none"),
        ("UPDATE live_intents SET filled = '4' WHERE client_id = 'e'", "at the venue, but its fills sum to 10"),
        ("DELETE FROM attempts WHERE intent = 'e'", "but its attempts sum to 0"),
        ("UPDATE live_intents SET quantity = '3' WHERE client_id = 'e'", "filled 10 of 3 ordered at the venue"),
    ],
)
def test_damage_to_a_venues_account_is_found(live: Place, tamper: Tamper, damage: str, found: str) -> None:
    test_each_kind_of_damage_is_found(live, tamper, damage, found)
