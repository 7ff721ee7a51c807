"""Requests for quotes and block trades: from asking to money, and everything that may go wrong between."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.simulators.kalshi.clock import SteppedClock
from connectors.simulators.kalshi.core.units import parse_count, parse_money, parse_price, parse_time
from connectors.simulators.kalshi.server import Practice, Setup
from connectors.simulators.kalshi.venue import Options
from connectors.simulators.kalshi.world import quoters
from connectors.simulators.kalshi.world.quoters import ASKER, MAKERS

A, TENNIS = "KXT-26NOV02-A", "KXATPMATCH-26NOV02ABC-A"
NOBODY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def asked(api: Any, ticker: str = A, **more: Any) -> str:
    size = {} if "target_cost_dollars" in more else {"contracts_fp": "10.00"}
    reply = api.ask("POST", "/communications/rfqs", {"market_ticker": ticker, "rest_remainder": False, **size, **more})
    assert reply.status == 201, reply
    return str(reply.body["id"])


def quoted(api: Any, rfq: str, yes: str, no: str, **more: Any) -> str:
    body = {"rfq_id": rfq, "yes_bid": yes, "no_bid": no, "rest_remainder": False, **more}
    reply = api.ask("POST", "/communications/quotes", body)
    assert reply.status == 201, reply
    return str(reply.body["id"])


def act(api: Any, rfq: str, quote: str, what: str, side: str = "no") -> Any:
    return api.ask("PUT", f"/communications/rfqs/{rfq}/quotes/{quote}/{what}", {"accepted_side": side})


def state(api: Any, quote: str) -> Any:
    return api.get(f"/communications/quotes/{quote}")["quote"]


def money_agrees(practice: Practice) -> bool:
    accounts = practice.venue.exchange.accounts
    return sum(accounts.cash.values()) + accounts.house + accounts.fees == accounts.deposited


def test_an_executed_quote_makes_fills_positions_fees_and_cash(practice: Practice, ann: Any, bob: Any) -> None:
    rfq = asked(ann)
    quote = quoted(bob, rfq, "0.40", "0.55")
    assert act(ann, rfq, quote, "accept").status == 204
    ann.pass_time(29)
    assert act(bob, rfq, quote, "confirm").status == 204
    assert ann.get("/portfolio/fills")["fills"] == []
    ann.pass_time(15)
    # Accepting the no bid at 0.55 buys YES at 0.45; the taker's fee is 0.07 * 10 * 0.45 * 0.55, up.
    taken, made = ann.get("/portfolio/fills")["fills"][0], bob.get("/portfolio/fills")["fills"][0]
    assert (taken["yes_price_dollars"], taken["count_fp"], taken["is_taker"]) == ("0.4500", "10.00", True)
    assert (taken["fee_cost"], made["fee_cost"], made["is_taker"]) == ("0.173300", "0.000000", False)
    assert (ann.position(), bob.position()) == ("10.00", "-10.00")
    assert (ann.balance(), bob.balance()) == ("3995.3267", "3994.5000")
    shown, other = state(ann, quote), state(bob, quote)
    assert (shown["status"], shown["rfq_creator_order_id"]) == ("executed", taken["order_id"])
    assert other["creator_order_id"] == made["order_id"] and "creator_order_id" not in shown
    assert ann.get(f"/communications/rfqs/{rfq}")["rfq"]["status"] == "closed"
    assert money_agrees(practice)


def test_accepting_the_yes_side_sells(ann: Any, bob: Any) -> None:
    rfq = asked(ann)
    quote = quoted(bob, rfq, "0.40", "0")
    assert act(ann, rfq, quote, "accept", "no").status == 400  # declined
    act(ann, rfq, quote, "accept", "yes")
    act(bob, rfq, quote, "confirm")
    ann.pass_time(15)
    assert (ann.position(), bob.position()) == ("-10.00", "10.00")


def test_a_quote_that_is_not_confirmed_lapses_and_another_can_be_taken(ann: Any, bob: Any, make_api: Any) -> None:
    cid = make_api("cid")
    rfq = asked(ann)
    first, second = quoted(bob, rfq, "0.40", "0.55"), quoted(cid, rfq, "0.40", "0.54")
    act(ann, rfq, first, "accept")
    assert act(ann, rfq, second, "accept").status == 400  # one at a time
    ann.pass_time(30)
    assert (state(ann, first)["status"], state(ann, first)["cancellation_reason"]) == (
        "cancelled", "confirmation_expired",
    )  # fmt: skip
    assert act(bob, rfq, first, "confirm").status == 400
    assert act(ann, rfq, second, "accept").status == 204
    assert act(cid, rfq, second, "confirm").status == 204
    ann.pass_time(15)
    assert (ann.position(), cid.position(), bob.position()) == ("10.00", "-10.00", "0.00")


def test_a_combo_gives_three_seconds_and_executes_after_one(practice: Practice, ann: Any, bob: Any) -> None:
    practice.app.control._list(
        {
            "markets": [],
            "collections": [
                {
                    "collection_ticker": "KXC-R", "series_ticker": "KXT",
                    "associated_events": [{"ticker": "KXT-26NOV02"}, {"ticker": "KXATPMATCH-26NOV02ABC"}],
                }
            ],
        }
    )  # fmt: skip
    legs = [
        {"event_ticker": ticker.rpartition("-")[0], "market_ticker": ticker, "side": "yes"} for ticker in (A, TENNIS)
    ]
    made = ann.ask("POST", "/multivariate_event_collections/KXC-R", {"selected_markets": legs})
    rfq = asked(ann, made.body["market_ticker"])
    late = quoted(bob, rfq, "0.1", "0.85")
    act(ann, rfq, late, "accept")
    ann.pass_time(3)
    assert act(bob, rfq, late, "confirm").status == 400
    quote = quoted(bob, rfq, "0.1", "0.85")
    act(ann, rfq, quote, "accept")
    assert act(bob, rfq, quote, "confirm").status == 204
    ann.pass_time(1)
    assert ann.position(made.body["market_ticker"]) == "10.00"


@pytest.mark.parametrize("without_fees", [False, True])
def test_a_target_cost_buys_as_much_as_it_can(ann: Any, bob: Any, without_fees: bool) -> None:
    rfq = asked(ann, target_cost_dollars="50.00", target_cost_excludes_fees=without_fees)
    quote = quoted(bob, rfq, "0.40", "0.55")
    offered = state(ann, quote)["no_contracts_fp"]
    act(ann, rfq, quote, "accept")
    act(bob, rfq, quote, "confirm")
    ann.pass_time(15)
    fill = ann.get("/portfolio/fills")["fills"][0]
    assert fill["count_fp"] == offered
    principal, fee = parse_count(offered) * parse_price("0.45"), parse_money(fill["fee_cost"])
    paid = principal if without_fees else principal + fee
    assert paid <= parse_money("50") < paid + parse_money("0.005")  # not a hundredth of a contract more


def test_what_stands_at_a_better_price_trades_first(ann: Any, bob: Any, make_api: Any) -> None:
    cid = make_api("cid")
    cid.placed("ask", "0.43", "4")
    rfq = asked(ann)
    quote = quoted(bob, rfq, "0", "0.55", rest_remainder=True)
    act(ann, rfq, quote, "accept")
    act(bob, rfq, quote, "confirm")
    ann.pass_time(15)
    assert (cid.position(), bob.position(), ann.position()) == ("-4.00", "-6.00", "10.00")
    left = bob.get("/portfolio/orders", status="resting")["orders"]
    assert [order["remaining_count_fp"] for order in left] == ["4.00"]  # its creator wanted the rest to stay


def test_a_post_only_quote_that_would_take_is_cancelled(ann: Any, bob: Any) -> None:
    rfq = asked(ann)
    quote = quoted(bob, rfq, "0.40", "0", post_only=True)
    act(ann, rfq, quote, "accept", "yes")
    act(bob, rfq, quote, "confirm")
    ann.placed("ask", "0.39", "1")
    ann.pass_time(15)
    assert (state(bob, quote)["status"], state(bob, quote)["cancellation_reason"]) == ("cancelled", "invalid_order")
    assert bob.position() == "0.00"


def test_money_is_needed_to_accept_and_to_confirm(practice: Practice, ann: Any, bob: Any) -> None:
    rfq = asked(ann, contracts_fp="3000")
    quote = quoted(bob, rfq, "0.40", "0.55")
    assert act(ann, rfq, quote, "accept").body["error"]["code"] == "insufficient_balance"
    now = practice.venue.now()
    practice.venue.exchange.deposit(ann.credentials.user, parse_money("5000"), now)
    assert act(ann, rfq, quote, "accept").status == 204
    assert act(bob, rfq, quote, "confirm").body["error"]["code"] == "insufficient_balance"


def test_money_that_is_gone_at_execution_cancels_the_quote(practice: Practice, ann: Any, bob: Any) -> None:
    rfq = asked(ann, contracts_fp="1000")
    quote = quoted(bob, rfq, "0.40", "0.55")
    act(ann, rfq, quote, "accept")
    act(bob, rfq, quote, "confirm")
    ann.placed("bid", "0.60", "1500", TENNIS)  # another shard: other money
    ann.placed("bid", "0.60", "1500", "KXT-26NOV02-B")
    ann.pass_time(15)
    assert state(ann, quote)["cancellation_reason"] == "insufficient_balance"
    assert (ann.position(), bob.position()) == ("0.00", "0.00")
    assert bob.get("/portfolio/orders", status="resting")["orders"] == []
    assert ann.get(f"/communications/rfqs/{rfq}")["rfq"]["status"] == "open"
    assert money_agrees(practice)


def test_who_may_see_and_do_what(ann: Any, bob: Any, make_api: Any) -> None:
    cid = make_api("cid")
    rfq = asked(ann, obscure_creator_id=True)
    quote = quoted(bob, rfq, "0.40", "0.55")
    pseudonym = ann.get("/communications/id")["communications_id"]
    assert cid.get(f"/communications/rfqs/{rfq}")["rfq"]["creator_id"] == NOBODY
    assert ann.get(f"/communications/rfqs/{rfq}")["rfq"]["creator_id"] == pseudonym
    assert state(bob, quote)["rfq_creator_id"] == NOBODY
    assert cid.get("/communications/quotes")["quotes"] == []
    assert cid.ask("GET", f"/communications/quotes/{quote}").status == 404
    assert act(cid, rfq, quote, "accept").status == act(bob, rfq, quote, "accept").status == 404
    assert act(ann, rfq, quote, "confirm").status == 404
    assert cid.ask("DELETE", f"/communications/rfqs/{rfq}").status == 404
    other = asked(ann, TENNIS)
    assert ann.ask("GET", f"/communications/rfqs/{other}/quotes/{quote}").status == 404
    act(ann, rfq, quote, "accept")
    act(bob, rfq, quote, "confirm")
    assert bob.ask("DELETE", f"/communications/quotes/{quote}").status == 400  # once confirmed it stands
    assert ann.ask("DELETE", f"/communications/rfqs/{rfq}").status == 400
    ann.pass_time(15)
    assert state(bob, quote)["rfq_creator_id"] == pseudonym  # a trade shows who asked


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"contracts_fp": "0"}, 400),
        ({"contracts_fp": "1", "target_cost_dollars": "1"}, 400),
        ({"contracts": 2, "contracts_fp": "1"}, 400),
        ({"contracts_fp": "1", "target_cost_excludes_fees": True}, 400),
        ({"contracts_fp": "1", "market_ticker": "NONE"}, 404),
        ({"contracts_fp": "1", "subaccount": 5}, 400),
        ({"contracts_fp": "1", "rest_remainder": None}, 400),
        ({"contracts_fp": "1", "subtrader_id": "x"}, 400),
        ({"contracts": 2}, 201),
    ],
)
def test_requests_that_are_refused(ann: Any, more: dict[str, Any], status: int) -> None:
    body = {"market_ticker": A, "rest_remainder": False, **more}
    assert ann.ask("POST", "/communications/rfqs", body).status == status


@pytest.mark.parametrize(
    ("yes", "no"), [("0", "0"), ("0.60", "0.41"), ("0.405", "0"), ("0", "0.999"), ("-0.1", "0.5"), ("x", "0.5")]
)
def test_quotes_that_are_refused(ann: Any, bob: Any, yes: str, no: str) -> None:
    rfq = asked(ann)
    body = {"rfq_id": rfq, "yes_bid": yes, "no_bid": no, "rest_remainder": False}
    assert bob.ask("POST", "/communications/quotes", body).status == 400
    assert ann.ask("POST", "/communications/quotes", {**body, "yes_bid": "0.1", "no_bid": "0.1"}).status == 400


def test_one_request_a_market_unless_it_replaces(ann: Any, bob: Any) -> None:
    first = asked(ann)
    quote = quoted(bob, first, "0.40", "0.55")
    newer = quoted(bob, first, "0.41", "0.55")
    assert state(bob, quote)["status"] == "cancelled"
    body = {"market_ticker": A, "contracts": 1, "rest_remainder": False}
    assert ann.ask("POST", "/communications/rfqs", body).status == 409
    asked(ann, replace_existing=True)
    assert ann.get(f"/communications/rfqs/{first}")["rfq"]["cancellation_reason"] == "replaced"
    assert state(bob, newer)["cancellation_reason"] == "rfq_closed"


def test_a_closed_market_closes_its_requests(practice: Practice, ann: Any, bob: Any) -> None:
    rfq = asked(ann)
    quote = quoted(bob, rfq, "0.40", "0.55")
    act(ann, rfq, quote, "accept")
    act(bob, rfq, quote, "confirm")
    practice.venue.exchange.determine(A, "yes", practice.venue.now())
    ann.pass_time(15)
    assert ann.get(f"/communications/rfqs/{rfq}")["rfq"]["cancellation_reason"] == "market_closed"
    assert ann.get("/portfolio/fills")["fills"] == []


def test_messages_go_to_those_whom_they_concern(connect: Any, ann: Any, bob: Any, make_api: Any) -> None:
    cid = make_api("cid")
    clients = {name: connect(api) for name, api in (("ann", ann), ("bob", bob), ("cid", cid))}
    for name, client in clients.items():
        client.send("subscribe", channels=["communications"], user_filter="self" if name == "bob" else "")
    rfq = asked(ann)
    quote = quoted(bob, rfq, "0.40", "0.55")
    act(ann, rfq, quote, "accept")
    act(bob, rfq, quote, "confirm")
    ann.pass_time(15)
    kinds = {name: [m["type"] for m in client.seen[1:]] for name, client in clients.items()}
    story = ["rfq_created", "quote_created", "quote_accepted", "quote_executed", "rfq_deleted"]
    assert kinds == {"ann": story, "bob": story[1:4], "cid": ["rfq_created", "rfq_deleted"]}
    assert [m["seq"] for m in clients["ann"].seen[1:]] == [1, 2, 3, 4, 5]
    for name, api in (("ann", ann), ("bob", bob)):
        told, fill = clients[name].of("quote_executed")[0], api.get("/portfolio/fills")["fills"][0]
        assert told["order_id"] == fill["order_id"]
        assert told["client_order_id"] == api.order(fill["order_id"])["client_order_id"]


def test_shards_of_the_channel_share_the_markets_out(connect: Any, ann: Any, bob: Any) -> None:
    clients = [connect(bob) for _ in range(3)]
    for key, client in enumerate(clients):
        client.send("subscribe", channels=["communications"], shard_factor=3, shard_key=key)
    for ticker in (A, TENNIS):
        asked(ann, ticker)
    heard = [msg["market_ticker"] for client in clients for msg in client.of("rfq_created")]
    assert sorted(heard) == sorted((A, TENNIS))


# Simulated members


def lively(ann: Any, seed: int = 3) -> tuple[Practice, Any]:
    practice = Practice(Setup(Options(seed=seed, unlimited=True), SteppedClock(parse_time("2026-11-02T15:00:00Z"))))
    return practice, type(ann)(practice, practice.make_key("ed25519"))


def test_simulated_makers_quote_and_confirm(ann: Any) -> None:
    practice, api = lively(ann)
    ticker = next(t for t in practice.venue.floor.markets if t.startswith("KXTOPMODEL"))
    rfq = asked(api, ticker)
    api.pass_time(2)
    quotes = api.get("/communications/quotes", rfq_id=rfq)["quotes"]
    assert len(quotes) == len(MAKERS)
    best = max(quotes, key=lambda quote: float(quote["no_bid_dollars"]))
    market = practice.venue.floor.markets[ticker]
    assert market.book.ask is not None and abs(10_000 - parse_price(best["no_bid_dollars"]) - market.book.ask) < 400
    assert act(api, rfq, best["id"], "accept").status == 204
    api.pass_time(20)
    assert api.position(ticker) == "10.00"
    assert money_agrees(practice)


def test_now_and_then_a_maker_does_not_confirm(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quoters, "DECLINES", 0.5)
    practice, api = lively(ann)
    ticker = next(t for t in practice.venue.floor.markets if t.startswith("KXTOPMODEL"))
    ends = []
    for _ in range(12):
        rfq = asked(api, ticker, contracts_fp="0.01")
        api.pass_time(2)
        quote = api.get("/communications/quotes", rfq_id=rfq)["quotes"][0]
        act(api, rfq, quote["id"], "accept")
        api.pass_time(17)
        ends.append(state(api, quote["id"])["status"])
        if ends[-1] != "executed":
            api.ask("DELETE", f"/communications/rfqs/{rfq}")
    assert set(ends) == {"executed", "cancelled"}


def test_a_simulated_member_takes_the_best_quote_of_a_client(ann: Any) -> None:
    practice, api = lively(ann)
    done = 0
    for _ in range(200):
        api.pass_time(1)
        for rfq in api.get("/communications/rfqs", status="open")["rfqs"]:
            if not api.get("/communications/quotes", rfq_id=rfq["id"], user_filter="self", status="open")["quotes"]:
                body = {"rfq_id": rfq["id"], "yes_bid": "0.495", "no_bid": "0.50", "rest_remainder": False}
                api.ask("POST", "/communications/quotes", {**body, "yes_bid": "0.49"})
        for quote in api.get("/communications/quotes", status="accepted")["quotes"]:
            done += act(api, quote["rfq_id"], quote["id"], "confirm").status == 204
    api.pass_time(20)
    assert done and api.get("/portfolio/fills")["fills"]
    accounts = practice.venue.exchange.accounts
    assert any(p.user == ASKER and p.volume for p in accounts.positions.values())
    assert money_agrees(practice)


# Block trades


def proposed(api: Any, buyer: Any, seller: Any, **more: Any) -> Any:
    body = {
        "buyer_user_id": buyer.credentials.user, "seller_user_id": seller.credentials.user, "market_ticker": A,
        "price_centi_cents": 4500, "centicount": 1000, "maker_side": "no", "expiration_ts": "2026-11-02T16:00:00Z",
        **more,
    }  # fmt: skip
    return api.ask("POST", "/communications/block-trade-proposals", body)


def test_a_block_trade_leaves_the_book_alone(practice: Practice, connect: Any, ann: Any, bob: Any) -> None:
    ann.placed("bid", "0.50", "1")
    client = connect(bob)
    client.send("subscribe", channels=["trade", "ticker"])
    path = f"/communications/block-trade-proposals/{proposed(ann, ann, bob).body['block_trade_proposal_id']}/accept"
    assert ann.ask("POST", path, {}).status == 204
    assert ann.position() == "0.00"
    assert bob.ask("POST", path, {}).status == 204
    assert (ann.position(), bob.position()) == ("10.00", "-10.00")
    trade = ann.get("/markets/trades", ticker=A)["trades"][0]
    assert (trade["is_block_trade"], trade["yes_price_dollars"], trade["taker_book_side"]) == (True, "0.4500", "bid")
    assert ann.get("/markets/trades", is_block_trade="false")["trades"] == []
    assert client.of("trade")[0]["is_block_trade"] is True
    assert client.of("ticker")[-1]["price_dollars"] == "0.0000"  # no price of the book
    assert ann.get("/portfolio/fills")["fills"][0]["fee_cost"] == "0.173300"
    assert ann.ask("POST", path, {}).status == 400
    assert money_agrees(practice)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"price_centi_cents": 4501}, 400),
        ({"centicount": 10_000_000}, 400),
        ({"expiration_ts": "2026-11-02T14:00:00Z"}, 400),
        ({"maker_side": "both"}, 400),
        ({"market_ticker": "NONE"}, 404),
        ({"buyer_subaccount": 3}, 400),
    ],
)
def test_block_trades_that_cannot_be(ann: Any, bob: Any, more: dict[str, Any], status: int) -> None:
    reply = proposed(ann, ann, bob, **more)
    if reply.status == 201:
        path = f"/communications/block-trade-proposals/{reply.body['block_trade_proposal_id']}/accept"
        ann.ask("POST", path, {})
        reply = bob.ask("POST", path, {})
    assert reply.status == status
    assert ann.position() == "0.00"


def test_a_block_trade_is_between_its_two_and_for_its_time(ann: Any, bob: Any, make_api: Any) -> None:
    cid = make_api("cid")
    assert proposed(cid, ann, bob).status == 403
    assert proposed(ann, ann, ann).status == 400
    number = proposed(ann, ann, bob).body["block_trade_proposal_id"]
    path = f"/communications/block-trade-proposals/{number}/accept"
    assert cid.ask("POST", path, {}).status == 404
    shown = bob.get("/communications/block-trade-proposals")["block_trade_proposals"][0]
    assert (shown["buyer_user_id"], shown["seller_user_id"]) == ("", bob.credentials.user)
    ann.pass_time(3600)
    assert bob.ask("POST", path, {}).status == 400
    assert bob.get("/communications/block-trade-proposals", status="expired")["block_trade_proposals"]
