"""Every REST answer is what the vendor's OpenAPI document says: each endpoint is asked, each answer is validated."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from jsonschema import Draft202012Validator

from connectors.simulators.kalshi.core.units import NANOS
from connectors.simulators.kalshi.keys import make_private
from connectors.simulators.kalshi.limits import TIERS, Limits
from connectors.simulators.kalshi.rest.routes import ROUTES, find
from connectors.simulators.kalshi.server import Practice
from connectors.simulators.request import Reply

A, TENNIS = "KXT-26NOV02-A", "KXATPMATCH-26NOV02ABC-A"
DAY = 86_400
GUIDE = Path(__file__).parents[4] / "docs" / "practice-exchange.md"
# Paths that are in the document, hidden from the vendor's own pages until they launch.
_BATCHES = "/communications/rfq_batches"
_BATCH = f"{_BATCHES}/{{rfq_batch_id}}"
LEFT_OUT = {
    ("GET", _BATCHES), ("POST", _BATCHES), ("GET", _BATCH), ("DELETE", _BATCH), ("GET", f"{_BATCH}/best_quotes"),
    ("PUT", f"{_BATCH}/accept"), ("GET", f"{_BATCH}/quotes"), ("POST", f"{_BATCH}/quotes"),
    ("DELETE", f"{_BATCH}/quotes/{{batch_quote_id}}"), ("PUT", f"{_BATCH}/quotes/{{batch_quote_id}}/confirm"),
}  # fmt: skip
# Answered as the document says, but never with what is asked for: nothing of the kind is here.
NEVER_GOOD = {
    "/live_data/events/{event_ticker}", "/live_data/weather/{city}", "/live_data/weather/{city}/calibrations",
    *(route.path for route in ROUTES if route.path.startswith("/fcm/")),
}  # fmt: skip
_STRIKE = {"event_ticker": "KXINXU-1", "status": "active", "strike_type": "greater_or_equal"}
LISTED: dict[str, Any] = {
    "series": [{"ticker": "KXMVET", "fee_type": "quadratic_with_combo_maker_fees", "tags": ["Tennis"]}],
    "events": [
        {
            "event_ticker": "KXMATCH-1", "series_ticker": "KXMVET", "title": "One vs Two",
            "product_metadata": {"competition": "Open"},
        }
    ],
    "markets": [
        {
            "ticker": "KXMATCH-1-ONE", "event_ticker": "KXMATCH-1", "strike_type": "structured",
            "custom_strike": {"tennis_competitor": "3fd6"}, "occurrence_datetime": "2026-11-02T20:00:00Z",
        },
        *(
            {
                "ticker": f"KXINXU-1-T{strike}", "floor_strike": strike,
                "orderbook_fp": {"yes_dollars": [[price, "5"]], "no_dollars": [["0.3", "5"]]}, **_STRIKE,
            }
            for strike, price in ((6800, "0.60"), (6900, "0.20"))
        ),
    ],
    "collections": [
        {
            "collection_ticker": "KXMVET-R", "series_ticker": "KXMVET",
            "associated_events": [{"ticker": "KXT-26NOV02"}, {"ticker": "KXATPMATCH-26NOV02ABC"}],
        }
    ],
}  # fmt: skip
RESOLVED = ("properties", "additionalProperties", "items", "allOf", "anyOf", "oneOf", "not")


def convert(node: Any, closed: bool = True) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema: ``nullable`` becomes a type, and objects take no fields but their own."""
    if isinstance(node, list):
        return [convert(item, closed) for item in node]
    if not isinstance(node, dict):
        return node
    made = {name: convert(value, closed and name != "allOf") for name, value in node.items() if name != "nullable"}
    if closed and isinstance(node.get("properties"), dict) and "additionalProperties" not in node:
        made["additionalProperties"] = False
    if "properties" in node and isinstance(node["properties"], dict):
        made["properties"] = {name: convert(value, closed) for name, value in node["properties"].items()}
    return {"anyOf": [made, {"type": "null"}]} if node.get("nullable") else made


class Spec:
    """Validates answers; remembers which endpoints have been seen."""

    def __init__(self, document: Any) -> None:
        self.paths = document["paths"]
        self.components = convert(document["components"]["schemas"])
        self.seen: set[tuple[str, str]] = set()
        self.answered: set[tuple[str, str]] = set()  # with something good that was validated

    def check(self, method: str, path: str, reply: Reply) -> None:
        found = find(method, f"/trade-api/v2{path}")
        assert found is not None, path
        route = found[0]
        operation = self.paths[route.path][method.lower()]
        assert str(reply.status) in operation["responses"], (route.path, reply)
        answer = operation["responses"][str(reply.status)]
        self.seen.add((method, route.path))
        if "$ref" in answer or reply.status >= 400:
            return
        self.answered.add((method, route.path))
        content = answer.get("content", {}).get("application/json")
        if content is None:
            assert reply.body is None
            return
        schema = {**convert(content["schema"]), "components": {"schemas": self.components}}
        errors = [f"{list(e.path)}: {e.message}" for e in Draft202012Validator(schema).iter_errors(reply.body)]
        assert not errors, (method, path, errors)


@pytest.fixture(scope="module")
def document(request: pytest.FixtureRequest) -> Any:
    file: Path = request.getfixturevalue("shared_data") / "kalshi" / "openapi.yaml"
    if not file.is_file():
        pytest.skip("the vendor's OpenAPI document is not among the shared data")
    return yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def test_every_endpoint_answers_as_documented(
    document: Any, practice: Practice, make_api: Callable[..., Any], ann: Any, bob: Any
) -> None:
    spec = Spec(document)

    def ask(method: str, path: str, body: Any = None, code: int | None = None, who: Any = ann, **query: Any) -> Any:
        reply = who.ask(method, path, body, **query)
        if code is not None:
            assert reply.status == code, reply
        spec.check(method, path, reply)
        return reply.body

    def order(side: str, price: str, count: str, **more: Any) -> dict[str, Any]:
        kinds = {"time_in_force": "good_till_canceled", "self_trade_prevention_type": "maker"}
        return {"ticker": A, "side": side, "price": price, "count": count, **kinds, **more}

    orders, now = "/portfolio/events/orders", practice.venue.now() // NANOS
    practice.app.control._list(LISTED)
    # Something of everything happens first.
    group = ask("POST", "/portfolio/order_groups/create", {"contracts_limit": 100}, 201)["order_group_id"]
    full = order(
        "bid", "0.40", "5", client_order_id="a", expiration_time=now + 9 * DAY, order_group_id=group,
        cancel_order_on_pause=True, post_only=True,
    )  # fmt: skip
    resting = ask("POST", orders, full, 201)["order_id"]
    ask("POST", orders, order("bid", "0.405", "5"), 400)
    ask("POST", orders, full, 409)
    ask("POST", orders, order("ask", "0.40", "2.5"), 201, bob)
    ask("POST", f"{orders}/batched", {"orders": [order("bid", "0.2", "1"), order("bid", "0.405", "1")]}, 201)
    ask("POST", f"{orders}/{resting}/amend", {"ticker": A, "side": "bid", "price": "0.39", "count": "6"}, 200)
    ask("POST", f"{orders}/{resting}/decrease", {"reduce_by": "1"}, 200)
    ann.pass_time(3700)
    # What can be read.
    for path in ("/exchange/status", "/exchange/schedule", "/exchange/user_data_timestamp", "/series/KXT", "/series"):
        ask("GET", path, None, 200, include_volume="true")
    for path in ("/series/fee_changes", "/events/fee_changes", "/events/multivariate", "/account/endpoint_costs"):
        ask("GET", path, None, 200)
    ask("GET", "/events", None, 200, with_nested_markets="true", limit=1)
    ask("GET", "/events/KXT-26NOV02", None, 200)
    ask("GET", "/events/KXT-26NOV02", None, 200, with_nested_markets="true")
    ask("GET", "/events/NONE", None, 404)
    ask("GET", "/events/KXT-26NOV02/metadata", None, 200)
    ask("GET", "/markets", None, 200, status="open", limit=1)
    ask("GET", "/markets", None, 400, limit=1001)
    ask("GET", f"/markets/{A}", None, 200)
    ask("GET", "/markets/NONE", None, 404)
    ask("GET", f"/markets/{A}/orderbook", None, 200)
    ask("GET", "/markets/orderbooks", None, 200, tickers=[A, TENNIS])
    assert ask("GET", "/markets/trades", None, 200, ticker=A)["trades"]
    span = {"start_ts": now - DAY, "end_ts": now + DAY, "period_interval": 60}
    assert ask("GET", f"/series/KXT/markets/{A}/candlesticks", None, 200, **span)["candlesticks"]
    later = {**span, "start_ts": now + 3600, "include_latest_before_start": "true"}
    assert ask("GET", f"/series/KXT/markets/{A}/candlesticks", None, 200, **later)["candlesticks"]
    assert ask("GET", "/series/KXT/events/KXT-26NOV02/candlesticks", None, 200, **span)["market_candlesticks"]
    assert ask("GET", "/markets/candlesticks", None, 200, market_tickers=A, **span)["markets"]
    for path in ("orders", "fills", "positions", "balance", "deposits", "withdrawals", "order_groups"):
        assert ask("GET", f"/portfolio/{path}", None, 200)
    ask("GET", "/portfolio/summary/total_resting_order_value", None, 200)
    ask("GET", f"/portfolio/orders/{resting}", None, 200)
    ask("GET", "/portfolio/orders/none", None, 404)
    ask("GET", f"/portfolio/orders/{resting}/queue_position", None, 200)
    assert ask("GET", "/portfolio/orders/queue_positions", None, 200, market_tickers=A)["queue_positions"]
    ask("GET", "/account/limits", None, 200)
    ask("GET", "/account/api_usage_level/volume_progress", None, 200)
    # Groups, subaccounts and transfers.
    ask("GET", f"/portfolio/order_groups/{group}", None, 200)
    ask("PUT", f"/portfolio/order_groups/{group}/limit", {"contracts_limit_fp": "50.50"}, 200)
    ask("PUT", f"/portfolio/order_groups/{group}/trigger", {}, 200)
    ask("PUT", f"/portfolio/order_groups/{group}/reset", {}, 200)
    ask("DELETE", f"/portfolio/order_groups/{group}", None, 200)
    number = ask("POST", "/portfolio/subaccounts", {}, 201)["subaccount_number"]
    move = {"client_transfer_id": "7c1b", "from_subaccount": 0, "to_subaccount": number, "amount_cents": 1000}
    ask("POST", "/portfolio/subaccounts/transfer", move, 200)
    assert ask("GET", "/portfolio/subaccounts/transfers", None, 200)["transfers"]
    ask("GET", "/portfolio/subaccounts/balances", None, 200)
    ask("GET", "/portfolio/subaccounts/netting", None, 200)
    ask("PUT", "/portfolio/subaccounts/netting", {"subaccount_number": number, "enabled": False}, 200)
    lane = "event_contract"
    shift = {"source": lane, "destination": lane, "amount": 5000, "destination_exchange_shard": 3}
    moved = ask("POST", "/portfolio/intra_exchange_instance_transfer", shift, 200)["transfer_id"]
    ask("GET", "/portfolio/intra_exchange_instance_transfers", None, 200)
    ask("GET", f"/portfolio/intra_exchange_instance_transfers/{moved}", None, 200)
    ask("GET", "/portfolio/target_balance_allocation", None, 200)
    ask("POST", "/portfolio/target_balance_allocation", {"allocations": []}, 200)
    # Keys.
    practice.venue.limits[ann.credentials.user] = Limits(TIERS["premier"], 4, practice.venue.now())
    public = make_private("ed25519").public_key()
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    ask("POST", "/api_keys", {"name": "mine", "public_key": public.public_bytes(*form).decode()}, 201)
    made = ask("POST", "/api_keys/generate", {"name": "made", "key_type": "ed25519", "scopes": ["read"]}, 201)
    ask("GET", "/api_keys", None, 200)
    ask("DELETE", f"/api_keys/{made['api_key_id']}", None, 204)
    ask("POST", "/account/api_usage_level/upgrade", {}, 201)
    communicate(ask, ann, bob)
    surroundings(ask, practice)
    # Endings.
    second = ask("POST", orders, order("bid", "0.10", "1"), 201)["order_id"]
    third = ask("POST", orders, order("bid", "0.10", "1"), 201)["order_id"]
    ask("DELETE", f"{orders}/batched", {"orders": [{"order_id": second}, {"order_id": "none"}]}, 200)
    ask("DELETE", f"{orders}/{third}", None, 200)
    ask("DELETE", f"{orders}/{third}", None, 404)
    ask("DELETE", orders, None, 204)
    practice.venue.exchange.determine(A, "scalar", practice.venue.now(), 3_330)
    ann.pass_time(61)
    assert ask("GET", "/portfolio/settlements", None, 200)["settlements"]
    assert ask("GET", "/portfolio/positions", None, 200, settlement_status="settled")["market_positions"]
    # The archive.
    practice.venue.clock.step(100 * DAY * NANOS)
    practice.venue.tick()
    ask("GET", "/historical/cutoff", None, 200)
    assert ask("GET", "/historical/markets", None, 200)["markets"]
    ask("GET", f"/historical/markets/{A}", None, 200)
    ask("GET", f"/historical/markets/{TENNIS}", None, 404)
    assert ask("GET", f"/historical/markets/{A}/candlesticks", None, 200, **span)["candlesticks"]
    for path in ("trades", "fills", "orders", "positions"):
        listed = ask("GET", f"/historical/{path}", None, 200)
        assert listed.get(path) or listed.get("market_positions"), path
    assert ask("GET", "/portfolio/fills", None, 200)["fills"] == []
    documented = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert documented - LEFT_OUT == spec.seen
    assert spec.answered == spec.seen - {(method, path) for method, path in spec.seen if path in NEVER_GOOD}


def communicate(ask: Callable[..., Any], ann: Any, bob: Any) -> None:
    """Requests for quotes and block trades from beginning to end, by both sets of paths."""
    me = ask("GET", "/communications/id", None, 200)["communications_id"]
    combo = {"event_ticker": "KXT-26NOV02", "market_ticker": A, "side": "yes"}
    legs = [combo, {"event_ticker": "KXATPMATCH-26NOV02ABC", "market_ticker": TENNIS, "side": "no"}]
    made = {"selected_markets": legs, "with_market_payload": True}
    parlay = ask("POST", "/multivariate_event_collections/KXMVET-R", made, 200)["market_ticker"]
    ask("POST", "/multivariate_event_collections/KXMVET-R", {"selected_markets": legs[:1]}, 400)
    assert ask("GET", "/multivariate_event_collections", None, 200, status="open")["multivariate_contracts"]
    ask("GET", "/multivariate_event_collections/KXMVET-R", None, 200)
    ask("GET", "/multivariate_event_collections/NONE", None, 404)
    assert ask("GET", "/events/multivariate", None, 200, with_nested_markets="true")["events"][0]["markets"]
    assert ask("GET", "/markets", None, 200, mve_filter="only")["markets"]
    for number, base in enumerate(("/communications/quotes", "/communications/rfqs/{}/quotes")):
        sized = {"contracts_fp": "3.50"} if number else {"target_cost_dollars": "5.00", "obscure_creator_id": True}
        wanted = {"market_ticker": parlay, "rest_remainder": False, **sized}
        rfq = ask("POST", "/communications/rfqs", wanted, 201)["id"]
        ask("POST", "/communications/rfqs", wanted, 409)
        ask("GET", f"/communications/rfqs/{rfq}", None, 200, bob)
        bid = {"rfq_id": rfq, "yes_bid": "0.2000", "no_bid": "0.7000", "rest_remainder": False}
        one, two = (ask("POST", "/communications/quotes", bid, 201, bob)["id"] for _ in range(2))
        path = f"{base.format(rfq)}/{two}"
        assert ask("GET", path, None, 200)["quote"]["rfq_creator_id"] == me
        ask("GET", f"{base.format(rfq)}/{one}", None, 200)
        ask("PUT", f"{path}/accept", {"accepted_side": "no"}, 204)
        ask("PUT", f"{path}/confirm", {}, 204, bob)
        ann.pass_time(2)
        assert ask("GET", path, None, 200)["quote"]["status"] == "executed"
        gone = ask("POST", "/communications/rfqs", wanted, 201)["id"]
        last = ask("POST", "/communications/quotes", {**bid, "rfq_id": gone}, 201, bob)["id"]
        ask("DELETE", f"{base.format(gone)}/{last}", None, 204, bob)
        ask("DELETE", f"/communications/rfqs/{gone}", None, 204)
    assert len(ask("GET", "/communications/rfqs", None, 200, user_filter="self")["rfqs"]) == 4
    assert ask("GET", "/communications/quotes", None, 200, rfq_user_filter="self")["quotes"]
    ask("GET", "/communications/quotes", None, 400, cursor="garbage")
    block = {
        "buyer_user_id": ann.credentials.user, "seller_user_id": bob.credentials.user, "market_ticker": A,
        "price_centi_cents": 4500, "centicount": 200, "maker_side": "no", "expiration_ts": "2026-11-02T18:00:00Z",
    }  # fmt: skip
    proposed = ask("POST", "/communications/block-trade-proposals", block, 201)["block_trade_proposal_id"]
    for who in (ann, bob):
        ask("POST", f"/communications/block-trade-proposals/{proposed}/accept", {}, 204, who)
    assert ask("GET", "/communications/block-trade-proposals", None, 200)["block_trade_proposals"]
    assert ask("GET", "/markets/trades", None, 200, is_block_trade="true")["trades"]


def surroundings(ask: Callable[..., Any], practice: Practice) -> None:
    """Occasions, competitors, filters, forecasts, and what is for members of another kind."""
    now = practice.venue.now() // NANOS
    occasion = ask("GET", "/milestones", None, 200, limit=5)["milestones"][0]["id"]
    ask("GET", f"/milestones/{occasion}", None, 200)
    ask("GET", "/milestones/none", None, 404)
    kind = ask("GET", f"/live_data/milestone/{occasion}", None, 200)["live_data"]["type"]
    ask("GET", f"/live_data/{kind}/milestone/{occasion}", None, 200)
    assert ask("GET", "/live_data/batch", None, 200, milestone_ids=[occasion])["live_datas"]
    ask("GET", f"/live_data/milestone/{occasion}/game_stats", None, 200)
    ask("GET", "/live_data/events/KXT-26NOV02", None, 404)
    ask("GET", "/live_data/weather/miami", None, 400)
    ask("GET", "/live_data/weather/miami/calibrations", None, 400)
    competitor = ask("GET", "/structured_targets", None, 200)["structured_targets"][0]["id"]
    ask("GET", f"/structured_targets/{competitor}", None, 200)
    ask("GET", "/structured_targets/none", None, 404)
    assert ask("GET", "/search/tags_by_categories", None, 200)["tags_by_categories"]
    assert ask("GET", "/search/filters_by_sport", None, 200)["filters_by_sports"]
    ask("GET", "/incentive_programs", None, 200)
    span = {"start_ts": now - DAY, "end_ts": now + DAY, "period_interval": 60, "percentiles": [2500, 5000]}
    history = "/series/KXINXU/events/KXINXU-1/forecast_percentile_history"
    assert ask("GET", history, None, 200, **span)["forecast_history"]
    ask("GET", history, None, 400, **{**span, "period_interval": 0})
    for route in ROUTES:
        if route.path.startswith("/fcm/"):
            ask(route.method, route.path, {} if route.method != "GET" else None, 403)


def test_what_is_left_out_is_documented_and_answered_as_an_unknown_path(document: Any, ann: Any) -> None:
    documented = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert documented >= LEFT_OUT
    for method, path in LEFT_OUT:
        assert document["paths"][path][method.lower()]["x-excluded"], "the vendor has not launched it"
        filled = path.replace("{", "").replace("}", "")
        reply, unknown = ann.ask(method, filled, {}), ann.ask(method, "/nothing/of/the/kind", {})
        assert (reply.status, reply.body) == (unknown.status, unknown.body) == (404, unknown.body)
        assert "rfq_batches" in GUIDE.read_text(encoding="utf-8")


def test_what_needs_a_signature_does_so_in_the_document_too(document: Any) -> None:
    for route in ROUTES:
        signed = bool(document["paths"][route.path][route.method.lower()].get("security"))
        assert signed == bool(route.scope), route.path


def test_a_wrong_answer_would_be_found(document: Any) -> None:
    spec = Spec(document)
    with pytest.raises(AssertionError, match="trading_active"):
        spec.check("GET", "/exchange/status", Reply(200, {"exchange_active": True}))
    with pytest.raises(AssertionError, match="unheard"):
        more = {"exchange_active": True, "trading_active": True, "unheard": 1}
        spec.check("GET", "/exchange/status", Reply(200, more))
    with pytest.raises(AssertionError, match=re.escape("not of type 'string'")):
        spec.check("GET", "/exchange/user_data_timestamp", Reply(200, {"as_of_time": 5}))
