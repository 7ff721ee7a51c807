"""Money that came to the venue or left it without a trade: told, booked as a transfer, and never a result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from engine.execute.cash import CashWatch, cash_of, holds_back, late_costs
from engine.market.orders import Fill, Leg, Order, Side
from engine.market.venue import Picture, VenueOrder, VenueSettlement

Bracket = Callable[..., list[Order]]
SECOND = 1_000_000_000


def resting(side: Side, quantity: int, filled: int = 0) -> VenueOrder:
    return VenueOrder("v1", "c", "A", side, D(quantity), D(filled), D("0.5"), True, 1)


def told(rig: Any) -> list[str]:
    return [text for kind, text in rig.alerts if kind == "transfer"]


@pytest.mark.parametrize(
    ("orders", "held", "kept_back"),
    [
        ([], 0, False),
        ([resting(Side.BUY, 5)], 0, True),
        ([resting(Side.SELL, 5)], 0, True),
        ([resting(Side.SELL, 5)], 5, False),
        ([resting(Side.SELL, 8, filled=3)], 5, False),
        ([resting(Side.SELL, 5)], 4, True),
        ([resting(Side.BUY, 5)], -5, False),
        ([resting(Side.BUY, 5)._replace(open=False)], 0, False),
    ],
)
def test_only_orders_that_may_open_something_keep_money_back(
    orders: list[VenueOrder], held: int, kept_back: bool
) -> None:
    positions = {"A": D(held)} if held else {}
    assert holds_back(Picture(1, 0, orders, positions=positions)) is kept_back
    assert not holds_back(Picture(1, 0, orders, positions=positions, rests_on_cash=False))


def test_what_is_sold_short_is_our_money_though_the_venue_keeps_it_back() -> None:
    assert cash_of(Picture(1, 0, positions={"A": D(-3), "B": D(2)}, cash=D(10))) == 13


def test_two_readings_must_tell_the_same_and_the_last_trade_must_be_over() -> None:
    watch = CashWatch()

    def look(cash: int, as_of_s: int = 100) -> tuple[D, bool]:
        order = resting(Side.BUY, 1)._replace(filled=D(1), open=False, changed_ns=95 * SECOND)
        watch.compare(D(10), Picture(as_of_s * SECOND, 0, [order], cash=D(cash)), D(1), 2 * SECOND)
        return watch.moved, watch.doubt

    assert look(11) == (0, False), "less than a dollar and a dollar itself is rounding"
    assert look(510, 96) == (0, True), "the venue's cash may be older than the trade"
    assert look(510) == (0, True)
    assert look(400) == (0, True), "it is not what the last one told"
    assert look(400) == (390, False)
    assert look(10) == (0, False)
    assert (look(400), look(400)) == ((0, True), (390, False))


def test_costs_that_are_told_later_are_of_orders_and_units() -> None:
    one = Fill("f1", "a", "A", "p.s", Side.BUY, D(100), D(10), D(0), 1, Leg.ENTRY)
    assert late_costs([one, one._replace(fill_id="f2"), one._replace(client_id="b")]) == D("13.00")


@pytest.mark.parametrize(("paid", "words"), [(500, "$500.00 came to"), (-300, "$300.00 left")])
def test_a_run_goes_on_without_what_came_or_went_and_says_so_once(
    rig: Any, new_bracket: Bracket, paid: int, words: str
) -> None:
    rig.place(*new_bracket("e", limit=None))
    rig.venue.paid_in += paid
    for _ in range(4):
        rig.reconcile()
    assert [text.partition(" the account")[0] for text in told(rig)] == [words]
    assert rig.store.transfers == [], "the rules were not told of it, so it is not in their account either"


@pytest.mark.parametrize("paid", [500, -300])
def test_the_next_start_books_it_as_a_transfer_once(rig: Any, new_bracket: Bracket, paid: int) -> None:
    rig.place(*new_bracket("e", limit=None))
    rig.venue.paid_in += paid
    rig.start()
    rig.broker.muted = True  # as a run begins
    rig.reconcile()
    assert rig.recovery.watch.doubt and rig.recovery.book_moved(rig.venue.now) == 0
    rig.reconcile()
    assert rig.recovery.book_moved(rig.venue.now) == paid
    assert rig.store.transfers == [paid] and rig.store.cash() == rig.venue.cash()
    assert "no result" in told(rig)[0]
    rig.reconcile()
    assert rig.recovery.book_moved(rig.venue.now) == 0 and not rig.recovery.watch.doubt


def test_a_market_that_paid_out_is_no_deposit(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e", limit=None))
    for order in rig.resting():
        rig.venue.orders[order.venue_order_id] = order._replace(open=False)
    rig.venue.settlements.append(VenueSettlement("A", D(1), D(0), rig.venue.now))
    for _ in range(3):
        rig.reconcile()
    assert told(rig) == [] and rig.store.cash() == rig.venue.cash()


def test_what_was_told_of_cash_is_in_doubt_again_once_a_position_differs(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e", limit=None))
    rig.venue.paid_in += 500
    rig.start()
    rig.broker.muted = True
    rig.reconcile()
    rig.reconcile()
    assert rig.recovery.watch.moved == 500
    rig.venue.positions = dict  # it vanishes, and nothing says why: a payout may be on its way
    assert rig.reconcile().different
    assert rig.recovery.book_moved(rig.venue.now) == 0 and rig.store.transfers == []


@pytest.mark.parametrize("days", [1, 9])
def test_costs_that_the_venue_tells_late_are_no_withdrawal(rig: Any, new_bracket: Bracket, days: int) -> None:
    """Nobody may have asked for them since: the engine did not run."""
    rig.place(*new_bracket("e", limit=None))
    rig.venue.paid_in -= 3
    rig.venue.now += days * 86_400 * SECOND
    rig.start()
    rig.recovery.settings = replace(rig.recovery.settings, costs_later=True)
    rig.broker.muted = True
    for _ in range(3):
        rig.reconcile()
    assert rig.recovery.watch.moved == 0 and told(rig) == []
    rig.venue.paid_in -= 300
    for _ in range(2):
        rig.reconcile()
    assert rig.recovery.watch.moved == -303


@pytest.mark.parametrize("pays", [0, 1])
def test_a_payout_that_is_told_after_its_position_is_gone_is_a_result(
    rig: Any, new_bracket: Bracket, pays: int
) -> None:
    rig.place(*new_bracket("e", limit=None))
    rig.recovery.settings = replace(rig.recovery.settings, payout_ns=20 * SECOND)
    for order in rig.resting():
        rig.venue.orders[order.venue_order_id] = order._replace(open=False)
    settlement = VenueSettlement("A", D(pays), D(0), rig.venue.now)
    rig.venue.settlements.append(settlement)
    picture = rig.venue.picture

    async def without_payouts(*asked: Any) -> Picture:
        return replace(await picture(*asked), settlements=())

    rig.venue.picture = without_payouts
    for _ in range(5):
        rig.venue.now += 3 * SECOND
        rig.reconcile()
    rig.venue.picture = picture
    for _ in range(3):
        rig.reconcile()
    assert [(f.fill_id, f.price) for f in rig.store.fills[1:]] == [("settlement/A/s", D(pays))]
    assert told(rig) == [] and rig.store.cash() == rig.venue.cash()


def test_a_position_that_is_gone_for_longer_than_a_payout_takes_is_followed(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e", limit=None))
    rig.recovery.settings = replace(rig.recovery.settings, payout_ns=20 * SECOND)
    rig.venue.positions = dict
    rig.reconcile()
    rig.venue.now += 19 * SECOND
    rig.reconcile()
    assert rig.held() == 10
    rig.venue.now += SECOND
    rig.reconcile()
    assert rig.held() == 0 and any("the venue has 0" in text for kind, text in rig.alerts if kind == "position")
