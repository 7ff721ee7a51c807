"""Local books against a small matching engine: whatever happens, the book is the engine's, and never impossible."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kalshi.book import Book, BookError, book_of
from connectors.kalshi.models.data import Orderbook
from connectors.kalshi.models.fields import Outcome
from connectors.kalshi.prices import NoPrice, YesPrice

Levels = dict[Decimal, Decimal]
Delta = tuple[Outcome, Decimal, Decimal]
YES, NO = Outcome.YES, Outcome.NO


class Exchange:
    """Levels of bids and asks in YES dollars. Each action makes deltas that share one clock."""

    def __init__(self) -> None:
        self.sides: dict[Outcome, Levels] = {YES: {}, NO: {}}
        self.clock = 0

    def act(self, side: Outcome, dollars: Decimal, count: Decimal, cancels: bool) -> list[Delta]:
        self.clock += 3
        own, other = self.sides[side], self.sides[NO if side is YES else YES]
        if cancels:
            taken = min(count, own.get(dollars, Decimal(0)))
            return [self._change(side, dollars, -taken)] if taken else []
        deltas = []
        for price in sorted(other, reverse=side is NO):
            crosses = price <= dollars if side is YES else price >= dollars
            if not crosses or not count:
                break
            taken = min(count, other[price])
            deltas.append(self._change(NO if side is YES else YES, price, -taken))
            count -= taken
        return [*deltas, self._change(side, dollars, count)] if count else deltas

    def _change(self, side: Outcome, dollars: Decimal, delta: Decimal) -> Delta:
        levels = self.sides[side]
        levels[dollars] = levels.get(dollars, Decimal(0)) + delta
        if not levels[dollars]:
            del levels[dollars]
        return side, dollars, delta

    def levels(self, side: Outcome) -> list[tuple[YesPrice, Decimal]]:
        return [(YesPrice(p), c) for p, c in self.sides[side].items()]


def snapshot_of(exchange: Exchange) -> Book:
    book = Book("T")
    book.snapshot(exchange.clock, exchange.levels(YES), exchange.levels(NO))
    return book


def content(book: Book) -> tuple[list[object], list[object]]:
    return [*book.bids()], [*book.asks()]


cents = st.integers(min_value=1, max_value=99).map(lambda n: Decimal(n) / 100)
sizes = st.integers(min_value=1, max_value=500).map(lambda n: Decimal(n) / 100)
actions = st.lists(st.tuples(st.sampled_from(Outcome), cents, sizes, st.booleans()), max_size=60)


@given(actions, st.integers(min_value=0, max_value=60), st.randoms(use_true_random=False))
def test_a_snapshot_and_the_deltas_after_it_make_the_later_snapshot(
    done: list[tuple[Outcome, Decimal, Decimal, bool]], start: int, random: Random
) -> None:
    exchange, book = Exchange(), Book("T")
    for number, action in enumerate(done):
        if number == start:
            book = snapshot_of(exchange)
        deltas = exchange.act(*action)
        random.shuffle(deltas)  # within one action the venue promises no order
        for side, dollars, delta in deltas:
            assert book.delta(exchange.clock, side, YesPrice(dollars), delta) == book.ready
            check_possible(book)
        if book.ready:
            assert not book.crossed
            assert content(book) == content(snapshot_of(exchange))
            assert book.clock <= exchange.clock
        else:
            assert content(book) == ([], [])


def check_possible(book: Book) -> None:
    """No level is empty or below zero, no price is twice, best is best, and a bid that is told is below the ask."""
    bids, asks = book.bids(), book.asks()
    assert all(level.size > 0 for level in [*bids, *asks])
    assert [b.price.dollars for b in bids] == sorted({b.price.dollars for b in bids}, reverse=True)
    assert [a.price.dollars for a in asks] == sorted({a.price.dollars for a in asks})
    if book.best_bid and book.best_ask:
        assert book.best_bid == bids[0] and book.best_ask == asks[0]
        assert book.best_bid.price < book.best_ask.price
    assert (book.best_bid is None) == (not bids or book.crossed)


@given(actions)
def test_deltas_that_the_snapshot_includes_are_passed_over(
    done: list[tuple[Outcome, Decimal, Decimal, bool]],
) -> None:
    exchange, told = Exchange(), []
    for action in done:
        told += [(exchange.clock, d) for d in exchange.act(*action)]
    book = snapshot_of(exchange)
    for clock, (side, dollars, delta) in told:
        assert not book.delta(clock, side, YesPrice(dollars), delta)
    assert content(book) == content(snapshot_of(exchange))


def price(text: str) -> YesPrice:
    return YesPrice.parse(text)


def two_sided() -> Book:
    book = Book("T")
    book.snapshot(10, [(price("0.47"), Decimal(3))], [(price("0.52"), Decimal(2))])
    return book


def test_an_empty_side_is_unknown_and_not_zero() -> None:
    book = Book("T")
    assert (book.ready, book.best_bid, book.best_ask) == (False, None, None)
    book.snapshot(10, [(price("0.47"), Decimal(3))], [])
    assert book.ready and book.best_bid is not None and book.best_ask is None
    assert book.delta(11, YES, price("0.47"), Decimal(-3))
    assert book.best_bid is None


def test_a_level_below_zero_breaks_the_book() -> None:
    with pytest.raises(BookError, match=r"the level 0.4700 \(yes\) would hold -1 contracts"):
        two_sided().delta(11, YES, price("0.47"), Decimal(-4))


def test_a_clock_that_runs_backwards_breaks_the_book() -> None:
    book = two_sided()
    book.delta(15, YES, price("0.40"), Decimal(1))
    assert book.delta(15, YES, price("0.41"), Decimal(1))
    with pytest.raises(BookError, match="runs backwards, from 15 to 14"):
        book.delta(14, YES, price("0.42"), Decimal(1))


def test_a_book_may_cross_within_an_action_tells_no_prices_then_and_must_be_mended_by_its_end() -> None:
    book = two_sided()
    book.delta(11, YES, price("0.52"), Decimal(1))
    assert book.crossed and book.best_bid is None and book.best_ask is None
    assert book.cost_of(YES, Decimal(1)) is None
    book.delta(11, NO, price("0.52"), Decimal(-2))
    assert book.best_bid is not None and book.best_bid.price == price("0.52")
    book.delta(12, NO, price("0.50"), Decimal(1))
    with pytest.raises(BookError, match=r"crossed after clock 12: bid 0\.52 and ask 0\.50"):
        book.delta(13, YES, price("0.01"), Decimal(1))


@pytest.mark.parametrize(
    ("bids", "asks", "why"),
    [
        ([("0.50", 1)], [("0.50", 1)], "crossed"),
        ([("0.50", 0)], [], "gives 0 contracts"),
        ([("0.50", -1)], [], "gives -1 contracts"),
        ([("0.50", 1), ("0.5000", 1)], [], "twice"),
    ],
)
def test_impossible_snapshots_are_refused(bids: list[tuple[str, int]], asks: list[tuple[str, int]], why: str) -> None:
    book = Book("T")
    with pytest.raises(BookError, match=why):
        book.snapshot(1, *([(price(p), Decimal(c)) for p, c in side] for side in (bids, asks)))
    assert not book.ready


def test_a_book_by_rest_has_its_no_prices_turned_around() -> None:
    answer = Orderbook.model_validate({"yes_dollars": [["0.4700", "3.00"]], "no_dollars": [["0.4800", "3.00"]]})
    assert answer.no_dollars[0].price == NoPrice.parse("0.48")
    book = book_of("T", answer)
    assert book.best_ask is not None and book.best_ask.price == price("0.52")


def test_prices_of_the_wrong_side_are_refused() -> None:
    with pytest.raises(TypeError):
        two_sided().delta(11, NO, NoPrice.parse("0.48"), Decimal(1))  # type: ignore[arg-type]


def test_what_it_costs_to_take_from_the_book() -> None:
    book = Book("T")
    levels = [(price("0.52"), Decimal(2)), (price("0.60"), Decimal(5))]
    book.snapshot(1, [(price("0.47"), Decimal(3))], levels)
    assert book.cost_of(YES, Decimal(4)) == Decimal("2.24")
    assert book.cost_of(NO, Decimal(2)) == Decimal("1.06")
    assert book.cost_of(YES, Decimal(8)) is None
