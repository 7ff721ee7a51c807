"""What holds whatever clients do: money is kept, books do not cross, first come first served, positions add up."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.simulators.kalshi.core.blocks import Proposal
from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.exchange import Exchange
from connectors.simulators.kalshi.core.grid import STRUCTURES
from connectors.simulators.kalshi.core.model import Event, Market, MarketStatus, Series
from connectors.simulators.kalshi.core.notices import BookChanged, Filled
from connectors.simulators.kalshi.core.order import (
    ASK,
    BID,
    FOK,
    GTC,
    IOC,
    MAKER,
    TAKER_AT_CROSS,
    Amendment,
    NewOrder,
)
from connectors.simulators.kalshi.core.request import Quote, Rfq
from connectors.simulators.kalshi.core.units import NANOS, PRICE_ONE

USERS = ("ann", "bob", "cid")
TICKERS = ("E-A", "E-B")

placements = st.tuples(
    st.just("place"), st.sampled_from(USERS), st.sampled_from(TICKERS), st.sampled_from((BID, ASK)),
    st.integers(1, 40).map(lambda n: n * 25), st.integers(30, 70).map(lambda n: n * 100),
    st.sampled_from((GTC, GTC, GTC, IOC, FOK)), st.sampled_from((MAKER, TAKER_AT_CROSS)), st.booleans(),
)  # fmt: skip
changes = st.tuples(
    st.sampled_from(("cancel", "decrease", "amend")), st.integers(0, 50), st.integers(1, 40).map(lambda n: n * 25),
    st.integers(30, 70).map(lambda n: n * 100),
)  # fmt: skip
# A request for quotes with a quote on it, and how far the two go: asked, quoted, accepted, confirmed.
requests = st.tuples(
    st.just("request"), st.permutations(USERS), st.sampled_from(TICKERS), st.integers(1, 40).map(lambda n: n * 25),
    st.integers(30, 50).map(lambda n: n * 100), st.sampled_from(("yes", "no")), st.booleans(),
    st.sampled_from((1, 2, 3, 4, 4, 4)),
)  # fmt: skip
blocks = st.tuples(
    st.just("block"), st.sampled_from(TICKERS), st.integers(1, 40).map(lambda n: n * 25),
    st.integers(30, 70).map(lambda n: n * 100), st.sampled_from(("yes", "no")),
)  # fmt: skip
waits = st.tuples(st.just("wait"), st.integers(0, 20))
stories = st.lists(
    st.one_of(placements, placements, changes, waits, requests, blocks), max_size=60
)  # fmt: skip


def exchange(fee_type: str = "quadratic_with_maker_fees", netting: bool = False) -> Exchange:
    made = Exchange(seed=3)
    made.list_series(Series("S", fee_type, Fraction(1), 0, 0, {}))
    made.list_event(Event("E", "S", 0, 0, {}, collateral_return_type="MECNET" if netting else ""), 1)
    for ticker in TICKERS:
        market = Market(
            ticker, ticker, "E", 0, 0, 0, 0, 10**18, 60 * NANOS, True, "linear_cent", STRUCTURES["linear_cent"], {},
        )  # fmt: skip
        market.status = MarketStatus.ACTIVE
        made.list_market(market, 1)
    for user in USERS:
        made.open_user(user)
        made.deposit(user, 60_000_000, 1)
        if netting:
            made.accounts.netting.wanted.add((user, 0))
    return made


def play(venue: Exchange, story: list[tuple], after: object = None) -> None:  # type: ignore[type-arg]
    """Carry a story out; refusals are part of it."""
    now, ids = 1, []
    for step in story:
        now += NANOS // 10
        try:
            match step:
                case ("place", user, ticker, side, count, price, kind, prevention, post_only):
                    only = post_only and kind == GTC
                    wanted = NewOrder(ticker, side, count, price, kind, prevention, post_only=only)
                    ids.append((user, venue.place(user, wanted, now).order.order_id))
                case ("wait", seconds):
                    now += seconds * NANOS
                    venue.advance(now)
                case ("request", users, ticker, count, bid, side, rest, steps):
                    venue.advance(now)
                    request(venue, users, ticker, count, bid, side, rest, steps)
                case ("block", ticker, count, price, side):
                    venue.advance(now)
                    wanted = Proposal(
                        venue.floor.ids(), "ann", "ann", 0, "bob", 0, ticker, price, count, side, now + NANOS, now, now
                    )  # fmt: skip
                    for user in ("ann", "bob"):
                        venue.blocks.proposals[wanted.proposal_id] = wanted
                        venue.blocks.accept(user, wanted.proposal_id, None)
                case (what, number, count, price) if ids:
                    user, order_id = ids[number % len(ids)]
                    change(venue, what, user, order_id, count, price, now)
        except VenueError:
            pass
        if callable(after):
            after(venue)


def request(
    venue: Exchange, users: list[str], ticker: str, count: int, bid: int, side: str, rest: bool, steps: int
) -> None:
    desk, now = venue.requests, venue.floor.now
    rfq = desk.ask(Rfq(venue.floor.ids(), users[0], 0, ticker, count, 0, False, rest, False, now, now), replace=True)
    if steps > 1:
        quote = Quote(venue.floor.ids(), rfq.rfq_id, users[1], 0, "", bid, bid, 0, 0, rest, False, now, now)
        desk.bid(quote)
    if steps > 2:
        desk.accept(users[0], quote.quote_id, side)
    if steps > 3:
        desk.confirm(users[1], quote.quote_id)


def change(venue: Exchange, what: str, user: str, order_id: str, count: int, price: int, now: int) -> None:
    order = venue.floor.orders[order_id]
    if what == "cancel":
        venue.cancel(user, order_id, now)
    elif what == "decrease":
        venue.decrease(user, order_id, now, by=count)
    else:
        wanted = Amendment(order_id, order.ticker, order.side, price, order.filled + count)
        venue.amend(user, wanted, now)


def money_is_kept(venue: Exchange) -> None:
    accounts = venue.accounts
    assert sum(accounts.cash.values()) + accounts.house + accounts.fees == accounts.deposited
    held = [p.count for p in accounts.positions.values()]
    pairs = sum(count for count in held if count > 0) * PRICE_ONE
    assert accounts.house == pairs - sum(accounts.netting.returned.values())
    for ticker in TICKERS:
        counts = [p.count for p in accounts.positions.values() if p.ticker == ticker]
        assert sum(counts) == 0
        assert venue.floor.markets[ticker].open_interest == sum(count for count in counts if count > 0)


def nobody_owes(venue: Exchange) -> None:
    """Whatever rests can be paid for; rounding of maker fills may take less than a cent more than was held back."""
    for user in USERS:
        assert venue.accounts.available(user, 0, 0) > -10_000


def what_rests_is_held_back(venue: Exchange) -> None:
    accounts = venue.accounts
    for slot, resting in accounts.resting.items():
        wanted: dict[tuple[str, int], int] = defaultdict(int)
        for order in resting.values():
            wanted[order.side, order.price] += order.remaining
        assert wanted == accounts.wanted[slot]
        held, position = 0, accounts.positions.get(slot)
        free = {BID: max(0, -position.count), ASK: max(0, position.count)} if position else {BID: 0, ASK: 0}
        for side, price in sorted(wanted, key=lambda place: -place[1] if place[0] == BID else place[1]):
            opening = max(0, wanted[side, price] - free[side])
            free[side] = max(0, free[side] - wanted[side, price])
            held += opening * (price if side == BID else PRICE_ONE - price)
        fees = accounts.reserves[slot][1] - held
        assert 0 <= fees <= held // 10 + 1_000


def books_are_whole(venue: Exchange) -> None:
    for market in venue.floor.markets.values():
        book = market.book
        assert book.bid is None or book.ask is None or book.bid < book.ask
        for side in (book.bids, book.asks):
            prices = [price for price, _ in side.best_first()]
            assert prices == sorted(prices, reverse=side is book.bids) and set(prices) == set(side.levels)
            for price, level in side.best_first():
                assert level.total == sum(o.remaining for o in level.orders.values()) > 0
                assert all(o.price == price and o.resting and o.remaining > 0 for o in level.orders.values())
    resting = {o.order_id for o in venue.floor.orders.values() if o.resting}
    assert resting == {o.order_id for m in venue.floor.markets.values() for o in m.book.orders()}


def orders_add_up(venue: Exchange) -> None:
    filled: dict[str, int] = defaultdict(int)
    fees: dict[str, int] = defaultdict(int)
    for fill in venue.floor.fills:
        filled[fill.order_id] += fill.count
        fees[fill.order_id] += fill.fee
    for order in venue.floor.orders.values():
        assert order.filled == filled[order.order_id]
        assert order.taker_fees + order.maker_fees == fees[order.order_id]
        assert order.status != "executed" or order.remaining == 0
        assert order.filled + order.remaining <= order.initial


@given(stories)
def test_invariants_hold_after_every_step(story: list[tuple]) -> None:  # type: ignore[type-arg]
    def after(venue: Exchange) -> None:
        money_is_kept(venue)
        nobody_owes(venue)
        what_rests_is_held_back(venue)
        books_are_whole(venue)

    venue = exchange()
    play(venue, story, after)
    orders_add_up(venue)


@given(stories)
def test_with_netting_nobody_owes_and_only_what_is_certain_is_returned(story: list[tuple]) -> None:  # type: ignore[type-arg]
    def after(venue: Exchange) -> None:
        money_is_kept(venue)
        nobody_owes(venue)
        for user in USERS:
            no = [max(0, -venue.accounts.held(user, 0, ticker)) for ticker in TICKERS]
            returned = venue.accounts.netting.returned.get((user, 0, "E"), 0)
            assert returned == min(no) * PRICE_ONE  # of two markets one may win: the smaller holding is certain

    venue = exchange(netting=True)
    play(venue, story, after)
    cash = dict(venue.accounts.cash)
    # One winner: whoever settles first, nobody is in debt at any time and all is paid in the end.
    for ticker, result in zip(TICKERS, ("no", "yes"), strict=True):
        venue.determine(ticker, result, venue.floor.now + NANOS)
        venue.advance(venue.floor.now + 61 * NANOS)
        nobody_owes(venue)
    assert venue.accounts.house == 0 and not any(venue.accounts.netting.returned.values())
    assert sum(cash.values()) <= venue.accounts.deposited


@given(stories)
def test_the_notices_rebuild_the_books(story: list[tuple]) -> None:  # type: ignore[type-arg]
    """Deltas alone, as a websocket client adds them up, give every level."""
    venue = exchange()
    levels: dict[tuple[str, str, int], int] = defaultdict(int)
    clocks: dict[str, int] = defaultdict(int)

    def after(venue: Exchange) -> None:
        for notice in venue.take_notices():
            if isinstance(notice, BookChanged):
                levels[notice.ticker, notice.side, notice.price] += notice.delta
                assert notice.clock >= clocks[notice.ticker]
                clocks[notice.ticker] = notice.clock

    play(venue, story, after)
    after(venue)
    real = {
        (market.ticker, side, price): level.total
        for market in venue.floor.markets.values()
        for side in (BID, ASK)
        for price, level in market.book.side(side).best_first()
    }
    assert {place: count for place, count in levels.items() if count} == real


@given(stories)
def test_nobody_is_passed_over(story: list[tuple]) -> None:  # type: ignore[type-arg]
    """Each maker fill goes to the order that was first at the best price when it happened."""
    venue = exchange()
    queues: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)

    def after(venue: Exchange) -> None:
        past_the_book = {trade.trade_id for trade in venue.floor.trades if trade.block}
        fills = [n.fill for n in venue.take_notices() if isinstance(n, Filled)]
        # The order of an accepted quote comes and trades within one step: it has not been seen in a queue.
        quoted = {quote.maker_order[0] for quote in venue.requests.quotes.values()}
        makers = [
            fill
            for fill in fills
            if not fill.is_taker and fill.trade_id not in past_the_book and fill.order_id not in quoted
        ]
        for fill in makers:
            before = queues[fill.ticker, fill.side]
            index = next(i for i, (_, order_id) in enumerate(before) if order_id == fill.order_id)
            for _, passed in before[:index]:
                # Those before it have just been filled whole, or were taken away as the taker's own.
                assert not venue.floor.orders[passed].resting
        for market in venue.floor.markets.values():
            for side in (BID, ASK):
                queues[market.ticker, side] = [
                    (price, order_id)
                    for price, level in market.book.side(side).best_first()
                    for order_id in level.orders
                ]

    play(venue, story, after)


@settings(max_examples=25)
@given(stories, st.sampled_from(("yes", "no", "scalar")), st.integers(0, PRICE_ONE))
def test_settlement_pays_out_exactly_what_was_put_in(story: list[tuple], result: str, value: int) -> None:  # type: ignore[type-arg]
    venue = exchange()
    play(venue, story)
    now = venue.floor.now + NANOS
    for ticker in TICKERS:
        venue.determine(ticker, result, now, value)
    venue.advance(now + 61 * NANOS)
    assert venue.accounts.house == 0
    assert all(position.count == 0 for position in venue.accounts.positions.values())
    assert sum(venue.accounts.cash.values()) + venue.accounts.fees == venue.accounts.deposited
    assert not any(order.resting for order in venue.floor.orders.values())
    assert not any(venue.accounts.reserved.values())


@given(stories)
def test_the_same_story_gives_the_same_exchange(story: list[tuple]) -> None:  # type: ignore[type-arg]
    first, second = exchange(), exchange()
    play(first, story)
    play(second, story)
    assert first.floor.orders == second.floor.orders and first.accounts.cash == second.accounts.cash
