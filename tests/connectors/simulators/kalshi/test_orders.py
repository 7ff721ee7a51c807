"""Orders as a client meets them: kinds, refusals, queue places, cancels, groups. Codes are the venue's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.simulators.faults import FaultSpecError
from connectors.simulators.kalshi.core.units import NANOS
from connectors.simulators.kalshi.server import Practice
from connectors.simulators.request import Reply

A, TENNIS = "KXT-26NOV02-A", "KXATPMATCH-26NOV02ABC-A"
IOC, FOK = "immediate_or_cancel", "fill_or_kill"


def code(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.body["error"]["code"]


def test_taker_pays_the_resting_price_and_the_limit_stays_on_the_order(ann: Any, bob: Any) -> None:
    bob.placed("ask", "0.5200", "3")
    done = ann.placed("bid", "0.9900", "1", time_in_force=IOC, client_order_id="one")
    assert done["fill_count"] == "1.00" and done["remaining_count"] == "0.00"
    assert done["average_fill_price"] == "0.5200" and done["average_fee_paid"] == "0.0175"
    shown = ann.order(done["order_id"])
    assert shown["status"] == "executed" and shown["yes_price_dollars"] == "0.9900"
    assert shown["taker_fill_cost_dollars"] == "0.520000" and shown["taker_fees_dollars"] == "0.017500"
    fill = ann.get("/portfolio/fills")["fills"][0]
    assert (fill["yes_price_dollars"], fill["fee_cost"], fill["is_taker"]) == ("0.5200", "0.017500", True)
    assert ann.balance() == "3999.4625" and ann.position() == "1.00" and bob.position() == "-1.00"


def test_yes_and_no_bids_match_when_they_add_up_to_a_dollar(ann: Any, bob: Any) -> None:
    ann.placed("bid", "0.4000", "5")
    assert bob.placed("ask", "0.4100", "5")["fill_count"] == "0.00"  # a NO bid at 0.59: adds up to 0.99
    book = ann.get(f"/markets/{A}/orderbook")["orderbook_fp"]
    assert book == {"yes_dollars": [["0.4000", "5.00"]], "no_dollars": [["0.5900", "5.00"]]}
    assert bob.placed("ask", "0.4000", "2")["fill_count"] == "2.00"  # NO at 0.60
    assert ann.get(f"/markets/{A}/orderbook")["orderbook_fp"]["yes_dollars"] == [["0.4000", "3.00"]]


def test_price_then_time(practice: Practice, make_api: Callable[..., Any]) -> None:
    first, second, better, taker = (make_api(name) for name in ("first", "second", "better", "taker"))
    first.placed("bid", "0.40", "2")
    second.placed("bid", "0.40", "2")
    better.placed("bid", "0.41", "2")
    taker.placed("ask", "0.40", "5")
    assert [api.position() for api in (better, first, second)] == ["2.00", "2.00", "1.00"]


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"price": "0.5150"}, (400, "invalid_price")),
        ({"price": "0.0000"}, (400, "invalid_price")),
        ({"price": "1.0000"}, (400, "invalid_price")),
        ({"count": "0"}, (400, "invalid_order_size")),
        ({"count": "0.001"}, (400, "invalid_order_size")),
        ({"count": "10099", "price": "0.9900"}, (400, "insufficient_balance")),
        ({"ticker": "KXNONE-1-A"}, (404, "market_not_found")),
        ({"exchange_index": 3}, (404, "market_not_found")),
        ({"order_group_id": "none"}, (404, "order_group_not_found")),
        ({"expiration_time": 1_700_000_000}, (400, "invalid_order")),
        ({"expiration_time": 1_900_000_000, "time_in_force": IOC}, (400, "invalid_order")),
        ({"reduce_only": True}, (400, "invalid_order")),
        ({"reduce_only": True, "time_in_force": FOK}, (400, "invalid_order")),
        ({"subaccount": 5}, (400, "invalid_order")),
    ],
)
def test_refusals_leave_nothing_behind(ann: Any, change: dict[str, Any], answer: tuple[int, str]) -> None:
    wanted = {"side": "bid", "price": "0.5000", "count": "1", "client_order_id": "x", **change}
    assert code(ann.place(**wanted)) == answer
    assert ann.get("/portfolio/orders")["orders"] == []
    assert ann.balance() == "4000.0000"
    assert ann.place("bid", "0.01", "1", client_order_id="x").status == 201


def test_numbers_instead_of_text_are_refused_in_the_flat_shape(ann: Any) -> None:
    reply = ann.place("bid", "0.01", 1)
    details = "json: cannot unmarshal number into Go struct field CreateOrderV2Request.count of type string"
    assert reply == Reply(400, {"code": "bad_request", "message": "bad request", "details": details})


def test_client_order_ids_are_used_up_for_ever(ann: Any) -> None:
    first = ann.placed("bid", "0.01", "1", client_order_id="x")
    assert code(ann.place("bid", "0.02", "1", client_order_id="x")) == (409, "order_already_exists")
    ann.ask("DELETE", f"/portfolio/events/orders/{first['order_id']}")
    assert code(ann.place("bid", "0.01", "1", client_order_id="x")) == (409, "order_already_exists")


def test_fill_or_kill_is_all_or_nothing_and_uses_its_id_up(ann: Any, bob: Any) -> None:
    bob.placed("ask", "0.50", "3")
    killed = ann.place("bid", "0.50", "4", time_in_force=FOK, client_order_id="k")
    assert code(killed) == (409, "fill_or_kill_insufficient_resting_volume")
    assert ann.position() == "0.00"
    assert code(ann.place("bid", "0.50", "1", client_order_id="k")) == (409, "order_already_exists")
    assert ann.placed("bid", "0.50", "3", time_in_force=FOK)["fill_count"] == "3.00"


def test_immediate_or_cancel_without_anyone_is_created_and_cancelled(ann: Any) -> None:
    done = ann.placed("bid", "0.50", "2", time_in_force=IOC)
    assert (done["fill_count"], done["remaining_count"]) == ("0.00", "0.00")
    assert ann.order(done["order_id"])["status"] == "canceled"


def test_post_only_that_crosses_is_refused_and_listed_as_cancelled(ann: Any, bob: Any) -> None:
    bob.placed("ask", "0.50", "1")
    reply = ann.place("bid", "0.50", "1", post_only=True)
    said = {"code": "invalid_order", "message": "invalid order", "details": "post only cross"}
    assert reply == Reply(400, {"error": said})
    listed = ann.get("/portfolio/orders")["orders"][0]
    assert listed["status"] == "canceled" and listed["created_time"] == listed["last_update_time"]


@pytest.mark.parametrize(("kind", "filled", "resting"), [("taker_at_cross", "2.00", "1.00"), ("maker", "4.00", "0.00")])
def test_self_trades_are_prevented(ann: Any, bob: Any, kind: str, filled: str, resting: str) -> None:
    bob.placed("ask", "0.49", "2")
    own = ann.placed("ask", "0.50", "1")
    bob.placed("ask", "0.51", "2")
    done = ann.placed("bid", "0.51", "4", time_in_force=IOC, self_trade_prevention_type=kind)
    assert done["fill_count"] == filled
    assert ann.order(own["order_id"])["remaining_count_fp"] == resting
    assert ann.position() == filled


def test_fill_or_kill_that_meets_its_own_order_keeps_what_it_got(ann: Any, bob: Any) -> None:
    bob.placed("ask", "0.49", "2")
    ann.placed("ask", "0.50", "2")
    assert ann.placed("bid", "0.50", "4", time_in_force=FOK)["fill_count"] == "2.00"


def test_reduce_only_never_opens(ann: Any, bob: Any) -> None:
    bob.placed("ask", "0.50", "2")
    ann.placed("bid", "0.50", "2")
    bob.placed("bid", "0.48", "5")
    done = ann.placed("ask", "0.48", "5", time_in_force=IOC, reduce_only=True)
    assert (done["fill_count"], done["remaining_count"]) == ("2.00", "0.00")
    assert ann.position() == "0.00"
    assert ann.placed("ask", "0.48", "1", time_in_force=IOC, reduce_only=True)["fill_count"] == "0.00"


def test_orders_expire_at_their_time(ann: Any, practice: Practice) -> None:
    soon = practice.venue.now() // NANOS + 60
    done = ann.placed("bid", "0.30", "2", expiration_time=soon)
    ann.pass_time(59)
    assert ann.order(done["order_id"])["status"] == "resting"
    ann.pass_time(1)
    shown = ann.order(done["order_id"])
    assert shown["status"] == "canceled" and shown["last_update_time"] == shown["expiration_time"]
    assert ann.balance() == "4000.0000"


# The place in the queue


def queue(api: Any, order_id: str) -> str:
    return str(api.get(f"/portfolio/orders/{order_id}/queue_position")["queue_position_fp"])


def amend(api: Any, order_id: str, price: str, count: str, **more: Any) -> Reply:
    body = {"ticker": A, "side": "bid", "price": price, "count": count, **more}
    return api.ask("POST", f"/portfolio/events/orders/{order_id}/amend", body)


@pytest.mark.parametrize(
    ("price", "count", "place"),
    [("0.40", "3", "2.00"), ("0.40", "5", "2.00"), ("0.40", "6", "9.00"), ("0.39", "5", "9.00"), ("0.41", "5", "0.00")],
)
def test_amending_keeps_the_place_only_for_less(ann: Any, bob: Any, price: str, count: str, place: str) -> None:
    bob.placed("bid", "0.40", "2")
    mine = ann.placed("bid", "0.40", "5")["order_id"]
    bob.placed("bid", "0.40", "7")
    assert queue(ann, mine) == "2.00"
    assert amend(ann, mine, price, count).status == 200
    assert queue(ann, mine) == place


def test_amending_counts_what_is_filled_and_can_trade(ann: Any, bob: Any) -> None:
    mine = ann.placed("bid", "0.40", "5", client_order_id="a")["order_id"]
    bob.placed("ask", "0.40", "2")
    bob.placed("ask", "0.45", "1")
    shown = amend(ann, mine, "0.45", "6", client_order_id="a", updated_client_order_id="b").body
    assert (shown["fill_count"], shown["remaining_count"]) == ("1.00", "3.00")
    assert shown["average_fill_price"] == "0.4500" and shown["client_order_id"] == "b"
    assert ann.order(mine)["fill_count_fp"] == "3.00"
    assert code(ann.place("bid", "0.01", "1", client_order_id="a")) == (409, "order_already_exists")


def test_amending_only_the_expiry_changes_nothing_else(ann: Any, practice: Practice) -> None:
    mine = ann.placed("bid", "0.40", "5", expiration_time=practice.venue.now() // NANOS + 60)["order_id"]
    shown = amend(ann, mine, "0.40", "5", expiration_time=0).body
    assert set(shown) == {"order_id", "ts_ms"}
    ann.pass_time(120)
    assert ann.order(mine)["status"] == "resting" and "expiration_time" not in ann.order(mine)


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"ticker": "KXT-26NOV02-B"}, (400, "order_ticker_mismatch")),
        ({"side": "ask"}, (400, "order_side_mismatch")),
        ({"client_order_id": "other"}, (400, "order_id_and_client_order_id_mismatch")),
        ({"count": "0"}, (400, "invalid_order_size")),
        ({"price": "0.4050"}, (400, "invalid_price")),
        ({"count": "5000"}, (400, "insufficient_balance")),
    ],
)
def test_amendments_that_cannot_be(ann: Any, change: dict[str, Any], answer: tuple[int, str]) -> None:
    mine = ann.placed("bid", "0.40", "5", client_order_id="mine")["order_id"]
    assert code(amend(ann, mine, **{"price": "0.40", "count": "5", **change})) == answer
    assert ann.order(mine)["remaining_count_fp"] == "5.00"


def test_decrease_keeps_the_place_and_frees_money(ann: Any, bob: Any) -> None:
    mine = ann.placed("bid", "0.40", "5")["order_id"]
    bob.placed("bid", "0.40", "1")
    reply = ann.ask("POST", f"/portfolio/events/orders/{mine}/decrease", {"reduce_by": "2"})
    assert reply.body["remaining_count"] == "3.00" and queue(ann, mine) == "0.00"
    assert ann.balance() == "3998.8000"
    ann.ask("POST", f"/portfolio/events/orders/{mine}/decrease", {"reduce_to": "0"})
    assert ann.order(mine)["status"] == "canceled" and ann.balance() == "4000.0000"
    both = ann.ask("POST", f"/portfolio/events/orders/{mine}/decrease", {"reduce_by": "1", "reduce_to": "1"})
    assert both.status == 400


# Cancelling


def test_a_404_does_not_say_what_became_of_an_order(ann: Any, bob: Any) -> None:
    gone = ann.placed("bid", "0.40", "1")["order_id"]
    assert ann.ask("DELETE", f"/portfolio/events/orders/{gone}").body["reduced_by"] == "1.00"
    filled = ann.placed("bid", "0.40", "1")["order_id"]
    bob.placed("ask", "0.40", "1")
    others = bob.placed("ask", "0.90", "1")["order_id"]
    replies = [ann.ask("DELETE", f"/portfolio/events/orders/{i}") for i in (gone, filled, others, "unknown")]
    assert replies == [Reply(404, {"error": {"code": "not_found", "message": "not found"}})] * 4


def test_a_cancel_goes_to_shard_zero_unless_told(ann: Any) -> None:
    mine = ann.placed("bid", "0.40", "1", ticker=TENNIS)["order_id"]
    assert ann.ask("DELETE", f"/portfolio/events/orders/{mine}").status == 404
    assert ann.ask("DELETE", f"/portfolio/events/orders/{mine}", exchange_index=-1).status == 400
    assert ann.ask("DELETE", f"/portfolio/events/orders/{mine}", market_ticker=TENNIS).status == 200


def test_batches_answer_one_by_one(ann: Any) -> None:
    good = {
        "ticker": A, "side": "bid", "price": "0.40", "count": "1", "client_order_id": "g",
        "time_in_force": "good_till_canceled", "self_trade_prevention_type": "maker",
    }  # fmt: skip
    body = {"orders": [good, {**good, "price": "0.405", "client_order_id": "b"}, good]}
    shown = ann.ask("POST", "/portfolio/events/orders/batched", body).body["orders"]
    assert shown[0]["remaining_count"] == "1.00" and "error" not in shown[0]
    assert [entry["error"]["code"] for entry in shown[1:]] == ["invalid_price", "order_already_exists"]
    ids = {"orders": [{"order_id": shown[0]["order_id"]}, {"order_id": "none"}]}
    ended = ann.ask("DELETE", "/portfolio/events/orders/batched", ids).body["orders"]
    assert ended[0]["reduced_by"] == "1.00" and ended[1]["error"]["code"] == "not_found"


def test_cancel_all_takes_every_order_on_every_shard(ann: Any, bob: Any) -> None:
    ann.placed("bid", "0.40", "1")
    ann.placed("bid", "0.40", "1", ticker=TENNIS)
    other = bob.placed("bid", "0.30", "1")["order_id"]
    assert ann.ask("DELETE", "/portfolio/events/orders") == Reply(204, None)
    assert ann.get("/portfolio/orders", status="resting")["orders"] == []
    assert bob.order(other)["status"] == "resting"


def test_the_first_version_of_the_order_endpoints_is_gone(ann: Any) -> None:
    assert code(ann.ask("POST", "/portfolio/orders", {})) == (410, "deprecated_v1_order_endpoint")


# Order groups


def group(api: Any, limit: int) -> str:
    return str(api.ask("POST", "/portfolio/order_groups/create", {"contracts_limit": limit}).body["order_group_id"])


def test_a_group_blows_when_its_contracts_trade_within_fifteen_seconds(ann: Any, bob: Any) -> None:
    fuse = group(ann, 3)
    first = ann.placed("bid", "0.40", "2", order_group_id=fuse)
    rest = ann.placed("bid", "0.30", "2", order_group_id=fuse)["order_id"]
    bob.placed("ask", "0.40", "2")
    ann.pass_time(16)
    second = ann.placed("bid", "0.40", "4", order_group_id=fuse)["order_id"]
    bob.placed("ask", "0.40", "2")
    assert ann.order(rest)["status"] == "resting"  # two and two, but not within fifteen seconds
    bob.placed("ask", "0.40", "1")
    assert [ann.order(i)["status"] for i in (first["order_id"], rest, second)] == ["executed", "canceled", "canceled"]
    blocked = ann.place("bid", "0.10", "1", order_group_id=fuse)
    assert code(blocked) == (409, "exceeded_order_group_risk_limit")
    assert ann.ask("PUT", f"/portfolio/order_groups/{fuse}/reset", {}).status == 200
    assert ann.place("bid", "0.10", "1", order_group_id=fuse).status == 201


def test_a_blown_group_does_not_touch_who_traded_with_it(ann: Any, bob: Any) -> None:
    fuse = group(ann, 2)
    ann.placed("bid", "0.40", "2", order_group_id=fuse)
    second = ann.placed("bid", "0.40", "2", order_group_id=fuse)["order_id"]
    done = bob.placed("ask", "0.40", "5")
    assert (done["fill_count"], done["remaining_count"]) == ("2.00", "3.00")
    assert ann.order(second)["status"] == "canceled" and bob.order(done["order_id"])["status"] == "resting"


def test_a_group_that_its_own_taker_blows_keeps_nothing_resting(ann: Any, bob: Any) -> None:
    fuse = group(ann, 2)
    bob.placed("ask", "0.40", "3")
    done = ann.placed("bid", "0.40", "5", order_group_id=fuse)
    assert (done["fill_count"], done["remaining_count"]) == ("3.00", "0.00")
    assert ann.order(done["order_id"])["status"] == "canceled"


def test_trigger_limit_and_delete_cancel_a_groups_orders(ann: Any, bob: Any) -> None:
    fuse = group(ann, 10)
    mine = ann.placed("bid", "0.40", "2", order_group_id=fuse)["order_id"]
    ann.ask("PUT", f"/portfolio/order_groups/{fuse}/trigger", {})
    assert ann.order(mine)["status"] == "canceled"
    ann.ask("PUT", f"/portfolio/order_groups/{fuse}/reset", {})
    ann.placed("bid", "0.40", "2", order_group_id=fuse)
    bob.placed("ask", "0.40", "2")
    mine = ann.placed("bid", "0.40", "2", order_group_id=fuse)["order_id"]
    ann.ask("PUT", f"/portfolio/order_groups/{fuse}/limit", {"contracts_limit": 2})
    assert ann.order(mine)["status"] == "canceled"  # two have traded just now
    ann.ask("PUT", f"/portfolio/order_groups/{fuse}/reset", {})
    mine = ann.placed("bid", "0.40", "1", order_group_id=fuse)["order_id"]
    assert ann.get(f"/portfolio/order_groups/{fuse}")["orders"] == [mine]
    ann.ask("DELETE", f"/portfolio/order_groups/{fuse}")
    assert ann.order(mine)["status"] == "canceled"
    assert ann.get("/portfolio/order_groups")["order_groups"] == []


def test_a_cancel_all_may_reach_into_the_minute_after_it(practice: Practice, ann: Any, bob: Any) -> None:
    practice.venue.faults.set("cancel-all-reach=20")
    ann.placed("bid", "0.30", "1")
    assert ann.ask("DELETE", "/portfolio/events/orders").status == 204
    mine, other = ann.placed("bid", "0.30", "1")["order_id"], bob.placed("bid", "0.30", "1")["order_id"]
    ann.pass_time(19)
    assert ann.order(mine)["status"] == "resting"
    ann.pass_time(1)
    assert (ann.order(mine)["status"], bob.order(other)["status"]) == ("canceled", "resting")
    later = ann.placed("bid", "0.30", "1")["order_id"]
    ann.pass_time(60)
    assert ann.order(later)["status"] == "resting"
    with pytest.raises(FaultSpecError, match="60 seconds"):
        practice.venue.faults.set("cancel-all-reach=61")
