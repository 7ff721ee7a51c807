"""Our books against the venue's lists: nothing is concluded too early, nothing twice, and the venue is followed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.execute.reconcile import Ages, Books, Difference, Findings, ForeignPolicy, Mine, reconcile
from engine.market.orders import Side
from engine.market.venue import ZERO, Picture, VenueFill, VenueOrder, VenueSettlement

D = Decimal
SECOND = 1_000_000_000
NOW = 1_000 * SECOND
AGES = Ages(5 * SECOND, SECOND)


def mine(client_id: str, filled: int = 0, is_open: bool = True, venue_id: str = "", sent: int = 0) -> Mine:
    return Mine(client_id, venue_id, "A", Side.BUY, D(10), D(filled), is_open, sent)


def order(venue_id: str, client_id: str, filled: int = 0, is_open: bool = True) -> VenueOrder:
    return VenueOrder(venue_id, client_id, "A", Side.BUY, D(10), D(filled), D("0.5"), is_open, 1)


def fill(fill_id: str, venue_id: str, quantity: int, side: Side = Side.BUY, client_id: str = "") -> VenueFill:
    return VenueFill(fill_id, venue_id, client_id, "A", side, D(quantity), D("0.5"), ZERO, 2)


def judged(books: Books, picture: Picture, policy: ForeignPolicy = ForeignPolicy.ALERT) -> Findings:
    return reconcile(books, replace(picture, covered_ns=picture.as_of_ns), policy, AGES)


def test_an_unknown_order_that_filled_is_booked_by_the_venues_own_id() -> None:
    picture = Picture(NOW, 0, [order("v1", "a", 4)], [fill("t1", "v1", 4)], {"A": D(4)})
    found = judged(Books([mine("a")], frozenset(), {}), picture)
    assert [(b.client_id, b.fill.fill_id) for b in found.fills] == [("a", "t1")]
    assert found.settled
    assert found.different == ()


def test_absence_counts_only_when_the_lists_are_newer_than_any_request() -> None:
    fresh, old = mine("a", sent=NOW - SECOND), mine("b", sent=NOW - 6 * SECOND)
    found = judged(Books([fresh, old], frozenset(), {}), Picture(NOW, 0))
    assert (found.unsettled, found.never_arrived) == (("a",), ("b",))


def test_lists_that_do_not_reach_back_far_enough_prove_nothing() -> None:
    found = judged(Books([mine("a", sent=5)], frozenset(), {}), Picture(NOW, 6))
    assert (found.unsettled, found.never_arrived) == (("a",), ())


def test_an_acknowledged_order_is_lost_only_when_the_venue_says_so() -> None:
    books = Books([mine("a", venue_id="v1")], frozenset(), {})
    assert judged(books, Picture(NOW, 0)).unsettled == ("a",)
    missing = Picture(NOW, 0, missing=frozenset({"v1"}))
    once = judged(books, missing)
    assert (once.lost, once.unsettled) == ((), ("a",))
    assert judged(replace(books, missed=once.missed), missing).lost == ("a",)


def test_an_order_is_not_lost_by_lists_from_before_its_acknowledgement() -> None:
    just_now = mine("a", venue_id="v1")._replace(heard_ns=NOW - SECOND // 2)
    picture = Picture(NOW, 0, missing=frozenset({"v1"}))
    found = judged(Books([just_now], frozenset(), {}, missed={"a": NOW - 2 * SECOND}), picture)
    assert (found.lost, found.unsettled) == ((), ("a",))
    later = replace(picture, as_of_ns=NOW + SECOND)
    earlier = Books([just_now], frozenset(), {}, missed={"a": NOW})  # the first of the two was still too early
    assert judged(earlier, later).lost == ()


def test_nothing_is_concluded_of_a_request_whose_call_has_not_ended() -> None:
    found = judged(Books([mine("a")._replace(sending=True)], frozenset(), {}), Picture(NOW, 0))
    assert (found.never_arrived, found.unsettled) == ((), ("a",))


def test_clocks_that_cannot_be_compared_prove_nothing() -> None:
    books = Books([mine("a")], frozenset(), {})
    assert reconcile(books, Picture(NOW, 0), ForeignPolicy.ALERT, AGES).unsettled == ("a",)


def test_the_venues_clock_does_not_shorten_the_grace() -> None:
    """It says that it is late enough; by our own clock, which also timed the sending, it is not."""
    books = Books([mine("a", sent=NOW)], frozenset(), {})
    ahead = Picture(NOW + 5 * SECOND, 0, covered_ns=NOW + SECOND // 10)
    assert reconcile(books, ahead, ForeignPolicy.ALERT, AGES).unsettled == ("a",)


def test_what_is_over_here_and_rests_at_the_venue_is_no_agreement() -> None:
    over = mine("a", is_open=False, venue_id="v1")
    picture = Picture(NOW, 0, [order("v1", "a")])
    found = judged(Books([over], frozenset(), {}), picture)
    assert ([name for name, _ in found.stray], found.orders, found.agrees) == (["a"], (), False)
    old_news = judged(Books([over._replace(heard_ns=NOW)], frozenset(), {}), picture)
    assert (old_news.stray, old_news.unsettled) == ((), ("a",))
    back = Books([over._replace(open=True, stray=True)], frozenset(), {})
    assert not judged(back, picture).agrees, "not before it is gone"


def test_what_was_traded_before_the_books_began_is_in_them_already() -> None:
    picture = Picture(NOW, 0, fills=[fill("t1", "v9", 3, Side.SELL)])
    assert judged(Books([], frozenset(), {}, opened_ns=2), picture).agrees
    assert judged(Books([], frozenset(), {}, opened_ns=1), picture).foreign_fills


def test_an_order_with_fills_that_no_list_has_is_not_over() -> None:
    found = judged(Books([mine("a", 2)], frozenset(), {"A": D(2)}), Picture(NOW, 0, [order("v1", "a", 6, False)]))
    assert found.unsettled == ("a",)
    assert found.different == ()


def test_foreign_orders_are_adopted_ignored_or_told_and_only_once() -> None:
    picture = Picture(NOW, 0, [order("v7", "somebody's"), order("v8", "", 1, False)])
    books = Books([], frozenset(), {})
    assert [o.venue_order_id for o in judged(books, picture, ForeignPolicy.ADOPT).adopt] == ["v7"]
    assert [o.venue_order_id for o in judged(books, picture, ForeignPolicy.ALERT).foreign] == ["v7"]
    ignored = judged(books, picture, ForeignPolicy.IGNORE)
    assert (ignored.adopt, ignored.foreign) == ((), ())
    assert judged(Books([], frozenset(), {}, adopted={"v7"}), picture).foreign == ()


def test_a_position_that_no_fill_explains_is_a_difference() -> None:
    picture = Picture(NOW, 0, fills=[fill("t1", "v9", 3, Side.SELL)], positions={"A": D(5), "B": D(-2)})
    found = judged(Books([], frozenset(), {"A": D(10)}), picture)
    assert [f.fill_id for f in found.foreign_fills] == ["t1"]
    assert found.different == (Difference("A", D(7), D(5)), Difference("B", ZERO, D(-2)))


def test_a_settled_market_has_no_position_and_is_settled_once() -> None:
    settlement = VenueSettlement("A", D(1), ZERO, NOW)
    picture = Picture(NOW, 0, settlements=[settlement])
    found = judged(Books([], frozenset(), {"A": D(10)}), picture)
    assert (found.settlements, found.different) == ((settlement,), ())
    assert judged(Books([], frozenset(), {}, settled={"A"}), picture).agrees


# -- whatever happened -------------------------------------------------------------------------------------------------


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Books, Picture]:
    """A venue's true story of some orders, ours and others', and our books with any part of it missing."""
    orders: list[VenueOrder] = []
    fills: list[VenueFill] = []
    ours: list[Mine] = []
    known: set[str] = set()
    positions: dict[str, Decimal] = {}
    for number in range(draw(st.integers(0, 5))):
        client_id, venue_id = f"c{number}", f"v{number}"
        foreign, arrived = draw(st.booleans()), draw(st.booleans())
        parts = draw(st.lists(st.integers(1, 3), max_size=3)) if arrived else []
        told = 0
        for place, part in enumerate(parts):
            name = f"t{number}.{place}"
            fills.append(fill(name, venue_id, part))
            if not foreign and draw(st.booleans()):
                known.add(name)
                told += part
                positions["A"] = positions.get("A", ZERO) + part
        is_open = draw(st.booleans()) and sum(parts) < 10
        if arrived:
            orders.append(order(venue_id, "" if foreign else client_id, sum(parts), is_open))
        if not foreign:
            named = venue_id if arrived and draw(st.booleans()) else ""
            ours.append(mine(client_id, told, True, named, sent=draw(st.sampled_from([0, NOW - 1]))))
    held = {"A": D(sum(int(f.quantity) for f in fills))} if fills else {}
    missing = frozenset(o.venue_order_id for o in ours if o.venue_order_id) - {o.venue_order_id for o in orders}
    return Books(ours, known, positions), Picture(NOW, 0, orders, fills, held, missing=missing)


def followed(books: Books, found: Findings) -> Books:
    """Our books after doing what was found."""
    filled = {o.client_id: o.filled for o in books.orders}
    positions, known = dict(books.positions), set(books.fills)
    for booking in found.fills:
        filled[booking.client_id] += booking.fill.quantity
    for one in [*(b.fill for b in found.fills), *found.foreign_fills]:
        positions[one.symbol] = positions.get(one.symbol, ZERO) + one.quantity * one.side.sign
        known.add(one.fill_id)
    told = dict(found.orders)
    orders = [
        o._replace(
            filled=filled[o.client_id],
            open=o.client_id not in found.never_arrived and (o.client_id not in told or told[o.client_id].open),
            venue_order_id=told[o.client_id].venue_order_id if o.client_id in told else o.venue_order_id,
        )
        for o in books.orders
    ]
    return Books(orders, known, positions, adopted={o.venue_order_id for o in found.foreign})


@given(worlds())
def test_following_the_venue_once_is_enough(world: tuple[Books, Picture]) -> None:
    books, picture = world
    found = judged(books, picture)
    after = followed(books, found)
    again = judged(after, picture)
    assert (again.fills, again.foreign_fills, again.never_arrived, again.foreign) == ((), (), (), ())
    assert again.different == ()
    assert after.positions.get("A", ZERO) == picture.positions.get("A", ZERO)


@given(worlds())
def test_what_the_venue_has_is_never_taken_for_gone(world: tuple[Books, Picture]) -> None:
    books, picture = world
    found = judged(books, picture)
    listed = {o.client_id for o in picture.orders}
    assert not listed & set(found.never_arrived)
    assert not listed & set(found.lost)
    booked = [b.fill.fill_id for b in found.fills] + [f.fill_id for f in found.foreign_fills]
    assert len(booked) == len(set(booked))
    assert not set(booked) & set(books.fills)
