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
SCHEMAS = {
    "subscribed": "subscribedResponsePayload",
    "unsubscribed": "unsubscribedResponsePayload",
    "ok": "okResponsePayload",
    "error": "errorResponsePayload",
    "orderbook_snapshot": "orderbookSnapshotPayload",
    "orderbook_delta": "orderbookDeltaPayload",
    "ticker": "tickerPayload",
    "trade": "tradePayload",
    "fill": "fillPayload",
    "user_order": "userOrderPayload",
    "market_position": "marketPositionPayload",
    "market_lifecycle_v2": "marketLifecycleV2Payload",
    "event_lifecycle": "eventLifecyclePayload",
    "event_fee_update": "eventFeeUpdatePayload",
    "order_group_updates": "orderGroupUpdatesPayload",
}
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
def schemas(request: pytest.FixtureRequest) -> Any:
    file: Path = request.getfixturevalue("shared_data") / "kalshi" / "asyncapi.yaml"
    if not file.is_file():
        pytest.skip("the vendor's AsyncAPI document is not among the shared data")
    document = yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return closed(document["components"]["schemas"])


def problems(schemas: Any, message: dict[str, Any], listing: bool = False) -> list[str]:
    name = "listSubscriptionsResponsePayload" if listing else SCHEMAS[message["type"]]
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
    return [f"{list(e.path)}: {e.message}" for e in Draft202012Validator(schema).iter_errors(message)]


def test_every_message_is_as_documented(
    schemas: Any, practice: Practice, make_api: Callable[..., Any], ann: Any, bob: Any
) -> None:
    venue, exchange = practice.venue, practice.venue.exchange
    seen: list[dict[str, Any]] = []

    def emit(channel: str, message: dict[str, Any]) -> None:
        message["sending_ts_ms"] = venue.now() // MILLIS
        seen.append(json.loads(json.dumps(message)))

    session = Session(venue.floor, venue.keys[ann.credentials.key_id], venue.feeds, emit)
    venue.listen(session.take)

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
    practice.app.control._list({"markets": [{"ticker": "KXNEW-1-A", "event_ticker": "KXNEW-1"}]})
    exchange.determine(A, "yes", now)
    ann.pass_time(61)
    venue.settle_up()
    session.command("{")
    send("dance", 7)
    send("subscribe", 8, channels=["orderbook_delta"])
    send("subscribe", 9, channels=["orderbook_delta"], market_tickers=["KXNONE"])
    found = {(message["type"], *problems(schemas, message)) for message in seen}
    assert found == {(kind,) for kind in SCHEMAS}
    kinds = {message["msg"]["event_type"] for message in seen if message["type"] == "market_lifecycle_v2"}
    documented = schemas["marketLifecycleV2Payload"]["properties"]["msg"]["properties"]["event_type"]["enum"]
    assert kinds == set(documented)
    assert {m["msg"]["event_type"] for m in seen if m["type"] == "order_group_updates"} == {
        "created", "triggered", "reset", "deleted", "limit_updated",
    }  # fmt: skip
    seen.clear()
    session.command('{"id": 10, "cmd": "list_subscriptions"}')
    assert problems(schemas, seen[0], listing=True) == []


def test_error_codes_are_documented_ones(schemas: Any) -> None:
    documented = schemas["errorResponsePayload"]["properties"]["msg"]["properties"]["code"]["enum"]
    assert set(ERRORS) <= set(documented)


def test_a_wrong_message_would_be_found(schemas: Any) -> None:
    assert problems(schemas, {"type": "subscribed", "msg": {"channel": "trade"}})
    assert problems(schemas, {"type": "subscribed", "msg": {"channel": "trade", "sid": 1, "more": 1}})
