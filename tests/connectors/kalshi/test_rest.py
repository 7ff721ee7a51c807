"""What the reads and writes make of the venue's answers: paging, batches, money as numbers, strange answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from connectors.kalshi.errors import (
    BadAnswer,
    DuplicateOrder,
    NotFound,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
    VenueUnavailable,
)
from connectors.kalshi.fees import FeeError, Liquidity
from connectors.kalshi.models.markets import Market, MarketStatus
from connectors.kalshi.models.orders import Cancellation, NewOrder, OrderCanceled, OrderCreated, buy_yes
from connectors.kalshi.prices import PriceError, YesPrice
from connectors.kalshi.reconcile import read_account
from connectors.kalshi.rest.markets import MarketFilter
from connectors.kalshi.rest.paging import collect

Venue = Callable[..., Any]
Record = Callable[..., dict[str, Any]]
CREATED = {"order_id": "o1", "client_order_id": "c1", "fill_count": "0.00", "remaining_count": "1.00", "ts_ms": 1}


def order(client_id: str = "c1") -> NewOrder:
    return buy_yes("T", client_id, YesPrice.parse("0.5"), Decimal(1))


def page(*items: dict[str, Any], cursor: str = "", key: str = "markets") -> httpx.Response:
    return httpx.Response(200, json={key: list(items), "cursor": cursor})


# -- reads


def test_all_pages_are_read_to_the_empty_cursor(venue: Venue, market_record: Record) -> None:
    rest, script = venue(
        page(market_record(ticker="A"), market_record(ticker="B"), cursor="p2"),
        page(cursor="p3"),
        page(market_record(ticker="C")),
    )
    found = asyncio.run(collect(rest.markets.markets(MarketFilter(series_ticker="S"), limit=2)))
    assert [m.ticker for m in found] == ["A", "B", "C"]
    assert [r.url.params.get("cursor") for r in script.requests] == [None, "p2", "p3"]
    assert all(r.url.params["series_ticker"] == "S" for r in script.requests)


def test_a_page_that_does_not_come_ends_the_list_with_an_error(venue: Venue, market_record: Record) -> None:
    rest, _ = venue(page(market_record(), cursor="p2"), httpx.Response(503))
    with pytest.raises(VenueUnavailable):
        asyncio.run(collect(rest.markets.markets()))


def test_pages_that_lead_in_a_circle_are_no_list(venue: Venue) -> None:
    rest, script = venue(page(cursor="p2"), page(cursor="p3"), page(cursor="p2"))
    with pytest.raises(BadAnswer, match="the list has no end"):
        asyncio.run(collect(rest.markets.markets()))
    assert len(script.requests) == 3


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"yes_bid_dollars": 47}, r"markets\[0\]: `yes_bid_dollars`: .*must be text"),
        ({"yes_bid_dollars": "1.4700"}, "from \\$0 to \\$1"),
        ({"volume_fp": None}, "`volume_fp`"),
        ({"close_time": "soon"}, "`close_time`"),
        ({"close_time": "2026-12-05T16:00:00"}, "has no zone"),
    ],
)
def test_a_wrong_field_is_named(venue: Venue, market_record: Record, fields: dict[str, Any], words: str) -> None:
    rest, _ = venue(page(market_record(**fields)))
    with pytest.raises(BadAnswer, match=words):
        asyncio.run(collect(rest.markets.markets()))


def test_a_list_that_is_not_there_is_not_an_empty_list(venue: Venue) -> None:
    rest, _ = venue(httpx.Response(200, json={"cursor": ""}))
    with pytest.raises(BadAnswer, match="`markets` is missing"):
        asyncio.run(collect(rest.markets.markets()))


def test_a_status_that_is_new_to_us_is_read_and_grids_without_sense_are_refused_when_used(
    venue: Venue, market_record: Record
) -> None:
    rest, _ = venue(page(market_record(status="suspended", price_ranges=[])))
    market = asyncio.run(collect(rest.markets.markets()))[0]
    assert market.status is MarketStatus.UNKNOWN
    with pytest.raises(PriceError, match="at least one price range"):
        assert market.grid


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ({"min_created_ts": 1, "max_close_ts": 2}, "one kind of time"),
        ({"min_close_ts": 1, "status": "open"}, "does not go with status `open`"),
        ({"min_settled_ts": 1, "status": "closed"}, "does not go with status"),
        ({"min_updated_ts": 1, "status": "open"}, "does not go with status"),
        ({"min_updated_ts": 1, "series_ticker": "S"}, "needs mve_filter=exclude"),
        ({"min_updated_ts": 1, "event_ticker": "E"}, "goes only with"),
    ],
)
def test_filters_that_the_venue_refuses_together_are_refused_here(filters: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        MarketFilter(**filters)


def test_pages_and_tickers_that_the_venue_refuses_are_refused_here(venue: Venue) -> None:
    rest, script = venue(httpx.Response(500))
    for call in (
        lambda: rest.markets.markets(limit=1001),
        lambda: rest.markets.events(tickers=["T"] * 101),
        lambda: asyncio.run(rest.markets.orderbooks([])),
        lambda: asyncio.run(rest.markets.orderbook("T", 101)),
        lambda: asyncio.run(rest.markets.market("")),
        lambda: asyncio.run(rest.markets.market("..")),
        lambda: asyncio.run(rest.markets.candlesticks("S", "T", 2, 1, 60)),
        lambda: asyncio.run(rest.orders.queue_positions()),
        lambda: asyncio.run(rest.orders.decrease("o", "T")),
        lambda: asyncio.run(rest.orders.create_batch([])),
    ):
        with pytest.raises(ValueError):
            call()
    assert script.requests == []


def test_an_exchange_that_is_away_still_says_so(venue: Venue) -> None:
    body = {"exchange_active": False, "trading_active": False, "exchange_estimated_resume_time": "2026-11-26T10:00:00Z"}
    rest, script = venue(httpx.Response(503, json=body))
    status = asyncio.run(rest.exchange.status())
    assert not status.exchange_active
    assert status.exchange_estimated_resume_time == 1_795_687_200_000_000_000
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("override", "rate"), [(None, "0.07"), (("quadratic_with_maker_fees", 0.5), "0.035"), (("flat", 1), None)]
)
def test_what_a_market_charges_is_found_through_its_event(
    venue: Venue, market_record: Record, override: tuple[str, float] | None, rate: str | None
) -> None:
    event = {
        "event_ticker": "KXATPMATCH-26NOV21AAABBB", "series_ticker": "KXATPMATCH", "title": "", "sub_title": "",
        "mutually_exclusive": True, "collateral_return_type": "MECNET", "settlement_sources": None,
        "fee_type_override": override and override[0], "fee_multiplier_override": override and override[1],
    }  # fmt: skip
    series = {
        "ticker": "KXATPMATCH", "title": "", "frequency": "", "category": "", "categories": [], "tags": None,
        "settlement_sources": None, "contract_terms_url": "", "fee_type": "quadratic", "fee_multiplier": 1,
    }  # fmt: skip

    def answer(request: httpx.Request) -> httpx.Response:
        if "/series/" in request.url.path:
            return httpx.Response(200, json={"series": series})
        return httpx.Response(200, json={"event": event, "markets": []})

    rest, script = venue(answer)
    market = Market.model_validate(market_record(fee_waiver_expiration_time="2026-11-22T00:00:00Z"))
    if rate is None:
        with pytest.raises(FeeError):
            asyncio.run(rest.markets.fees(market))
        return
    terms = asyncio.run(rest.markets.fees(market))
    assert terms.rate(Liquidity.TAKER) == Decimal(rate)
    assert terms.waived_until_ns == 1_795_305_600_000_000_000
    assert [r.url.path.rpartition("/")[2] for r in script.requests] == ["KXATPMATCH-26NOV21AAABBB", "KXATPMATCH"]


# -- writes


def test_an_answer_about_another_order_is_not_believed(venue: Venue) -> None:
    rest, _ = venue(httpx.Response(201, json={**CREATED, "client_order_id": "other"}))
    with pytest.raises(OutcomeUnknown, match="about another order"):
        asyncio.run(rest.orders.create(order()))
    rest, _ = venue(httpx.Response(201, json={**CREATED, "order_id": ""}))
    with pytest.raises(OutcomeUnknown, match="order_id"):
        asyncio.run(rest.orders.create(order()))


def test_a_new_order_of_an_unknown_market_is_refused_for_certain(venue: Venue) -> None:
    rest, _ = venue(httpx.Response(404, json={"error": {"code": "market_not_found", "message": "market not found"}}))
    with pytest.raises(OrderRefused, match="market_not_found"):
        asyncio.run(rest.orders.create(order()))
    with pytest.raises(NotFound):
        asyncio.run(rest.orders.cancel("o1", "T"))


def test_each_order_of_a_batch_is_answered_for_itself(venue: Venue) -> None:
    failed = {"order_id": None, "fill_count": None, "error": {"code": "order_already_exists", "message": "…"}}
    rest, _ = venue(httpx.Response(201, json={"orders": [CREATED, failed]}))
    first, second = asyncio.run(rest.orders.create_batch([order(), order("c2")]))
    assert isinstance(first, OrderCreated) and first.order_id == "o1"
    assert isinstance(second, DuplicateOrder)
    gone = {"order_id": "o2", "reduced_by": "0.00", "error": {"code": "not_found", "message": "not found"}}
    canceled = {"order_id": "o1", "reduced_by": "1.00", "ts_ms": 1}
    rest, _ = venue(httpx.Response(200, json={"orders": [canceled, gone]}))
    wanted = [Cancellation(order_id=i, market_ticker="T") for i in ("o1", "o2")]
    one, two = asyncio.run(rest.orders.cancel_batch(wanted))
    assert isinstance(one, OrderCanceled) and isinstance(two, NotFound)


@pytest.mark.parametrize("answer", [{"orders": [CREATED]}, {"orders": [CREATED, None]}, {"orders": None}, {}])
def test_a_batch_that_is_not_answered_whole_is_unknown(venue: Venue, answer: Any) -> None:
    rest, _ = venue(httpx.Response(201, json=answer))
    with pytest.raises(OutcomeUnknown, match="each of 2 orders"):
        asyncio.run(rest.orders.create_batch([order(), order("c2")]))


def test_a_batch_is_limited_as_a_whole(venue: Venue) -> None:
    rest, script = venue(httpx.Response(201, json={"orders": []}))
    with pytest.raises(RateLimited, match="send smaller batches"):
        asyncio.run(rest.orders.create_batch([order(f"c{n}") for n in range(11)]))
    assert script.requests == []


def test_cancelling_everything_answers_with_nothing(venue: Venue) -> None:
    rest, _ = venue(httpx.Response(204))
    assert asyncio.run(rest.orders.cancel_all()) is None
    rest, _ = venue(httpx.Response(200, json={"canceled": 1}))
    with pytest.raises(OutcomeUnknown):
        asyncio.run(rest.orders.cancel_all())


def test_an_order_that_would_come_too_late_is_not_sent(venue: Venue, fake_time: Any) -> None:
    rest, script = venue(httpx.Response(201, json={**CREATED, "reduced_by": "1.00"}))

    async def act() -> None:
        ahead = [asyncio.create_task(rest.orders.cancel(f"o{n}", "T")) for n in range(282)]
        await asyncio.sleep(0)
        with pytest.raises(RateLimited, match=r"not sent, its turn would come only in 5\.0 s"):
            await rest.orders.create(order())
        await asyncio.gather(*ahead)

    asyncio.run(act())
    assert {request.method for request in script.requests} == {"DELETE"} and len(script.requests) == 282
    assert fake_time.elapsed == pytest.approx(4.94), "564 tokens: 70 of 100 at once, and then 100 a second"


# -- reconciliation


def test_the_account_is_read_whole_and_orders_that_no_list_shows_are_asked_for(venue: Venue) -> None:
    def listed(order_id: str, status: str) -> dict[str, Any]:
        money = dict.fromkeys(
            ("taker_fill_cost_dollars", "maker_fill_cost_dollars", "taker_fees_dollars", "maker_fees_dollars"), "0.0000"
        )
        counts = {"initial_count_fp": "1.00", "fill_count_fp": "0.00", "remaining_count_fp": "1.00"}
        return {
            "order_id": order_id, "client_order_id": f"c-{order_id}", "ticker": "T", "outcome_side": "yes",
            "book_side": "bid", "status": status, "yes_price_dollars": "0.5000", "no_price_dollars": "0.5000",
            **money, **counts,
        }  # fmt: skip

    def answer(request: httpx.Request) -> httpx.Response:
        path, params = request.url.path.removeprefix("/trade-api/v2"), request.url.params
        if path == "/portfolio/orders" and "status" in params:
            return page(listed("old", "resting"), key="orders")
        if path == "/portfolio/orders":
            moved = listed("new", "executed") if params.get("cursor") else listed("new2", "canceled")
            return page(moved, key="orders", cursor="" if params.get("cursor") else "p2")
        if path == "/portfolio/orders/done":
            return httpx.Response(200, json={"order": listed("done", "executed")})
        if path.startswith("/portfolio/orders/"):
            return httpx.Response(404, json={"error": {"code": "not_found", "message": "not found"}})
        if path == "/portfolio/fills":
            return page(key="fills")
        if path == "/portfolio/positions":
            return page(key="market_positions")
        if path == "/portfolio/balance":
            return httpx.Response(200, json={"balance_dollars": "1.0000", "portfolio_value": 0, "updated_ts": 1})
        return httpx.Response(200, json={"as_of_time": "2026-11-21T00:00:00Z"})

    rest, script = venue(answer)
    picture = asyncio.run(read_account(rest, 5, known_open=["old", "done", "lost"]))
    assert set(picture.orders) == {"old", "new", "new2", "done"}
    assert picture.missing == ("lost",)
    assert picture.balance.on_shard(0) is None
    assert script.requests[0].url.path.endswith("/exchange/user_data_timestamp")
