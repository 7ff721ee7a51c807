"""A book in a store: orders once, fills once, what the venue says wins, and a crash keeps it whole."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.intents import Acknowledged, Ended, Ending, IntentState, Lost, Refused, Sent
from engine.market.orders import Fill, Leg, Order, OrderState, OrderType, OrderUpdate, Seen, Side
from state import Book, RunWriter, Store, StoreError, open_store, order_of
from state.ledger import Account, LedgerError

START = 1_709_649_000_000_000_000
Orders, Fills = Callable[..., Order], Callable[..., Fill]
Begin = Callable[[Store], RunWriter]


@pytest.fixture
def writer(store: Store, begin: Begin) -> RunWriter:
    return begin(store)


def reopened(store: Store, name: str) -> Book:
    """The book as the next process finds it."""
    path = store.path
    store.close()
    return open_store(path).book(name, "paper")


def test_a_run_opens_its_book_with_its_cash(store: Store, writer: RunWriter) -> None:
    assert store.books() == [writer.run_id]
    assert store.balances(writer.run_id).amount(Account.CASH) == 10_000
    assert store.balances(writer.run_id).amount(Account.TRANSFERS) == -10_000


def test_an_order_is_wanted_once(store: Store, writer: RunWriter, order: Orders) -> None:
    book = writer.book
    assert book.want([order("a1"), order("a2")], writer.run_id, 1) == [order("a1"), order("a2")]
    assert book.want([order("a2"), order("a3")], writer.run_id, 2) == [order("a3")]
    assert [row["client_id"] for row in store.orders(writer.run_id)] == ["a1", "a2", "a3"]
    assert store.order("a2")["decision"] == 1


def test_an_order_comes_back_as_it_was_wanted(store: Store, writer: RunWriter, order: Orders) -> None:
    bracket = [
        order("a1")._replace(limit=Decimal("99.50"), type=OrderType.LIMIT, expires_ns=START + 5, fallback_market=True),
        order("a2", leg=Leg.STOP)._replace(stop=Decimal("95.10"), type=OrderType.STOP, parent="a1", group="a1"),
    ]
    writer.orders(bracket)
    assert [order_of(row) for row in store.open_orders(writer.run_id)] == bracket
    writer.amended("a2", START + 9, Decimal("96.20"))
    writer.flush()
    assert order_of(store.orders(writer.run_id)[1]).stop == Decimal("96.20")
    assert store.order_events(writer.run_id, "a2")[-1]["reason"] == "stop 96.20"


def test_a_life_is_told_in_order_and_survives_a_restart(
    store: Store, writer: RunWriter, order: Orders, fill: Fills
) -> None:
    book = writer.book
    book.want([order("a1"), order("a2"), order("a3")], writer.run_id, 1)
    for client_id in ("a1", "a2"):
        book.tell(client_id, Sent(), START + 1)
    book.tell("a1", Acknowledged("v9"), START + 2)
    book.fill(fill(quantity="4"), writer.run_id)
    book.tell("a2", Lost(), START + 3, "time-out")
    book.tell("a3", Refused(), START + 3, "no money")
    book.commit()
    again = reopened(store, book.name)
    assert again.open_intents() == ["a1", "a2"]
    one = again.life("a1")
    assert one is not None
    assert (one.state, one.filled, one.venue_order_id) == (IntentState.PARTLY_FILLED, Decimal(4), "v9")
    assert again.life("a2") is not None and again.life("a2").state is IntentState.UNKNOWN  # type: ignore[union-attr]
    again.tell("a2", Acknowledged("v10"), START + 9)
    again.tell("a1", Ended(Ending.CANCELLED), START + 9)
    again.commit()
    assert again.open_intents() == ["a2"]
    store = open_store(store.path)
    told = [(e["news"], e["state"]) for e in store.order_events(book.name, "a1")]
    assert told == [
        ("wanted", "wanted"), ("sent", "sent"), ("acknowledged", "acknowledged"), ("executed", "partly_filled"),
        ("ended", "done"),
    ]  # fmt: skip
    assert store.check() == []


def test_a_fill_is_booked_once_now_and_after_a_restart(
    store: Store, writer: RunWriter, order: Orders, fill: Fills
) -> None:
    book = writer.book
    book.want([order()], writer.run_id, 1)
    assert book.fill(fill(quantity="6"), writer.run_id)
    assert not book.fill(fill(quantity="6"), writer.run_id)
    book.commit()
    assert not book.fill(fill(quantity="6"), writer.run_id)
    again = reopened(store, book.name)
    assert not again.fill(fill(quantity="6"), writer.run_id)
    assert again.fill(fill("f2", quantity="4"), writer.run_id)
    again.commit()
    store = open_store(store.path)
    assert store.balances(book.name).amount(Account.CASH) == 10_000 - 1000 - 2
    assert again.holdings() == {("p.a", "SPY"): (Decimal(10), Decimal(1000))}
    assert store.order("a1")["state"] == "done"
    assert store.check() == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5), st.booleans()), max_size=12))
def test_any_delivery_of_fills_gives_the_same_books(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int, int, bool]]
) -> None:
    """Fills told twice, late and in any order, with commits in between: booked once each, and all is sound."""
    store = open_store(tmp_path_factory.mktemp("s") / "s.db")
    writer = store.begin_run("paper", START, "t", [], [], "s", {}, {}, {}, {}, "1", cash=Decimal(1000))
    orders = [
        Order(f"a{n}", "SPY", Side.BUY, Decimal(20), OrderType.MARKET, Leg.ENTRY, "s", "s", START) for n in range(4)
    ]
    writer.orders(orders)
    expected: dict[str, int] = {}
    for number, quantity, commit in told:
        fill_id = f"{number}/{quantity}"
        expected[fill_id] = quantity
        writer.fill(Fill(
            fill_id, f"a{number}", "SPY", "s", Side.BUY, Decimal(quantity), Decimal(3), Decimal("0.1"), START, Leg.ENTRY
        ))  # fmt: skip
        if commit:
            writer.flush()
    writer.flush()
    total = sum(expected.values())
    balances = store.balances(writer.run_id)
    assert balances.holding("s", "SPY") == (total, 3 * total)
    assert balances.amount(Account.CASH) == 1000 - 3 * total - Decimal("0.1") * len(expected)
    assert store.check() == []
    writer.end("done", START, {})
    store.close()


def test_what_a_fill_cost_is_kept(store: Store, writer: RunWriter, order: Orders, fill: Fills) -> None:
    seen = {"SPY": Seen(Decimal("99.98"), Decimal("0.02"))}
    entry, leave = order("a1"), order("a2", side=Side.SELL, leg=Leg.EXIT)
    stop = order("a3", side=Side.SELL, leg=Leg.STOP)._replace(type=OrderType.STOP, stop=Decimal(95))
    writer.orders([entry, leave, stop], seen)
    writer.fill(fill("f1", "a1", price="100", fee="0.5"))
    writer.fill(fill("f2", "a2", quantity="4", price="99.90", side=Side.SELL, fee="0.5"))
    writer.fill(fill("f3", "a3", quantity="6", price="94.90", side=Side.SELL, fee="0.5"))
    writer.flush()
    assert [row["slippage"] for row in store.fills(writer.run_id)] == ["0.02", "0.08", "0.10"]
    costs = store.costs(writer.run_id)
    assert (costs.fills, costs.measured, costs.fees) == (3, 3, Decimal("1.5"))
    assert costs.slippage == Decimal("0.2") + Decimal("0.32") + Decimal("0.6")
    assert costs.half_spread == Decimal("0.2")


def test_what_a_settled_market_paid_is_no_cost_of_trading(
    store: Store, writer: RunWriter, order: Orders, fill: Fills
) -> None:
    writer.orders([order("a1")], {"SPY": Seen(Decimal("99.98"), Decimal("0.02"))})
    writer.fill(fill("f1", "a1", price="100", fee="0.5"))
    writer.fill(fill("settlement/SPY/s", "", price="1", side=Side.SELL, fee="0"))
    writer.flush()
    costs = store.costs(writer.run_id)
    assert (costs.fills, costs.measured) == (1, 1)


def test_a_spread_that_nobody_knew_is_unknown_and_not_zero(
    store: Store, writer: RunWriter, order: Orders, fill: Fills
) -> None:
    writer.orders([order("a1")], {"SPY": Seen(Decimal("99.98"), None)})
    assert (store.costs(writer.run_id).slippage, store.costs(writer.run_id).half_spread) == (None, None)
    writer.fill(fill("f1", "a1", price="100", fee="0.5"))
    writer.flush()
    costs = store.costs(writer.run_id)
    assert (costs.slippage, costs.half_spread) == (Decimal("0.2"), None)


def test_the_venue_wins_and_the_difference_is_kept(
    store: Store, writer: RunWriter, order: Orders, fill: Fills
) -> None:
    book = writer.book
    writer.orders([order()])
    writer.fill(fill())
    assert book.correct_cash(book.balances.amount(Account.CASH), START, "start-up") is None
    assert book.correct_cash(Decimal("8990.50"), START, "start-up") is not None
    with pytest.raises(LedgerError, match="needs the price"):
        book.correct_position("p.a", "SPY", Decimal(12), None, START, "start-up")
    assert book.correct_position("p.a", "SPY", Decimal(12), Decimal(101), START, "start-up") is not None
    book.commit()
    balances = store.balances(book.name)
    assert balances.amount(Account.CASH) == Decimal("8990.50")
    assert balances.holding("p.a", "SPY") == (12, 1202)
    said = [(d["what"], d["venue_said"], d["ledger_said"], d["resolution"]) for d in store.differences(book.name)]
    assert said == [
        ("cash", "8990.50", "8999", "corrected: start-up"), ("position", "12", "10", "corrected: start-up")
    ]  # fmt: skip
    assert [alert["kind"] for alert in store.alerts()] == ["difference", "difference"]
    assert store.transactions(book.name)[-1]["kind"] == "correction"
    assert store.check() == []


def test_a_settlement_is_booked_once(store: Store, writer: RunWriter, order: Orders, fill: Fills) -> None:
    book = writer.book
    writer.orders([order()])
    writer.fill(fill(price="0.40", fee="0"))
    for first in (True, False):
        assert book.settle("p.a", "SPY", Decimal(1), Decimal(0), START, "KX-1") is first
        assert book.pay(Decimal(10), START, "KX-1") is first
    book.commit()
    assert store.balances(book.name).amount(Account.CASH) == 10_006
    assert book.holdings() == {}
    assert store.check() == []


def test_foreign_fills_are_money_all_the_same_and_alert(store: Store, writer: RunWriter, fill: Fills) -> None:
    assert writer.book.fill(fill(client_id="somebody's"), writer.run_id)
    writer.flush()
    assert store.balances(writer.run_id).amount(Account.CASH) == 8999
    assert [alert["kind"] for alert in store.alerts()] == ["foreign_fill"]
    assert store.check() == ["fill f1 in 20240305-143000-1 is of order somebody's, which was never written down"]


def test_a_contradiction_alerts(store: Store, writer: RunWriter, order: Orders, fill: Fills) -> None:
    writer.orders([order()])
    writer.update(OrderUpdate("a1", OrderState.REFUSED, START))
    writer.fill(fill())
    writer.flush()
    assert [alert["text"] for alert in store.alerts(writer.run_id)] == ["a1: it filled although it had been refused"]
    assert store.order("a1")["state"] == "done"


def test_nobody_changes_what_is_booked(store: Store, writer: RunWriter, order: Orders, fill: Fills) -> None:
    writer.orders([order()])
    writer.fill(fill())
    writer.flush()
    for statement in (
        "UPDATE ledger_entries SET amount = '0'", "DELETE FROM ledger_entries", "DELETE FROM fills",
        "UPDATE fills SET price = '1'", "DELETE FROM intent_events", "UPDATE ledger_transactions SET text = 'x'",
    ):  # fmt: skip
        with pytest.raises(Exception, match=r"stays; book a correction|only added to"):
            store._connection.execute(statement)


def test_a_book_outside_a_run_takes_the_lock(store: Store, begin: Begin) -> None:
    store.book("kalshi", "kalshi").transfer(Decimal(5), START, "t1")
    with pytest.raises(StoreError, match="stop it first"):
        begin(open_store(store.path))
