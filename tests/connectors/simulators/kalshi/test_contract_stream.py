"""Every websocket message is what the vendor's AsyncAPI document says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from connectors.simulators.kalshi.core.units import MILLIS
from connectors.simulators.kalshi.server import Practice
from connectors.simulators.kalshi.stream.session import Session
from connectors.simulators.kalshi.stream.subscription import ERRORS

A, B, TENNIS = "KXT-26NOV02-A", "KXT-26NOV02-B", "KXATPMATCH-26NOV02ABC-A"
# The vendor's component that the messages of a type must be.
SCHEMAS = {
    "subscribed": "subscribedResponse", "unsubscribed": "unsubscribedResponse", "ok": "okResponse",
    "error": "errorResponse", "orderbook_snapshot": "orderbookSnapshot", "orderbook_delta": "orderbookDelta",
    "ticker": "ticker", "trade": "trade", "fill": "fill", "user_order": "userOrder",
    "market_position": "marketPosition", "market_lifecycle_v2": "marketLifecycleV2",
    "event_lifecycle": "eventLifecycle", "event_fee_update": "eventFeeUpdate",
    "order_group_updates": "orderGroupUpdates", "multivariate_market_lifecycle": "multivariateMarketLifecycle",
    "rfq_created": "rfqCreated", "rfq_deleted": "rfqDeleted", "quote_created": "quoteCreated",
    "quote_accepted": "quoteAccepted", "quote_executed": "quoteExecuted", "cfbenchmarks_value": "cfbenchmarksValue",
    "cfbenchmarks_value_indexlist": "cfbenchmarksIndexList", "cfbenchmarks_value_5hz": "cfbenchmarksValue5Hz",
    "cfbenchmarks_value_5hz_indexlist": "cfbenchmarks5HzIndexList", "pyth_value": "pythValue",
    "pyth_value_underlying_list": "pythUnderlyingList",
}  # fmt: skip
# In the document, but the vendor has not launched what they are about.
LEFT_OUT = {
    "rfqBatchCreated", "rfqBatchDeleted", "batchQuoteCreated", "rfqBatchBestQuotes", "batchQuoteAccepted",
    "rfqBatchExecuted", "batchQuoteExecuted",
}  # fmt: skip
FRAMES = {"outgoingPing", "outgoingPong"}  # below the messages; tests with a network see them
CHANNELS = [
    "ticker", "trade", "fill", "user_orders", "market_positions", "market_lifecycle_v2", "communications",
    "multivariate_market_lifecycle", "order_group_updates",
]  # fmt: skip


def closed(node: Any) -> Any:
    """The schema with objects that take no fields but their own."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {name: closed(value) for name, value in node.items()}
    if isinstance(node.get("properties"), dict) and node.get("type") == "object" and "additionalProperties" not in node:
        made["additionalProperties"] = False
    return made


@pytest.fixture(scope="module")
def document(request: pytest.FixtureRequest) -> Any:
    file: Path = request.getfixturevalue("shared_data") / "kalshi" / "asyncapi.yaml"
    if not file.is_file():
        pytest.skip("the vendor's AsyncAPI document is not among the shared data")
    return yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@pytest.fixture(scope="module")
def schemas(document: Any) -> Any:
    return closed(document["components"]["schemas"])


def component(message: dict[str, Any]) -> str:
    """Which of the vendor's messages it is."""
    msg = message.get("msg")
    if message["type"] == "ok" and isinstance(msg, list):
        return "listSubscriptionsResponse"
    if message["type"] == "ok" and isinstance(msg, dict) and "index_ids" in msg:
        return "subscribedIndicesResponse"
    if message["type"] == "ok" and isinstance(msg, dict) and "underlying_tickers" in msg:
        return "subscribedUnderlyingsResponse"
    if isinstance(msg, dict) and msg.get("event_type") == "metadata_updated":
        return "marketMetadataUpdated"
    return SCHEMAS[message["type"]]


def problems(schemas: Any, message: dict[str, Any]) -> list[str]:
    schema = {"$ref": f"#/components/schemas/{component(message)}Payload", "components": {"schemas": schemas}}
    return [f"{list(e.path)}: {e.message}" for e in Draft202012Validator(schema).iter_errors(message)]


def test_every_message_is_as_documented(
    document: Any, schemas: Any, practice: Practice, make_api: Callable[..., Any], ann: Any, bob: Any
) -> None:
    venue, exchange = practice.venue, practice.venue.exchange
    seen: list[dict[str, Any]] = []

    def emit(channel: str, message: dict[str, Any]) -> None:
        message["sending_ts_ms"] = venue.now() // MILLIS
        seen.append(json.loads(json.dumps(message)))

    session = Session(venue.floor, venue.keys[ann.credentials.key_id], venue.feeds, emit)
    venue.listen(session.take, session.delivery.watches_indices)

    def send(cmd: str, number: int, **params: Any) -> None:
        session.command(json.dumps({"id": number, "cmd": cmd, "params": params}))

    ann.placed("bid", "0.30", "4")
    bob.placed("ask", "0.70", "4")
    send("subscribe", 1, channels=CHANNELS, send_initial_snapshot=True)
    send("subscribe", 2, channels=["orderbook_delta"], market_tickers=[A, B], use_yes_price=True)
    group = ann.ask("POST", "/portfolio/order_groups/create", {"contracts_limit": 3}).body["order_group_id"]
    number = ann.ask("POST", "/portfolio/subaccounts", {}).body["subaccount_number"]
    move = {"client_transfer_id": "1", "from_subaccount": 0, "to_subaccount": number, "amount_cents": 10_000}
    ann.ask("POST", "/portfolio/subaccounts/transfer", move)
    mine = ann.placed("bid", "0.40", "3", client_order_id="a", expiration_time=1_900_000_000)["order_id"]
    ann.placed("bid", "0.41", "3", subaccount=number, client_order_id="s")
    ann.placed("bid", "0.42", "3", order_group_id=group)
    bob.placed("ask", "0.40", "8")
    ann.ask("POST", f"/portfolio/events/orders/{mine}/decrease", {"reduce_by": "0.5"})
    ann.ask("PUT", f"/portfolio/order_groups/{group}/limit", {"contracts_limit": 9})
    ann.ask("PUT", f"/portfolio/order_groups/{group}/reset", {})
    ann.ask("DELETE", f"/portfolio/order_groups/{group}")
    assert ann.place("bid", "0.80", "1", post_only=True).status == 400
    send("update_subscription", 3, sids=[10], action="get_snapshot", market_tickers=[A])
    send("update_subscription", 4, sid=10, action="delete_markets", market_tickers=[B])
    send("update_subscription", 5, sid=10, action="add_markets", market_tickers=[B, TENNIS])
    send("unsubscribe", 6, sids=[2])
    now = venue.now()
    exchange.pause(A, now)
    exchange.resume(A, now)
    exchange.set_event_fee("KXT-26NOV02", "quadratic_with_maker_fees", "0.5", now)
    exchange.set_event_fee("KXT-26NOV02", None, None, now)
    exchange.life.restructure(exchange.floor.markets[B], "deci_cent", exchange.floor.markets[B].grid)
    exchange.describe(B, {"strike_type": "between", "floor_strike": 95000, "cap_strike": 95250.5}, now)
    practice.app.control._list({"markets": [{"ticker": "KXNEW-1-A", "event_ticker": "KXNEW-1"}], **COMBOS})
    negotiate(ann, bob)
    combo = combine(ann)
    exchange.pause(combo, now)
    exchange.resume(combo, now)
    exchange.move_close(combo, venue.floor.markets[combo].close_ns - 1, now)
    exchange.determine(A, "yes", now)
    exchange.determine(TENNIS, "no", now)
    index(send)
    ann.pass_time(62)
    ann.pass_time(61)
    venue.settle_up()
    session.command("{")
    send("dance", 7)
    send("subscribe", 8, channels=["orderbook_delta"])
    send("subscribe", 9, channels=["orderbook_delta"], market_tickers=["KXNONE"])
    session.command('{"id": 10, "cmd": "list_subscriptions"}')
    found = {(component(message), *problems(schemas, message)) for message in seen}
    sent = {
        reference["$ref"].rpartition("/")[2]
        for operation in document["operations"].values()
        if operation["action"] == "send"
        for reference in operation["messages"]
    }
    assert found == {(name,) for name in sent - LEFT_OUT - FRAMES}
    steps = {"market_lifecycle_v2": "marketLifecycleV2", "multivariate_market_lifecycle": "multivariateMarketLifecycle"}
    for channel, name in steps.items():
        kinds = {m["msg"]["event_type"] for m in seen if m["type"] == channel} - {"metadata_updated"}
        documented = schemas[f"{name}Payload"]["properties"]["msg"]["properties"]["event_type"]["enum"]
        assert kinds == set(documented)
    assert {m["msg"]["event_type"] for m in seen if m["type"] == "order_group_updates"} == {
        "created", "triggered", "reset", "deleted", "limit_updated",
    }  # fmt: skip


COMBOS = {
    "collections": [
        {
            "collection_ticker": "KXC-R", "series_ticker": "KXT",
            "associated_events": [{"ticker": "KXT-26NOV02"}, {"ticker": "KXATPMATCH-26NOV02ABC"}],
        }
    ]
}  # fmt: skip


def negotiate(ann: Any, bob: Any) -> None:
    """A request for quotes from beginning to end, between subaccounts and by target cost."""
    number = bob.ask("POST", "/portfolio/subaccounts", {}).body["subaccount_number"]
    move = {"client_transfer_id": "1", "from_subaccount": 0, "to_subaccount": number, "amount_cents": 10_000}
    bob.ask("POST", "/portfolio/subaccounts/transfer", move)
    wanted = {"market_ticker": A, "target_cost_dollars": "5", "rest_remainder": False, "subaccount": 1}
    rfq = ann.ask("POST", "/communications/rfqs", wanted).body["id"]
    bid = {"rfq_id": rfq, "yes_bid": "0.30", "no_bid": "0.60", "rest_remainder": False, "subaccount": number}
    quote = bob.ask("POST", "/communications/quotes", bid).body["id"]
    path = f"/communications/rfqs/{rfq}/quotes/{quote}"
    assert ann.ask("PUT", f"{path}/accept", {"accepted_side": "yes"}).status == 204
    assert bob.ask("PUT", f"{path}/confirm").status == 204
    ann.pass_time(15)


def combine(ann: Any) -> str:
    """A combo and a request for quotes on it."""
    legs = [{"event_ticker": t.rpartition("-")[0], "market_ticker": t, "side": "yes"} for t in (A, TENNIS)]
    made = ann.ask("POST", "/multivariate_event_collections/KXC-R", {"selected_markets": legs}).body["market_ticker"]
    ann.ask("POST", "/communications/rfqs", {"market_ticker": made, "contracts": 2, "rest_remainder": False})
    return str(made)


def index(send: Callable[..., None]) -> None:
    send("subscribe", 20, channels=["cfbenchmarks_value", "cfbenchmarks_value_5hz"], index_ids=["BRTI"])
    send("subscribe", 21, channels=["pyth_value"], underlying_tickers=["Metal.XAU/USD"])
    for sid, add, lists, names in (
        (11, "subscribe_indices", "indexlist", {"index_ids": ["ETHUSD_RTI"]}),
        (12, "subscribe_indices", "indexlist", {"index_ids": ["ETHUSD_RTI"]}),
        (13, "subscribe_underlyings", "underlying_list", {"underlying_tickers": ["FX.EUR/USD"]}),
    ):
        send("update_subscription", 22, sid=sid, action=add, **names)
        send("update_subscription", 23, sid=sid, action=lists)


def test_error_codes_are_documented_ones(schemas: Any) -> None:
    documented = schemas["errorResponsePayload"]["properties"]["msg"]["properties"]["code"]["enum"]
    assert set(ERRORS) <= set(documented)


def test_a_wrong_message_would_be_found(schemas: Any) -> None:
    assert problems(schemas, {"type": "subscribed", "msg": {"channel": "trade"}})
    assert problems(schemas, {"type": "subscribed", "msg": {"channel": "trade", "sid": 1, "more": 1}})
