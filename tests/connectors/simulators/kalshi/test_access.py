"""Signatures, times, scopes, rate limits, parameters, pages: what stands before every endpoint."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from connectors.simulators.files import write_private
from connectors.simulators.kalshi.clock import SteppedClock
from connectors.simulators.kalshi.core.units import MILLIS, NANOS, parse_time
from connectors.simulators.kalshi.keys import KeyFileError, make_private, private_pem, read_keys
from connectors.simulators.kalshi.server import Practice, Setup
from connectors.simulators.kalshi.venue import Options
from connectors.simulators.request import Reply

A = "KXT-26NOV02-A"
BALANCE = "/portfolio/balance"
WRONG = {"code": "authentication_error", "message": "authentication_error", "details": "INCORRECT_API_KEY_SIGNATURE"}
EXPIRED = {"error": {"code": "header_timestamp_expired", "message": "header timestamp expired"}}


@pytest.fixture
def signed(ann: Any, practice: Practice) -> Callable[..., dict[str, str]]:
    """Headers of a read of the balance, as they would be this many seconds off."""

    def make(off: float = 0, path: str = f"/trade-api/v2{BALANCE}") -> dict[str, str]:
        stamp = str((practice.venue.now() + int(off * NANOS)) // MILLIS)
        signature = ann.credentials.private.sign(f"{stamp}GET{path}".encode())
        return {
            "kalshi-access-key": ann.credentials.key_id,
            "kalshi-access-timestamp": stamp,
            "kalshi-access-signature": base64.b64encode(signature).decode(),
        }

    return make


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_both_kinds_of_keys_sign(practice: Practice, ann: Any, kind: str) -> None:
    other = type(ann)(practice, practice.make_key(kind))
    assert other.get(BALANCE)["balance"] == 400_000


@pytest.mark.parametrize(("off", "status"), [(-5, 200), (5, 200), (30, 200), (-30, 401), (-300, 401), (300, 401)])
def test_times_pass_as_recorded(ann: Any, signed: Any, off: int, status: int) -> None:
    reply = ann.ask("GET", BALANCE, headers=signed(off))
    assert reply.status == status
    assert status == 200 or reply.body == EXPIRED


def test_recorded_refusals(ann: Any, signed: Any) -> None:
    elsewhere = ann.ask("GET", BALANCE, headers=signed(path="/trade-api/v2/portfolio/orders"))
    assert elsewhere == Reply(401, {"error": WRONG})
    unknown = {**signed(), "kalshi-access-key": "00000000-0000-0000-0000-000000000000"}
    assert ann.ask("GET", BALANCE, headers=unknown) == Reply(401, {"error": {**WRONG, "details": "NOT_FOUND"}})
    missing = signed()
    del missing["kalshi-access-signature"]
    said = {"code": "signature_is_missing_from_headers", "message": "signature is missing from headers"}
    assert ann.ask("GET", BALANCE, headers=missing) == Reply(401, {"error": said})
    garbage = {**signed(), "kalshi-access-signature": "not base64!"}
    assert ann.ask("GET", BALANCE, headers=garbage) == Reply(401, {"error": WRONG})
    unreadable = {**signed(), "kalshi-access-timestamp": "yesterday"}
    assert ann.ask("GET", BALANCE, headers=unreadable) == Reply(401, EXPIRED)


def test_public_endpoints_need_no_signature(ann: Any) -> None:
    assert ann.ask("GET", "/markets", headers={}, limit=2).status == 200
    assert ann.ask("GET", f"/markets/{A}/orderbook", headers={}).status == 200


@pytest.mark.parametrize(
    ("scopes", "reads", "balance", "trades", "transfers"),
    [
        (("read",), 200, 200, 403, 403),
        (("read", "write::trade"), 200, 200, 201, 403),
        (("read::portfolio_balance",), 403, 200, 403, 403),
        (("write::transfer",), 403, 403, 403, 400),
    ],
)
def test_scopes_open_what_they_name(
    make_api: Callable[..., Any], scopes: tuple[str, ...], reads: int, balance: int, trades: int, transfers: int
) -> None:
    api = make_api("ann", scopes=scopes)
    assert api.ask("GET", "/portfolio/orders").status == reads
    assert api.ask("GET", BALANCE).status == balance
    assert api.place("bid", "0.10", "1").status == trades
    assert api.ask("POST", "/portfolio/subaccounts/transfer", {}).status == transfers  # 400: it got as far as the body


def test_a_key_can_be_locked_to_a_subaccount(practice: Practice, ann: Any, make_api: Callable[..., Any]) -> None:
    ann.ask("POST", "/portfolio/subaccounts", {})
    locked = make_api("ann", subaccount=1)
    assert locked.place("bid", "0.10", "1", subaccount=0).status == 403
    assert locked.get(BALANCE)["balance"] == 0
    assert locked.ask("GET", "/portfolio/orders", subaccount=0).status == 403
    ann.placed("bid", "0.10", "1")
    assert locked.get("/portfolio/orders")["orders"] == []


# Rate limits


@pytest.fixture
def limited(ann: Any) -> Any:
    """A client of the Basic tier: 100 write tokens, 200 read tokens a second, one balance a second."""
    start = parse_time("2026-11-02T15:00:00Z")
    markets = {"markets": [{"ticker": A, "event_ticker": "KXT-26NOV02", "status": "active"}]}
    setup = Setup(Options(tier="basic"), SteppedClock(start), markets, trader_rate=0)
    practice = Practice(setup)
    return type(ann)(practice, practice.make_key("ed25519"))


def test_the_balance_has_a_bucket_of_its_own(limited: Any) -> None:
    assert [limited.ask("GET", BALANCE).status for _ in range(2)] == [200, 429]
    assert limited.ask("GET", BALANCE) == Reply(429, {"error": "too many requests"})
    assert limited.ask("GET", "/portfolio/orders").status == 200
    limited.pass_time(1)
    assert limited.ask("GET", BALANCE).status == 200


def test_orders_cost_ten_and_cancels_two(limited: Any) -> None:
    placed = [limited.place("bid", "0.01", "1") for _ in range(10)]
    assert {reply.status for reply in placed} == {201}
    assert limited.place("bid", "0.01", "1").status == 429
    assert limited.ask("DELETE", f"/portfolio/events/orders/{placed[0].body['order_id']}").status == 429
    limited.pass_time(0.05)  # five tokens
    ids = [reply.body["order_id"] for reply in placed]
    statuses = [limited.ask("DELETE", f"/portfolio/events/orders/{i}", market_ticker=A).status for i in ids[:3]]
    assert statuses == [200, 200, 429]


def test_a_batch_is_all_or_nothing(limited: Any) -> None:
    order = {
        "ticker": A, "side": "bid", "price": "0.01", "count": "1", "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "maker",
    }  # fmt: skip
    assert limited.place("bid", "0.01", "1").status == 201
    batch = "/portfolio/events/orders/batched"
    assert limited.ask("POST", batch, {"orders": [order] * 10}).status == 429
    assert len(limited.get("/portfolio/orders")["orders"]) == 1
    assert limited.ask("POST", batch, {"orders": [order] * 9}).status == 201
    limited.pass_time(10)
    assert limited.ask("POST", batch, {"orders": [order] * 11}).status == 400  # more than the bucket ever holds


def test_routed_orders_bill_every_shard_and_named_ones_their_own(limited: Any) -> None:
    limited.practice.app.control._list({"series": [{"ticker": "KXS", "exchange_index": 3}], "markets": [
        {"ticker": "KXS-1-A", "event_ticker": "KXS-1", "status": "active"},
    ]})  # fmt: skip
    for _ in range(10):
        assert limited.place("bid", "0.01", "1", ticker="KXS-1-A", exchange_index=3).status == 201
    assert limited.place("bid", "0.01", "1", ticker="KXS-1-A", exchange_index=3).status == 429
    assert limited.place("bid", "0.01", "1").status == 429  # routed: shard 3 has nothing left
    assert limited.place("bid", "0.01", "1", exchange_index=0).status == 201


def test_reads_refill_while_time_passes(limited: Any) -> None:
    assert [limited.ask("GET", "/portfolio/fills").status for _ in range(61)].count(200) == 60  # three seconds' worth
    limited.pass_time(0.1)
    assert [limited.ask("GET", "/portfolio/fills").status for _ in range(3)] == [200, 200, 429]
    shown = limited.ask("GET", "/account/limits")
    assert shown.status == 429
    limited.pass_time(1)
    assert limited.get("/account/limits")["read"] == {"refill_rate": 200, "bucket_capacity": 600}


# Parameters and pages


def test_a_limit_over_the_most_is_refused_and_not_cut(ann: Any) -> None:
    said = (
        "Parameter validation failed for GetMarkets: Key: 'GetMarketsParams.Limit' Error:Field validation for 'Limit' "
        "failed on the 'lte' tag"
    )
    assert ann.ask("GET", "/markets", limit=1001) == Reply(400, {"msg": said})


def test_a_garbage_cursor_starts_at_the_beginning(ann: Any) -> None:
    assert ann.get("/markets", cursor="garbage-cursor") == ann.get("/markets")


def test_pages_walk_through_everything_once_while_more_arrives(ann: Any) -> None:
    ids = []
    for number in range(7):
        ids.append(ann.placed("bid", f"0.{10 + number}", "1")["order_id"])
        ann.pass_time(1)
    seen, cursor = [], None
    while cursor != "":
        body = ann.get("/portfolio/orders", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [order["order_id"] for order in body["orders"]]
        cursor = body["cursor"]
        ann.placed("bid", "0.05", "1")
        ann.pass_time(1)
    assert seen == ids[::-1]


def test_market_filters_exclude_one_another_as_documented(ann: Any) -> None:
    assert ann.ask("GET", "/markets", status="open", min_close_ts=1).status == 400
    assert ann.ask("GET", "/markets", min_close_ts=1, min_created_ts=1).status == 400
    assert ann.ask("GET", "/markets", status="sideways").status == 400
    assert len(ann.get("/markets", series_ticker="KXT")["markets"]) == 2
    assert len(ann.get("/markets", min_close_ts=1_793_800_000)["markets"]) == 1
    assert ann.get("/markets", mve_filter="only")["markets"] == []


def test_unknown_paths_are_not_found(ann: Any) -> None:
    assert ann.ask("GET", "/nowhere").status == 404
    assert ann.ask("POST", "/portfolio/events/orders").body["error"]["code"] == "invalid_content_type"


# Keys in files


def test_keys_are_read_from_a_file(tmp_path: Path, ann: Any) -> None:
    private = make_private("rsa")
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "mine.pem").write_bytes(public)
    file = tmp_path / "keys.json"
    entry = {"api_key_id": "k", "user_id": "u", "public_key_path": "mine.pem", "scopes": ["read"]}
    file.write_text(json.dumps([entry]), encoding="utf-8")
    key = read_keys(file)[0]
    assert (key.key_id, key.user, key.scopes) == ("k", "u", ("read",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("{}", "must be a list"),
        ("[1]", "key 1: must be an object"),
        ('[{"api_key_id": "k"}]', "key 1: has no public_key_path"),
        ('[{"api_key_id": "k", "user_id": "u", "public_key": "x"}]', "key 1: "),
        ('[{"api_key_id": "k", "user_id": "u", "public_key_path": "none.pem"}]', "none.pem"),
    ],
)
def test_a_broken_file_of_keys_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(KeyFileError, match=said) as caught:
        read_keys(file)
    assert str(file) in str(caught.value)


def test_private_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key.pem"
    write_private(path, private_pem(make_private("rsa")))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert private_pem(make_private("ed25519")).startswith("-----BEGIN PRIVATE KEY-----")


def test_a_key_made_through_the_api_works_and_can_be_deleted(ann: Any, practice: Practice) -> None:
    made = ann.ask("POST", "/api_keys/generate", {"name": "new", "key_type": "ed25519", "scopes": ["read"]}).body
    private = serialization.load_pem_private_key(made["private_key"].encode(), None)
    credentials = type(ann.credentials)(made["api_key_id"], made["private_key"], private, ann.credentials.user)
    other = type(ann)(practice, credentials)
    assert other.get(BALANCE)["balance"] == 400_000
    assert other.place("bid", "0.10", "1").status == 403
    assert ann.ask("DELETE", f"/api_keys/{made['api_key_id']}") == Reply(204, None)
    assert other.ask("GET", BALANCE).status == 401
