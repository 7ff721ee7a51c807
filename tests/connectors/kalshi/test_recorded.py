"""The recorded demo session of 2026-06-11, with the fields that came after it added, is read without loss."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.kalshi.errors import BadAnswer, OutcomeUnknown
from connectors.kalshi.fees import FeeTerms, Liquidity
from connectors.kalshi.models.fields import BookSide, OrderStatus, Outcome
from connectors.kalshi.models.markets import Result
from connectors.kalshi.models.orders import buy_yes
from connectors.kalshi.prices import NoPrice, YesPrice
from connectors.kalshi.rest.markets import MarketFilter
from connectors.kalshi.rest.paging import collect
from connectors.kalshi.session import Session
from connectors.kalshi.states import MarketState
from connectors.kalshi.subscriptions import Channel, Wanted

Venue = Callable[..., Any]
Recorded = Callable[[str], tuple[int, str]]
TICKER = "KXWTACHALLENGERMATCH-26JUN11JIMLEP-LEP"
LATER = {
    "market": {"settlement_bounds_type": "default"},
    "fill": {"exchange_index": 0},
    "position": {"exchange_index": 0},
}


@pytest.fixture
def answers(venue: Venue, recorded: Recorded) -> Callable[[str], Any]:
    """A client that gets one recorded answer, with the fields that became required since."""

    def make(name: str) -> Any:
        status, text = recorded(name)
        body = json.loads(text)
        for key, kind in (("markets", "market"), ("fills", "fill"), ("market_positions", "position")):
            body.update({k: [{**item, **LATER[kind]} for item in v] for k, v in body.items() if k == key})
        if "market" in body:
            body["market"] |= LATER["market"]
        if body.get("cursor"):
            body["cursor"] = ""
        return venue(httpx.Response(status, json=body))[0]

    return make


def test_a_market(answers: Any) -> None:
    market = asyncio.run(answers("markets__single").markets.market(TICKER))
    assert (market.yes_bid_dollars, market.no_bid_dollars) == (YesPrice.parse("0.47"), NoPrice.parse("0.48"))
    assert market.no_bid_dollars.complement() == market.yes_ask_dollars
    assert market.grid.valid(YesPrice.parse("0.51")) and not market.grid.valid(YesPrice.parse("0.5150"))
    assert market.created_time == 1_781_154_742_338_653_000


@pytest.mark.parametrize(
    ("name", "count"), [("markets__status_open", 200), ("markets__status_closed", 5), ("markets__status_settled", 5)]
)
def test_lists_of_markets(answers: Any, name: str, count: int) -> None:
    found = asyncio.run(collect(answers(name).markets.markets(MarketFilter())))
    assert len(found) == count
    for market in found:
        assert market.no_bid_dollars.complement() == market.yes_ask_dollars
        payout = MarketState.of(market).payout
        assert (payout is None) == (market.result is Result.NONE)
        assert name != "markets__status_open" or payout is None


def test_a_book(answers: Any) -> None:
    book = asyncio.run(answers("orderbook__base").markets.orderbook(TICKER))
    assert book.yes_dollars == [(YesPrice.parse("0.47"), Decimal(3))]
    assert book.no_dollars == [(NoPrice.parse("0.48"), Decimal(3))]


def test_public_trades(answers: Any) -> None:
    trades = asyncio.run(collect(answers("trades__public_recorded").markets.trades()))
    assert trades[0].count_fp == Decimal("7.77")
    assert all(t.yes_price_dollars == t.no_price_dollars.complement() for t in trades)
    assert all((t.taker_book_side is BookSide.BID) == (t.taker_outcome_side is Outcome.YES) for t in trades)


def test_the_account(answers: Any) -> None:
    balance = asyncio.run(answers("auth__balance_ok").portfolio.balance())
    assert (balance.balance_dollars, balance.on_shard(0), balance.on_shard(3)) == (Decimal("98.0186"),) * 2 + (0,)
    positions = asyncio.run(collect(answers("portfolio__positions").portfolio.positions()))
    assert [(p.ticker, p.position_fp, p.fees_paid_dollars) for p in positions] == [(TICKER, 3, Decimal("0.0189"))]
    assert asyncio.run(collect(answers("settlements__page").portfolio.settlements())) == []
    assert asyncio.run(answers("series__fee_changes").markets.series_fee_changes()) == []


def test_recorded_fills_paid_what_the_formula_says(answers: Any) -> None:
    fills = asyncio.run(collect(answers("fills__after_taker").portfolio.fills()))
    assert len(fills) == 3
    for fill in fills:
        liquidity = Liquidity.TAKER if fill.is_taker else Liquidity.MAKER
        assert FeeTerms().trade_fee(fill.yes_price_dollars, fill.count_fp, liquidity) == fill.fee_cost


def test_orders(answers: Any) -> None:
    order = asyncio.run(answers("orders__get_after_cancel").orders.get("2597b999"))
    assert (order.status, order.yes_price_dollars, order.remaining_count_fp) == (
        OrderStatus.RESTING, YesPrice.parse("0.01"), 1,
    )  # fmt: skip
    listed = asyncio.run(collect(answers("portfolio__orders_list").orders.list()))
    assert {o.status for o in listed} == {OrderStatus.CANCELED, OrderStatus.EXECUTED}
    assert all(o.remaining_count_fp == 0 for o in listed)
    canceled = asyncio.run(answers("orders__cancel_v2").orders.cancel("2597b999", TICKER))
    assert canceled.reduced_by == 1


def test_what_we_send_is_what_was_accepted(venue: Venue, recorded: Recorded, kalshi_data: Path) -> None:
    for name in ("orders__create_v2_maker", "orders__create_v2_taker_ioc"):
        meta = json.loads((kalshi_data / f"recorded-demo-2026-06-11/{name}.meta.json").read_text(encoding="utf-8"))
        asked = meta["request_body"]
        rest, script = venue(httpx.Response(meta["status"], text=recorded(name)[1]))
        order = buy_yes(
            asked["ticker"], asked["client_order_id"], YesPrice.parse(asked["price"]), Decimal(asked["count"]),
            time_in_force=asked["time_in_force"],
        )  # fmt: skip
        created = asyncio.run(rest.orders.create(order))
        assert script.bodies[0].items() >= asked.items()
        assert created.client_order_id == asked["client_order_id"]
        assert created.fill_count + created.remaining_count == 1


def test_limits_and_costs_of_the_account_are_adopted(venue: Venue, recorded: Recorded) -> None:
    bodies = {path: recorded(name)[1] for path, name in (
        ("/trade-api/v2/account/limits", "account__limits"),
        ("/trade-api/v2/account/endpoint_costs", "account__endpoint_costs"),
    )}  # fmt: skip
    rest, _ = venue(lambda request: httpx.Response(200, text=bodies[request.url.path]))
    limits = asyncio.run(rest.exchange.adopt_limits())
    assert limits.usage_tier == "basic"
    assert rest.http.limits.cost("GET", "/trade-api/v2/margin/balance") == 5
    assert rest.http.limits.cost("DELETE", "/trade-api/v2/portfolio/events/orders/batched", 3) == 6


@pytest.mark.parametrize(
    ("name", "bids", "asks"),
    [("ws__orderbook_trade_yes", [("0.4700", "3.00")], [("0.5200", "2.00")]),
     ("ws__orderbook_trade_noleg", [("0.4700", "3.00")], [("0.5200", "1.00")])],
)  # fmt: skip
def test_recorded_frames_make_the_recorded_book(
    kalshi_data: Path, name: str, bids: list[tuple[str, str]], asks: list[tuple[str, str]]
) -> None:
    """The second capture was made without ``use_yes_price``: its NO prices are turned around first."""
    text = (kalshi_data / f"recorded-demo-2026-06-11/{name}.jsonl").read_text(encoding="utf-8")
    wanted, books = Wanted(), {}  # type: ignore[var-annotated]
    wanted.add(Channel.ORDERBOOK, [TICKER])
    session = Session(wanted, books, 10.0)
    assert session.sync(0.0)[0]["params"]["use_yes_price"] is True
    changed = 0
    for clock, line in enumerate(filter(str.strip, text.splitlines())):
        frame = json.loads(line)
        if frame["msg"].get("channel") == "trade":
            continue
        if "market_id" in frame["msg"]:
            frame["msg"]["clock"] = clock
            if name.endswith("noleg"):
                _turn(frame["msg"])
        changed += len(session.receive(json.dumps(frame), 0.0).events)
    book = books[TICKER]
    assert changed >= 3
    assert [(str(p), f"{s:.2f}") for p, s in book.bids()] == bids
    assert [(str(p), f"{s:.2f}") for p, s in book.asks()] == asks


def _turn(message: dict[str, Any]) -> None:
    def turned(price: str) -> str:
        return str(NoPrice.parse(price).complement())

    if "no_dollars_fp" in message:
        message["no_dollars_fp"] = [[turned(p), c] for p, c in message["no_dollars_fp"]]
    if message.get("side") == "no":
        message["price_dollars"] = turned(message["price_dollars"])


def test_what_was_recorded_before_a_field_became_required_is_refused_by_its_name(
    venue: Venue, recorded: Recorded
) -> None:
    rest, _ = venue(httpx.Response(200, text=recorded("markets__single")[1]))
    with pytest.raises(BadAnswer, match=r"GET /markets/T: the field `market.settlement_bounds_type` is missing"):
        asyncio.run(rest.markets.market("T"))


@pytest.mark.parametrize("missing", ["order_id", "fill_count", "ts_ms"])
def test_a_created_order_without_its_id_is_not_believed(venue: Venue, recorded: Recorded, missing: str) -> None:
    body = json.loads(recorded("orders__create_v2_maker")[1])
    order = buy_yes("T", body["client_order_id"], YesPrice.parse("0.01"), Decimal(1))
    del body[missing]
    rest, script = venue(httpx.Response(201, json=body))
    with pytest.raises(OutcomeUnknown, match=f"the field `{missing}` is missing; it may have been done"):
        asyncio.run(rest.orders.create(order))
    assert len(script.requests) == 1
