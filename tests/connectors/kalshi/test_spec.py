"""Every request and every answer against the venue's own OpenAPI and AsyncAPI documents."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from connectors.kalshi.client import KalshiRest
from connectors.kalshi.models import data, exchange, markets, orders, portfolio, stream
from connectors.kalshi.models.fields import Answer, BookSide
from connectors.kalshi.models.orders import Amendment, Cancellation, NewOrder, TimeInForce, buy_no, buy_yes
from connectors.kalshi.prices import NoPrice, YesPrice
from connectors.kalshi.rest import history
from connectors.kalshi.rest.markets import MarketFilter
from connectors.kalshi.subscriptions import Channel, Commands, Live, subscribe_params

ROOT = "/trade-api/v2"
ONE, YES, NO = Decimal(1), YesPrice.parse("0.56"), NoPrice.parse("0.3")
Call = Callable[[KalshiRest], Awaitable[Any] | AsyncIterator[Any]]


@pytest.fixture(scope="module")
def openapi(kalshi_data: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((kalshi_data / "openapi.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    return loaded


@pytest.fixture(scope="module")
def asyncapi(kalshi_data: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((kalshi_data / "asyncapi.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)
    return loaded


# -- requests

FULL = NewOrder(
    ticker="T", client_order_id="c", side=BookSide.ASK, count=Decimal("2.5"), price=YES, expiration_time=1_800_000_000,
    post_only=True, cancel_order_on_pause=True, subaccount=0, order_group_id="g", exchange_index=3,
)  # fmt: skip
REDUCE = buy_no("T", "d", NO, ONE, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL, reduce_only=True)
AMEND = Amendment(
    ticker="T", side=BookSide.BID, price=YES, count=ONE, client_order_id="c", updated_client_order_id="d",
    expiration_time=0, exchange_index=3,
)  # fmt: skip
GONE = [Cancellation(order_id="a", market_ticker="T"), Cancellation(order_id="b", market_ticker="T", subaccount=1)]

CALLS: dict[str, tuple[Call, int]] = {
    "GET /exchange/status": (lambda k: k.exchange.status(), 0),
    "GET /exchange/schedule": (lambda k: k.exchange.schedule(), 0),
    "GET /exchange/user_data_timestamp": (lambda k: k.exchange.user_data_ns(), 0),
    "GET /account/limits": (lambda k: k.exchange.limits(), 0),
    "GET /account/endpoint_costs": (lambda k: k.exchange.endpoint_costs(), 0),
    "GET /series/{series_ticker}": (lambda k: k.markets.series("KXLLM1"), 0),
    "GET /series": (lambda k: k.markets.series_list(category="Sports", tags="Tennis", min_updated_ts=1), 3),
    "GET /series/fee_changes": (lambda k: k.markets.series_fee_changes("KXLLM1", show_historical=True), 2),
    "GET /events/fee_changes": (lambda k: k.markets.event_fee_changes("E"), 2),
    "GET /events/{event_ticker}": (lambda k: k.markets.event("E"), 1),
    "GET /events": (
        lambda k: k.markets.events(status="open", series_ticker="S", tickers=["E", "F"], with_markets=True,
                                   min_close_ts=1, min_updated_ts=2), 7,
    ),
    "GET /markets/{ticker}": (lambda k: k.markets.market("T"), 0),
    "GET /markets": (
        lambda k: k.markets.markets(MarketFilter(status="closed", series_ticker="S", event_ticker="E",
                                                 tickers=("T", "U"), mve_filter="exclude", min_close_ts=1,
                                                 max_close_ts=2)), 8,
    ),
    "GET /markets/{ticker}/orderbook": (lambda k: k.markets.orderbook("T", 5), 1),
    "GET /markets/orderbooks": (lambda k: k.markets.orderbooks(["T", "U"]), 2),
    "GET /markets/trades": (lambda k: k.markets.trades("T", min_ts=1, max_ts=2, is_block_trade=False), 5),
    "GET /series/{series_ticker}/markets/{ticker}/candlesticks": (
        lambda k: k.markets.candlesticks("S", "T", 1, 2, 60, include_latest_before_start=True), 4,
    ),
    "GET /markets/candlesticks": (lambda k: k.markets.batch_candlesticks(["T", "U"], 1, 2, 1), 5),
    "GET /portfolio/balance": (lambda k: k.portfolio.balance(subaccount=1, exchange_index=3), 2),
    "GET /portfolio/positions": (
        lambda k: k.portfolio.positions(ticker="T", event_ticker="E", settlement_status="all", count_filter="position",
                                        subaccount=0, exchange_index=3), 7,
    ),
    "GET /portfolio/fills": (
        lambda k: k.portfolio.fills(tickers=["T", "U"], order_id="o", min_ts=1, max_ts=2, subaccount=0,
                                    exchange_index=3), 7,
    ),
    "GET /portfolio/settlements": (
        lambda k: k.portfolio.settlements(ticker="T", event_ticker="E", min_ts=1, max_ts=2, subaccount=0), 6,
    ),
    "GET /portfolio/orders": (
        lambda k: k.orders.list(ticker="T", event_tickers=["E"], status="resting", min_ts=1, max_ts=2, subaccount=0,
                                exchange_index=3), 8,
    ),
    "GET /portfolio/orders/{order_id}": (lambda k: k.orders.get("o"), 0),
    "GET /portfolio/orders/{order_id}/queue_position": (lambda k: k.orders.queue_position("o"), 0),
    "GET /portfolio/orders/queue_positions": (
        lambda k: k.orders.queue_positions(market_tickers=["T"], event_ticker="E", subaccount=0), 3,
    ),
    "POST /portfolio/events/orders": (lambda k: k.orders.create(FULL), 0),
    "POST /portfolio/events/orders/batched": (lambda k: k.orders.create_batch([FULL, REDUCE]), 0),
    "DELETE /portfolio/events/orders/{order_id}": (lambda k: k.orders.cancel("o", "T", subaccount=1), 2),
    "DELETE /portfolio/events/orders/batched": (lambda k: k.orders.cancel_batch(GONE), 0),
    "DELETE /portfolio/events/orders": (lambda k: k.orders.cancel_all(subaccount=0), 1),
    "POST /portfolio/events/orders/{order_id}/amend": (lambda k: k.orders.amend("o", AMEND, subaccount=1), 1),
    "POST /portfolio/events/orders/{order_id}/decrease": (
        lambda k: k.orders.decrease("o", "T", reduce_to=Decimal(0), subaccount=1), 1,
    ),
    "GET /portfolio/order_groups": (lambda k: k.groups.list(subaccount=1), 1),
    "POST /portfolio/order_groups/create": (lambda k: k.groups.create(ONE, exchange_index=3, subaccount=1), 0),
    "GET /portfolio/order_groups/{order_group_id}": (lambda k: k.groups.get("g", subaccount=1), 1),
    "PUT /portfolio/order_groups/{order_group_id}/reset": (lambda k: k.groups.reset("g", exchange_index=3), 1),
    "PUT /portfolio/order_groups/{order_group_id}/trigger": (lambda k: k.groups.trigger("g", exchange_index=3), 1),
    "PUT /portfolio/order_groups/{order_group_id}/limit": (
        lambda k: k.groups.set_limit("g", Decimal("2.5"), exchange_index=3, subaccount=1), 2,
    ),
    "DELETE /portfolio/order_groups/{order_group_id}": (lambda k: k.groups.delete("g", exchange_index=3), 1),
    "GET /historical/cutoff": (lambda k: k.history.cutoff(), 0),
    "GET /historical/markets": (lambda k: k.history.markets(tickers=["T"]), 2),
    "GET /historical/markets/{ticker}/candlesticks": (lambda k: k.history.candlesticks("T", 1, 2, 1440), 3),
    "GET /historical/trades": (lambda k: k.history.trades("T", min_ts=1, max_ts=2), 4),
    "GET /historical/fills": (lambda k: k.history.fills("T", min_ts=1, max_ts=2), 4),
    "GET /historical/orders": (lambda k: k.history.orders("T", min_ts=1, max_ts=2), 4),
    "GET /historical/positions": (lambda k: k.history.positions(ticker="T", event_ticker="E"), 3),
}  # fmt: skip


class Asked(Exception):
    """Carries the request out of the client; the answer does not matter here."""

    def __init__(self, request: httpx.Request) -> None:
        super().__init__("asked")
        self.request = request


def request_of(call: Call, venue: Callable[..., Any]) -> httpx.Request:
    def answer(request: httpx.Request) -> httpx.Response:
        raise Asked(request)

    rest, _ = venue(answer)

    async def ask() -> None:
        made = call(rest)
        if isinstance(made, AsyncIterator):
            async for _ in made:
                pass
        else:
            await made

    with pytest.raises(Asked) as asked:
        asyncio.run(ask())
    return asked.value.request


@pytest.mark.parametrize("endpoint", CALLS)
def test_requests_are_what_the_specification_allows(
    endpoint: str, openapi: dict[str, Any], venue: Callable[..., Any]
) -> None:
    call, query_length = CALLS[endpoint]
    request = request_of(call, venue)
    method, path = endpoint.split(" ")
    operation = openapi["paths"][path][method.lower()]
    assert request.method == method
    assert _same_path(path, request.url.raw_path.decode().partition("?")[0])
    parameters = [_resolved(openapi, p) for p in operation.get("parameters", [])]
    allowed = {p["name"]: p for p in parameters if p["in"] == "query"}
    sent = list(request.url.params.multi_items())
    assert len(sent) == query_length
    for name, value in sent:
        assert name in allowed, f"{name} is not a parameter of {endpoint}"
        _check_parameter(openapi, allowed[name], value)
    missing = {n for n, p in allowed.items() if p.get("required")} - {n for n, _ in sent}
    assert not missing
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert request.headers["Content-Type"] == "application/json"
        body = json.loads(request.content)
        _validator(openapi, schema).validate(body)
        assert not _undeclared(openapi, schema, body)
    else:
        assert not request.content


def _same_path(template: str, path: str) -> bool:
    parts, real = (ROOT + template).split("/"), path.split("/")
    return len(parts) == len(real) and all(t == r or t.startswith("{") for t, r in zip(parts, real, strict=True))


def _resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/")]
        node = found
    return node


def _validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


def _check_parameter(document: dict[str, Any], parameter: dict[str, Any], text: str) -> None:
    schema = _resolved(document, parameter["schema"])
    value: Any = text
    if schema.get("allOf"):
        schema = {**_resolved(document, schema["allOf"][0]), **schema}
    if schema["type"] == "array":
        schema = _resolved(document, schema["items"])
    if schema["type"] == "integer":
        value = int(text)
    elif schema["type"] == "boolean":
        value = {"true": True, "false": False}[text]
    schema = {k: v for k, v in schema.items() if k in ("type", "enum", "minimum", "maximum", "maxLength")}
    Draft202012Validator(schema).validate(value)


def _undeclared(document: dict[str, Any], schema: dict[str, Any], body: Any) -> set[str]:
    """Fields of a request that the specification does not know; the venue would silently pass them over."""
    schema = _resolved(document, schema)
    if schema.get("type") == "array":
        return {name for item in body for name in _undeclared(document, schema["items"], item)}
    if not isinstance(body, dict):
        return set()
    properties = schema.get("properties", {})
    inner = {n for k, v in body.items() if k in properties for n in _undeclared(document, properties[k], v)}
    return (set(body) - set(properties)) | inner


# -- answers

ANSWERS: dict[type[BaseModel], str] = {
    exchange.ExchangeStatus: "ExchangeStatus", exchange.ShardStatus: "ExchangeIndexStatus",
    exchange.Session: "DailySchedule", exchange.WeeklySchedule: "WeeklySchedule",
    exchange.MaintenanceWindow: "MaintenanceWindow", exchange.Schedule: "Schedule",
    exchange.ScheduleAnswer: "GetExchangeScheduleResponse", exchange.UserDataTimestamp: "GetUserDataTimestampResponse",
    markets.PriceRangeAnswer: "PriceRange", markets.SettlementSource: "SettlementSource", markets.Market: "Market",
    markets.MarketAnswer: "GetMarketResponse", markets.Event: "EventData", markets.EventAnswer: "GetEventResponse",
    markets.Series: "Series", markets.SeriesAnswer: "GetSeriesResponse",
    markets.SeriesListAnswer: "GetSeriesListResponse", markets.SeriesFeeChange: "SeriesFeeChange",
    markets.SeriesFeeChangesAnswer: "GetSeriesFeeChangesResponse", markets.EventFeeChange: "EventFeeChange",
    data.Orderbook: "OrderbookCountFp", data.OrderbookAnswer: "GetMarketOrderbookResponse",
    data.MarketOrderbook: "MarketOrderbookFp", data.OrderbooksAnswer: "GetMarketOrderbooksResponse",
    data.Trade: "Trade", data.QuoteCandle: "BidAskDistribution", data.PriceCandle: "PriceDistribution",
    data.Candlestick: "MarketCandlestick", data.CandlesticksAnswer: "GetMarketCandlesticksResponse",
    data.MarketCandlesticks: "MarketCandlesticksResponse",
    data.BatchCandlesticksAnswer: "BatchGetMarketCandlesticksResponse",
    portfolio.ShardBalance: "IndexedBalance", portfolio.Balance: "GetBalanceResponse",
    portfolio.MarketPosition: "MarketPosition", portfolio.Fill: "Fill", portfolio.Settlement: "Settlement",
    portfolio.Order: "Order", portfolio.OrderAnswer: "GetOrderResponse", portfolio.QueuePosition: "OrderQueuePosition",
    portfolio.QueuePositionAnswer: "GetOrderQueuePositionResponse",
    portfolio.QueuePositionsAnswer: "GetOrderQueuePositionsResponse", portfolio.OrderGroup: "OrderGroup",
    portfolio.OrderGroupsAnswer: "GetOrderGroupsResponse", portfolio.OrderGroupDetail: "GetOrderGroupResponse",
    portfolio.CreatedOrderGroup: "CreateOrderGroupResponse", portfolio.BucketLimit: "BucketLimit",
    portfolio.AccountLimits: "GetAccountApiLimitsResponse", portfolio.EndpointTokenCost: "EndpointTokenCost",
    portfolio.EndpointCosts: "GetAccountEndpointCostsResponse", orders.OrderCreated: "CreateOrderV2Response",
    orders.OrderCanceled: "CancelOrderV2Response", orders.OrderDecreased: "DecreaseOrderV2Response",
    orders.OrderAmended: "AmendOrderV2Response", history.Cutoff: "GetHistoricalCutoffResponse",
    history.HistoricalQuoteCandle: "BidAskDistributionHistorical",
    history.HistoricalPriceCandle: "PriceDistributionHistorical",
    history.HistoricalCandlestick: "MarketCandlestickHistorical",
    history.HistoricalCandlesticksAnswer: "GetMarketCandlesticksHistoricalResponse",
}  # fmt: skip


def test_every_model_of_an_answer_is_compared() -> None:
    modules = (exchange, markets, data, portfolio, orders, history)
    defined = {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Answer) and kind.__module__ == module.__name__
    }
    assert defined == set(ANSWERS)


@pytest.mark.parametrize("model", ANSWERS, ids=lambda m: m.__name__)
def test_answers_ask_for_nothing_that_the_specification_does_not_promise(
    model: type[BaseModel], openapi: dict[str, Any]
) -> None:
    _compare(model, openapi["components"]["schemas"][ANSWERS[model]], openapi)


MESSAGE_SCHEMAS: dict[type[BaseModel], str] = {
    stream.SnapshotMessage: "orderbookSnapshotPayload", stream.DeltaMessage: "orderbookDeltaPayload",
    stream.Ticker: "tickerPayload", stream.PublicTrade: "tradePayload", stream.UserFill: "fillPayload",
    stream.UserOrder: "userOrderPayload", stream.PositionMessage: "marketPositionPayload",
    stream.MarketLifecycle: "marketLifecycleV2Payload", stream.EventLifecycle: "eventLifecyclePayload",
    stream.EventFeeUpdate: "eventFeeUpdatePayload", stream.OrderGroupUpdate: "orderGroupUpdatesPayload",
}  # fmt: skip


@pytest.mark.parametrize("model", MESSAGE_SCHEMAS, ids=lambda m: m.__name__)
def test_messages_ask_for_nothing_that_the_specification_does_not_promise(
    model: type[BaseModel], asyncapi: dict[str, Any]
) -> None:
    payload = asyncapi["components"]["schemas"][MESSAGE_SCHEMAS[model]]
    _compare(model, _resolved(asyncapi, payload["properties"]["msg"]), asyncapi)


def _compare(model: type[BaseModel], schema: dict[str, Any], document: dict[str, Any]) -> None:
    schema = _resolved(document, schema)
    properties, required = schema["properties"], set(schema.get("required", ()))
    for name, field in model.model_fields.items():
        assert name in properties, f"{name} is not promised"
        if field.is_required():
            assert name in required, f"{name} is not always there"
        promised = _resolved(document, properties[name])
        if promised.get("nullable") or None in promised.get("enum", ()):
            assert type(None) in get_args(field.annotation), f"{name} may be null"


def test_every_message_of_the_specifications_examples_is_understood(asyncapi: dict[str, Any]) -> None:
    understood = set()
    for message in asyncapi["components"]["messages"].values():
        for example in message.get("examples", ()):
            payload = example["payload"]
            kind = payload.get("type") if isinstance(payload, dict) else None
            if kind in stream.MESSAGES:
                stream.MESSAGES[kind].model_validate(payload["msg"])
                understood.add(kind)
            elif kind in ("orderbook_snapshot", "orderbook_delta"):
                model = stream.SnapshotMessage if kind.endswith("snapshot") else stream.DeltaMessage
                model.model_validate(payload["msg"])
                understood.add(kind)
    assert understood == {*stream.MESSAGES, "orderbook_snapshot", "orderbook_delta"}


# -- commands of the websocket


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("tickers", [None, frozenset({"T", "U"})])
def test_subscriptions_are_what_the_specification_allows(
    asyncapi: dict[str, Any], channel: Channel, tickers: frozenset[str] | None
) -> None:
    commands, live = Commands(), Live(channel, sid=4)
    made = {
        "subscribeCommandPayload": commands.make("subscribe", live, tickers, 0.0, **subscribe_params(channel, tickers)),
        "unsubscribeCommandPayload": commands.make("unsubscribe", live, tickers, 0.0, sids=[4]),
        "listSubscriptionsCommandPayload": commands.make("list_subscriptions", None, None, 0.0),
        "updateSubscriptionCommandPayload": commands.number(
            "update_subscription", sids=[4], action="get_snapshot", market_tickers=["T"]
        ),
    }
    for schema, command in made.items():
        reference = {"$ref": f"#/components/schemas/{schema}"}
        _validator(asyncapi, reference).validate(command)
        assert not _undeclared(asyncapi, reference, command)


def test_a_small_order_carries_no_empty_fields() -> None:
    assert None not in buy_yes("T", "c", YES, ONE).body().values()
