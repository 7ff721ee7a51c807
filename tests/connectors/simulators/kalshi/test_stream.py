"""One websocket connection: sequence numbers, price scales, subscriptions, errors, and who is shown what."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from connectors.simulators.kalshi.server import Practice

A, B = "KXT-26NOV02-A", "KXT-26NOV02-B"
IOC = "immediate_or_cancel"


def code(messages: list[dict[str, Any]]) -> int:
    assert [message["type"] for message in messages] == ["error"]
    return int(messages[0]["msg"]["code"])


def test_snapshot_and_deltas_add_up_to_the_book(connect: Any, ann: Any, bob: Any) -> None:
    ann.placed("bid", "0.30", "4")
    client = connect(bob)
    client.send("subscribe", channels=["orderbook_delta"], market_ticker=A)
    mine = ann.placed("bid", "0.31", "2")["order_id"]
    bob.placed("ask", "0.30", "5")
    bob.placed("ask", "0.60", "1.5")
    ann.ask("DELETE", f"/portfolio/events/orders/{mine}")
    levels: dict[tuple[str, str], float] = defaultdict(float)
    snapshot = client.of("orderbook_snapshot")[0]
    assert "no_dollars_fp" not in snapshot
    for price, count in snapshot["yes_dollars_fp"]:
        levels["yes", price] += float(count)
    for delta in client.of("orderbook_delta"):
        levels[delta["side"], delta["price_dollars"]] += float(delta["delta_fp"])
        assert delta["clock"] > snapshot["clock"]
    assert {place: count for place, count in levels.items() if count} == {("yes", "0.3000"): 1.0, ("no", "0.4000"): 1.5}


def test_sequence_numbers_belong_to_a_subscription(connect: Any, ann: Any, bob: Any) -> None:
    client = connect(ann)
    replies = client.send("subscribe", channels=["orderbook_delta", "trade"], market_tickers=[A, B])
    assert [(r["type"], r.get("msg", {}).get("sid")) for r in replies[:2]] == [("subscribed", 1), ("subscribed", 2)]
    bob.placed("ask", "0.50", "5")
    ann.placed("bid", "0.50", "1")
    ann.placed("bid", "0.10", "1", ticker=B)
    client.send("update_subscription", 2, sid=1, action="delete_markets", market_tickers=[B])
    ann.placed("bid", "0.50", "1")
    client.send("unsubscribe", 3, sids=[2])
    by_sid: dict[int, list[int]] = defaultdict(list)
    for message in client.seen[2:]:
        by_sid[message["sid"]].append(message["seq"])
    assert by_sid == {1: [1, 2, 3, 4, 5, 6, 7], 2: [1, 2, 3]}


@pytest.mark.parametrize(("flag", "price"), [(True, "0.6000"), (False, "0.4000")])
def test_the_no_side_is_on_the_scale_asked_for(connect: Any, ann: Any, flag: bool, price: str) -> None:
    ann.placed("ask", "0.60", "1")
    client = connect(ann)
    client.send("subscribe", channels=["orderbook_delta"], market_tickers=[A], use_yes_price=flag)
    ann.placed("ask", "0.60", "2")
    assert client.of("orderbook_snapshot")[0]["no_dollars_fp"] == [[price, "1.00"]]
    assert client.of("orderbook_delta")[0]["price_dollars"] == price


def test_only_the_owner_sees_whose_change_it_was(connect: Any, ann: Any, bob: Any) -> None:
    mine, theirs = connect(ann), connect(bob)
    for client in (mine, theirs):
        client.send("subscribe", channels=["orderbook_delta"], market_tickers=[A])
        client.send("subscribe", channels=["fill", "user_orders", "market_positions", "order_group_updates"])
    ann.placed("bid", "0.40", "2", client_order_id="secret")
    assert mine.of("orderbook_delta")[0]["client_order_id"] == "secret"
    assert "client_order_id" not in theirs.of("orderbook_delta")[0]
    assert theirs.of("user_order") == []
    bob.placed("ask", "0.40", "2", client_order_id="other")
    assert [m["client_order_id"] for m in mine.of("fill")] == ["secret"]
    assert [m["post_position_fp"] for m in mine.of("fill")] == ["2.00"]
    assert [m["post_position_fp"] for m in theirs.of("fill")] == ["-2.00"]
    assert [m["position_fp"] for m in mine.of("market_position")] == ["2.00"]
    assert [(m["status"], m.get("last_update_reason")) for m in mine.of("user_order")] == [
        ("resting", None), ("executed", "Trade"),
    ]  # fmt: skip


def test_a_trade_has_one_id_on_every_channel(connect: Any, ann: Any, bob: Any) -> None:
    client = connect(ann)
    client.send("subscribe", channels=["trade", "fill"])
    bob.placed("ask", "0.40", "2")
    ann.placed("bid", "0.40", "2")
    trade, fill = client.of("trade")[0], client.of("fill")[0]
    assert (trade["trade_id"], trade["ts_ms"]) == (fill["trade_id"], fill["ts_ms"])
    listed = ann.get("/portfolio/fills")["fills"][0]["trade_id"], ann.get("/markets/trades")["trades"][0]["trade_id"]
    assert listed == (trade["trade_id"],) * 2


def test_subscribing_again_widens_the_subscription(connect: Any, ann: Any) -> None:
    client = connect(ann)
    client.send("subscribe", channels=["orderbook_delta"], market_tickers=[A])
    again = client.send("subscribe", 2, channels=["orderbook_delta"], market_tickers=[A, B])
    assert [m["type"] for m in again] == ["subscribed", "orderbook_snapshot"]
    assert again[0]["msg"]["sid"] == again[1]["sid"] == 1
    assert again[1]["msg"]["market_ticker"] == B and again[1]["seq"] == 2
    assert client.send("list_subscriptions", 3)[0]["msg"] == [{"channel": "orderbook_delta", "sid": 1}]


def test_a_snapshot_can_be_asked_for_without_changing_anything(connect: Any, ann: Any) -> None:
    client = connect(ann)
    client.send("subscribe", channels=["orderbook_delta"], market_tickers=[A])
    reply = client.send("update_subscription", 9, sids=[1], action="get_snapshot", market_tickers=[A])
    assert [(m["type"], m["id"], m["seq"]) for m in reply] == [("orderbook_snapshot", 9, 2)]


def test_tickers_come_only_when_something_changed(connect: Any, ann: Any, bob: Any) -> None:
    client = connect(ann)
    client.send("subscribe", channels=["ticker"], market_tickers=[A], send_initial_snapshot=True)
    ann.placed("bid", "0.40", "2")
    ann.placed("bid", "0.30", "2")  # behind the best
    bob.placed("ask", "0.40", "1")
    shown = [(m["yes_bid_dollars"], m["yes_bid_size_fp"], m["price_dollars"]) for m in client.of("ticker")]
    assert shown == [("0.0000", "0.00", "0.0000"), ("0.4000", "2.00", "0.0000"), ("0.4000", "1.00", "0.4000")]


def test_markets_can_be_named_by_id_for_tickers(connect: Any, ann: Any, practice: Practice) -> None:
    client = connect(ann)
    market_id = practice.venue.floor.markets[A].market_id
    client.send("subscribe", channels=["ticker"], market_ids=[market_id])
    ann.placed("bid", "0.40", "2", ticker=B)
    ann.placed("bid", "0.40", "2", ticker=A)
    assert [m["market_id"] for m in client.of("ticker")] == [market_id]
    assert code(client.send("subscribe", channels=["trade"], market_ids=[market_id])) == 11


def test_cancel_reasons_are_told(connect: Any, ann: Any, practice: Practice) -> None:
    client = connect(ann)
    client.send("subscribe", channels=["user_orders"])
    ann.placed("ask", "0.60", "1")
    ann.placed("bid", "0.60", "1")
    ann.place("bid", "0.99", "1", post_only=True)
    expires = practice.venue.now() // 10**9 + 1
    ann.placed("bid", "0.10", "1", expiration_time=expires)
    ann.pass_time(1)
    halted = ann.placed("bid", "0.10", "1", cancel_order_on_pause=True)["order_id"]
    practice.venue.exchange.pause(A, practice.venue.now())
    practice.venue.exchange.resume(A, practice.venue.now())
    rest = ann.placed("bid", "0.10", "2")["order_id"]
    ann.ask("POST", f"/portfolio/events/orders/{rest}/decrease", {"reduce_by": "1"})
    practice.venue.exchange.determine(A, "yes", practice.venue.now())
    practice.venue.settle_up()
    reasons = [m.get("last_update_reason") for m in client.of("user_order") if m["status"] == "canceled"]
    assert reasons[:5] == ["SelfTradeCancel", "PostOnlyCrossCancel", "ExpiryCancel", "HaltCancel", "HaltCancel"]
    assert reasons[-1] == "CloseCancel"
    assert "Decrease" in [m.get("last_update_reason") for m in client.of("user_order")]
    assert ann.order(halted)["status"] == "canceled"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("nonsense", 1),
        ("[]", 1),
        ('{"cmd": "subscribe"}', 2),
        ('{"cmd": "subscribe", "params": {}}', 3),
        ('{"cmd": "unsubscribe", "params": {}}', 4),
        ('{"cmd": "dance", "params": {}}', 5),
        ('{"cmd": "unsubscribe", "params": {"sids": [9]}}', 7),
        ('{"cmd": "subscribe", "params": {"channels": ["gossip"]}}', 8),
        ('{"cmd": "subscribe", "params": {"channels": ["pyth_value"], "market_ticker": "KXT-26NOV02-A"}}', 11),
        ('{"cmd": "subscribe", "params": {"channels": ["trade"], "market_ticker": "KXNONE"}}', 11),
        ('{"cmd": "subscribe", "params": {"channels": ["trade"], "market_ticker": "X", "market_tickers": ["X"]}}', 11),
        ('{"cmd": "update_subscription", "params": {"sids": [1, 2], "action": "add_markets"}}', 12),
        ('{"cmd": "update_subscription", "params": {"sid": 1, "action": "shuffle"}}', 13),
        ('{"cmd": "update_subscription", "params": {"sid": 1, "action": "add_markets"}}', 14),
        ('{"cmd": "subscribe", "params": {"channels": ["orderbook_delta"]}}', 14),
        ('{"cmd": "update_subscription", "params": {"sid": 1}}', 15),
        ('{"cmd": "subscribe", "params": {"channels": ["communications"], "shard_factor": 0}}', 19),
        ('{"cmd": "subscribe", "params": {"channels": ["communications"], "shard_key": 1}}', 20),
        ('{"cmd": "subscribe", "params": {"channels": ["communications"], "shard_factor": 2, "shard_key": 2}}', 21),
        ('{"cmd": "subscribe", "params": {"channels": ["communications"], "shard_factor": 101}}', 22),
    ],
)
def test_errors_have_the_venues_codes_and_change_nothing(connect: Any, ann: Any, command: str, expected: int) -> None:
    client = connect(ann)
    client.send("subscribe", channels=["trade"])
    client.seen.clear()
    client.session.command(command)
    assert code(client.seen) == expected
    assert list(client.session.subscriptions) == [1]
