"""Costs that are told afterwards: booked to the cent where they are certain, said where they are not."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.execute.charges import Matched, match
from engine.market.orders import Fill, Leg, Side
from engine.market.venue import Charge

DAY = 86_400 * 10**9


def day_of(time_ns: int) -> str:
    return f"day {time_ns // DAY}"


def fill(quantity: int, price: str, side: Side = Side.BUY, strategy: str = "p.s", time_ns: int = DAY) -> Fill:
    return Fill("f", "c", "SPY", strategy, side, D(quantity), D(price), D(0), time_ns, Leg.ENTRY, "")


def charge(quantity: int, price: str, amount: str, commission: str = "0", day: int = 1) -> Charge:
    side = Side.BUY if quantity > 0 else Side.SELL
    return Charge(day_of(day * DAY), "SPY", side, D(quantity), D(price), D(amount), D(commission))


def amounts(found: Matched) -> dict[str, D]:
    return {booking.strategy: booking.amount for booking in found.bookings}


def test_all_that_moved_beyond_price_times_units_is_a_cost() -> None:
    """A real answer: two contracts at 12.78 cost 2556.23, and the commission is told as 0."""
    found = match([charge(2, "1278", "-2556.23")], [fill(2, "1278")], day_of)
    assert amounts(found) == {"p.s": D("0.23")} and not found.open
    (booking,) = found.bookings
    assert (booking.symbol, booking.time_ns, booking.reference) == ("SPY", DAY, "day 1/SPY/buy/p.s")


def test_one_row_may_stand_for_several_executions_and_the_other_way_round() -> None:
    parts = [fill(3, "10.00"), fill(1, "10.02")]
    assert amounts(match([charge(4, "10.01", "-41.02")], parts, day_of)) == {"p.s": D("1.00")}
    rows = [charge(-3, "10", "29.50", "0.50"), charge(-1, "10", "9.90", "0.10")]
    assert amounts(match(rows, [fill(4, "10", Side.SELL)], day_of)) == {"p.s": D("0.60")}


@pytest.mark.parametrize(
    ("charges", "fills", "said"),
    [
        ([charge(4, "10", "-41")], [fill(3, "10")], "tells 4 traded, our books 3"),
        ([charge(4, "10", "-41")], [], "our books 0"),
        ([charge(4, "10", "-41", day=2)], [fill(4, "10")], "our books 0"),
        ([charge(4, "10.50", "-43")], [fill(4, "10")], "a worth of 42.00, our books 40"),
        ([charge(4, "10", "-40", "1")], [fill(4, "10")], "does not hold its commission"),
        ([charge(4, "10", "-39")], [fill(4, "10")], "does not hold its commission"),
    ],
)
def test_what_is_not_certain_is_said_and_not_booked(
    charges: Sequence[Charge], fills: Sequence[Fill], said: str
) -> None:
    found = match(charges, fills, day_of)
    assert not found.bookings and said in found.open[0]


def test_trades_of_others_that_cost_nothing_are_nobodys_business() -> None:
    assert match([charge(4, "10", "-40")], [], day_of) == Matched((), ())


@given(
    st.lists(st.tuples(st.integers(1, 500), st.integers(1, 99_999), st.sampled_from(["a.x", "b.y", "c.z"])),
             min_size=1, max_size=6),
    st.integers(0, 50_000),
)  # fmt: skip
def test_the_parts_of_strategies_make_up_what_was_paid(traded: list[tuple[int, int, str]], cents: int) -> None:
    fills = [fill(quantity, str(D(price) / 100), strategy=strategy) for quantity, price, strategy in traded]
    gross = sum((f.quantity * f.price for f in fills), D(0))
    paid = D(cents) / 100
    rows = [charge(int(f.quantity), str(f.price), str(-f.quantity * f.price)) for f in fills[1:]]
    first = fills[0]
    rows.append(charge(int(first.quantity), str(first.price), str(-first.quantity * first.price - paid)))
    found = match(rows, fills, day_of)
    assert sum((b.amount for b in found.bookings), D(0)) == paid
    assert all(b.amount == b.amount.quantize(D("0.01")) for b in found.bookings) and gross > 0
