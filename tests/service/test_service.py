"""Who may ask what, what is done once, and what every answer looks like."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from engine.cli import clock
from engine.cli.clock import now_ns
from engine.cli.serve.desk import StoreDesk
from engine.market.inputs import Wish
from engine.service.door import LARGEST_BODY, RateLimit
from engine.service.tokens import Scope, TokenError, TokenFile
from engine.settings.load import read_settings
from state import Mode

BRACKET = {"symbol": "AAPL", "qty": 1, "type": "market", "stop_pct": 0.01, "tp_pct": 0.02}
READS = (
    "/diag/providers", "/signals", "/config/effective", "/orders", "/orders/abc", "/positions", "/account/balances",
    "/traces/abc", "/traces?rule=a&symbol=b&at=10:00", "/gates", "/halts", "/requests/abc",
    "/bracket/preview?symbol=AAPL&qty=1&price=10", "/risk/preview?symbol=AAPL&qty=1&price=10",
)  # fmt: skip
ACTS = (
    "/orders/cancel_all", "/orders/cancel_stale?minutes=1", "/orders/abc/cancel", "/positions/flatten",
    "/bracket/place", "/halt", "/resume",
)  # fmt: skip


def code_of(answer: Any) -> str:
    """The code of an error; asserts the one shape that all have."""
    body = answer.json()
    assert set(body) == {"error"} and body["error"]["message"], body
    return str(body["error"]["code"])


# -- who ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ACTS)
def test_whatever_changes_something_wants_a_token_even_on_loopback(service: Any, path: str) -> None:
    answer = service.client.post(f"/api/v1{path}", json=BRACKET if "place" in path else None)
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    read = service.bearer(Scope.READ)
    answer = service.client.post(f"/api/v1{path}", json=BRACKET if "place" in path else None, headers=read)
    assert answer.status_code == 403 and "trade" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", READS)
def test_reads_want_a_token_unless_they_are_local(closed: Any, path: str) -> None:
    assert closed.client.get(f"/api/v1{path}").status_code == 401
    assert closed.client.get(f"/api/v1{path}", headers=closed.bearer(Scope.TRADE)).status_code == 403
    assert closed.client.get(f"/api/v1{path}", headers=closed.bearer(Scope.READ)).status_code not in (401, 403)


def test_health_wants_none_and_metrics_do(closed: Any) -> None:
    assert closed.client.get("/api/v1/diag/health").status_code == 200
    assert closed.client.get("/metrics").status_code == 401
    assert closed.client.get("/metrics", headers=closed.bearer(Scope.READ)).status_code == 200


def test_a_page_of_another_name_cannot_read_from_loopback(service: Any) -> None:
    assert service.client.get("/api/v1/orders").status_code == 200
    other = TestClient(service.app, base_url="http://rebound.example.com")
    assert other.get("/api/v1/orders").status_code == 401


def test_force_is_a_scope_of_its_own_and_is_audited(service: Any) -> None:
    service.engine()
    body = {**BRACKET, "force": True}
    trade = service.bearer(Scope.READ, Scope.TRADE)
    refused = service.client.post("/api/v1/bracket/place", json=body, headers=trade)
    assert refused.status_code == 403 and "force" in refused.json()["error"]["message"]
    both = service.bearer(Scope.TRADE, Scope.FORCE)
    assert service.client.post("/api/v1/bracket/place", json=body, headers=both).status_code == 200
    assert [request.force for request in service.taken] == [True]
    (entry,) = service.client.get("/api/v1/audit", headers=trade).json()["audit"]
    assert entry["action"] == "POST /api/v1/bracket/place" and entry["detail"]["body"]["force"] is True


def test_a_token_that_is_taken_back_counts_no_more(service: Any) -> None:
    token, text = service.tokens.make("me", [Scope.TRADE])
    header = {"Authorization": f"Bearer {text}"}
    assert service.client.post("/api/v1/resume", headers=header).status_code == 200
    TokenFile(service.tokens.path).revoke(token.id)
    assert code_of(service.client.post("/api/v1/resume", headers=header)) == "unknown_token"


def test_tokens_are_hashed_and_their_file_is_the_owners_alone(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "tokens.json")
    _, text = file.make("me", [Scope.READ])
    kept = file.path.read_text()
    assert text not in kept and text.split("_", 2)[2] not in kept
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.check(text) is not None
    assert file.check(text[:-1]) is None and file.check(text + "x") is None and file.check("") is None
    file.path.chmod(0o644)
    with pytest.raises(TokenError, match="chmod 600"):
        TokenFile(file.path).tokens()


# -- how much ----------------------------------------------------------------------------------------------------------


def test_a_caller_that_asks_too_often_is_told_when_to_come_again() -> None:
    now = [0.0]
    limit = RateLimit(2, lambda: now[0])
    assert [limit.wait("a") for _ in range(4)] == [0] * 4
    assert limit.wait("a") == pytest.approx(0.5) and limit.wait("b") == 0
    now[0] = 0.5
    assert limit.wait("a") == 0


def test_too_many_requests_say_so(tmp_path: Path, make_service: Any) -> None:
    made = make_service(tmp_path, per_second=0.5)
    assert made.client.get("/api/v1/halts").status_code == 200
    answer = made.client.get("/api/v1/halts")
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) >= 1
    assert code_of(answer) == "too_many_requests"


def test_a_large_body_is_refused_however_it_comes(service: Any) -> None:
    trade = service.bearer(Scope.TRADE)
    large = json.dumps({"reason": "x" * LARGEST_BODY}).encode()
    kind = {**trade, "Content-Type": "application/json"}
    assert service.client.post("/api/v1/halt", content=large, headers=kind).status_code == 413
    pieces = iter([large[:1000], large[1000:]])
    assert code_of(service.client.post("/api/v1/halt", content=pieces, headers=kind)) == "body_too_large"
    assert service.client.get("/api/v1/halts").json()["halted"] is False


# -- once --------------------------------------------------------------------------------------------------------------


def test_a_key_orders_once_and_answers_alike(service: Any) -> None:
    service.engine()
    headers = {**service.bearer(Scope.TRADE), "Idempotency-Key": "k"}
    first = service.client.post("/api/v1/bracket/place", json=BRACKET, headers=headers)
    again = service.client.post("/api/v1/bracket/place", json={**BRACKET, "qty": 1.0}, headers=headers)
    assert first.status_code == again.status_code == 200 and first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true" and len(service.taken) == 1
    other = service.client.post("/api/v1/bracket/place", json={**BRACKET, "qty": 2}, headers=headers)
    assert other.status_code == 409 and code_of(other) == "key_used" and len(service.taken) == 1
    mine = {**service.bearer(Scope.TRADE), "Idempotency-Key": "k"}
    assert service.client.post("/api/v1/bracket/place", json={**BRACKET, "qty": 2}, headers=mine).status_code == 200


def test_a_key_outlives_the_process(service: Any, tmp_path: Path) -> None:
    """As after a crash between the order and its answer: the call is repeated, and asks for the same thing."""
    service.engine()
    headers = {**service.bearer(Scope.TRADE), "Idempotency-Key": "k"}
    done = service.client.post("/api/v1/bracket/place", json=BRACKET, headers=headers).json()
    caller = service.book.audit()[0]["caller"]
    with sqlite3.connect(service.book.path) as connection:
        connection.execute("UPDATE answers SET status = NULL, body = NULL WHERE caller = ?", (caller,))
    again = service.client.post("/api/v1/bracket/place", json=BRACKET, headers=headers)
    assert again.json() == done and len(service.taken) == 1


def test_a_key_of_something_that_was_not_done_may_be_used_again(service: Any) -> None:
    headers = {**service.bearer(Scope.TRADE), "Idempotency-Key": "k"}
    none = service.client.post("/api/v1/bracket/place", json=BRACKET, headers=headers)
    assert none.status_code == 503 and code_of(none) == "no_engine" and "Retry-After" in none.headers
    service.engine()
    assert service.client.post("/api/v1/bracket/place", json=BRACKET, headers=headers).status_code == 200


def test_a_blocked_order_is_a_conflict_and_stays_one_under_its_key(service: Any) -> None:
    service.engine(verdict="blocked", guard="p.few", reason="enough is held")
    headers = {**service.bearer(Scope.TRADE), "Idempotency-Key": "k"}
    for _ in range(2):
        answer = service.client.post("/api/v1/bracket/place", json=BRACKET, headers=headers)
        assert answer.status_code == 409 and answer.json()["error"]["message"] == "p.few: enough is held"
    assert len(service.taken) == 1
    body = {"symbol": "AAPL", "side": "buy", "qty": 1, "type": "market"}
    dry = service.client.post("/api/v1/trade/dryrun", json=body)
    assert dry.status_code == 200 and dry.json()["verdict"] == "blocked"


def test_a_wish_that_no_engine_takes_in_time_is_taken_back(service: Any) -> None:
    service.seen()
    answer = service.client.post("/api/v1/bracket/place", json=BRACKET, headers=service.bearer(Scope.TRADE))
    assert answer.status_code == 503 and code_of(answer) == "not_taken"
    queue = service.book.requests()
    assert queue.take("late", now_ns()) == [], "a late engine finds nothing"
    queue.close()
    row = service.book.request(answer.json()["error"]["details"]["request"])
    assert row is not None and row.state == "withdrawn"


# -- what --------------------------------------------------------------------------------------------------------------


def test_a_bracket_becomes_one_wish_of_the_engine(service: Any) -> None:
    service.engine()
    body = {**BRACKET, "type": "limit", "price": 235.10}
    trade = service.bearer(Scope.TRADE)
    assert service.client.post("/api/v1/bracket/place", json=body, headers=trade).status_code == 200
    (request,) = service.taken
    assert (request.wish, request.symbol, str(request.limit)) == (Wish.ENTER, "AAPL", "235.1")
    assert (str(request.stop_ratio), str(request.target_ratio)) == ("0.01", "0.02")
    assert not request.dry and not request.force and request.by.startswith("token ")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**BRACKET, "qty": 0}, "qty"),
        ({**BRACKET, "qty": "NaN"}, "qty"),
        ({**BRACKET, "stop_pct": 1.5}, "stop_pct"),
        ({k: v for k, v in BRACKET.items() if k != "stop_pct"}, "stop_pct"),
        ({**BRACKET, "typo": 1}, "typo"),
        ({**BRACKET, "symbol": ""}, "symbol"),
    ],
)
def test_a_wrong_field_is_named(service: Any, body: dict[str, Any], field: str) -> None:
    answer = service.client.post("/api/v1/bracket/place", json=body, headers=service.bearer(Scope.TRADE))
    assert answer.status_code == 422 and answer.json()["error"]["field"] == field


def test_a_limit_wants_a_price_and_a_market_order_none(service: Any) -> None:
    trade = service.bearer(Scope.TRADE)
    for body, words in (({**BRACKET, "type": "limit"}, "needs a price"), ({**BRACKET, "price": 1}, "takes no price")):
        answer = service.client.post("/api/v1/bracket/place", json=body, headers=trade)
        assert answer.status_code == 422 and words in answer.json()["error"]["message"]


def test_a_symbol_that_nobody_follows_is_not_found(service: Any) -> None:
    service.engine()
    body = {**BRACKET, "symbol": "IBM"}
    answer = service.client.post("/api/v1/bracket/place", json=body, headers=service.bearer(Scope.TRADE))
    assert answer.status_code == 404 and "it follows AAPL" in answer.json()["error"]["message"] and not service.taken


def test_previews_are_on_the_grid_and_say_what_may_be_lost(service: Any) -> None:
    path = "/api/v1/bracket/preview?symbol=AAPL&qty=2&stop_pct=0.01&tp_pct=0.02"
    assert code_of(service.client.get(path)) == "no_price"
    given = service.client.get(f"{path}&price=235.10").json()
    assert (given["stop"], given["target"], given["notional"]) == ("232.75", "239.81", "470.2")
    assert (given["loss_at_stop"], given["gain_at_target"], given["price_from"]) == ("4.7", "9.42", "given")
    service.engine()
    known = service.client.get(path).json()
    assert (known["price"], known["price_from"], known["stop"]) == ("100", "market", "99")
    risk = service.client.get("/api/v1/risk/preview?symbol=AAPL&qty=3").json()
    assert risk["allowed"] is True and risk["notional"] == "300" and service.taken[-1].dry


def test_halt_and_resume_reach_the_kill_switch(service: Any) -> None:
    trade = service.bearer(Scope.TRADE)
    assert service.client.post("/api/v1/halt", json={"reason": "tea"}, headers=trade).status_code == 200
    assert service.settings.store.path.with_name("HALT").read_text() == "tea\n"
    assert service.client.get("/api/v1/halts").json()["operator"] == "tea"
    assert service.client.post("/api/v1/resume", headers=trade).json()["halted"] is False
    assert service.client.get("/api/v1/halts").json()["halted"] is False


def test_effective_settings_show_overrides_and_no_secret(service: Any) -> None:
    plain = service.client.get("/api/v1/config/effective").json()
    found = service.client.get("/api/v1/config/effective?symbol=AAPL").json()
    key = "index_scalper.trailing_stop.trail_percent"
    assert plain["parameters"][key]["value"] == 0 and found["parameters"][key]["value"] == 0.01
    assert found["parameters"][key]["said_by"] == "overrides of AAPL"


def test_metrics_have_the_names_that_charts_use(service: Any) -> None:
    service.engine()
    service.client.get("/api/v1/halts")
    text = service.client.get("/metrics").text
    for line in (
        'autotrader_signal_total{outcome="generated",pack="p",setup="VWAP_RECLAIM"} 2.0',
        'autotrader_signal_total{outcome="generated",pack="q",setup="VWAP_RECLAIM"} 5.0',
        'autotrader_signal_total{outcome="options_blocked",pack="p",setup="VWAP_RECLAIM"} 0.0',
        "autotrader_active_trades 1.0",
        'autotrader_kalshi_request_total{outcome="ok"} 3.0', 'autotrader_tradier_request_total{outcome="ok"} 0.0',
        'autotrader_polygon_request_total{outcome="ok"} 0.0', 'autotrader_process_up{process="worker"} 1.0',
        'autotrader_tick_seconds_bucket{le="1.0"} 3.0', "autotrader_tick_seconds_count 3.0",
        'autotrader_api_requests_total{method="GET",route="/api/v1/halts",status="200"} 1.0',
    ):  # fmt: skip
        assert line in text.splitlines(), line


def test_an_engine_that_falls_silent_is_down(service: Any) -> None:
    service.seen(seconds_ago=60)
    health = service.client.get("/api/v1/diag/health").json()
    assert health["status"] == "degraded" and health["worker"]["up"] is False
    assert 'autotrader_process_up{process="worker"} 0.0' in service.client.get("/metrics").text


def test_an_engine_lives_by_this_machines_clock_and_not_by_a_practice_venues(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_now", lambda: time.time_ns() + 9 * 3600 * 10**9)  # as `follow` does it
    service.seen()
    assert service.client.get("/api/v1/diag/health").json()["worker"]["up"] is True
    assert 'autotrader_process_up{process="worker"} 1.0' in service.client.get("/metrics").text


def test_an_engine_that_was_killed_is_down_at_once(service: Any) -> None:
    service.seen()
    service.die()
    assert service.client.get("/api/v1/diag/health").json()["worker"]["up"] is False
    assert 'autotrader_process_up{process="worker"} 0.0' in service.client.get("/metrics").text


def test_the_streamer_is_seen_whatever_the_workers_mode(service: Any) -> None:
    service.book.publish("streamer", {"running": True, "requests": []}, clock.machine_ns())
    service.seen()
    told = StoreDesk(read_settings(service.settings.store.path.parents[1] / "autotrader.toml"), Mode.DEMO).figures()
    assert set(told) == {"streamer"} and told["streamer"][0] < 60, "and the paper worker is not a demo one"


@pytest.mark.parametrize(("path", "status"), [("/nope", 404), ("/api/v1/orders/x/y/z", 404), ("/api/v1/halt", 405)])
def test_every_error_has_one_shape(service: Any, path: str, status: int) -> None:
    answer = service.client.get(path)
    assert answer.status_code == status and code_of(answer)


def test_a_body_that_is_no_json_is_told_so(service: Any) -> None:
    trade = service.bearer(Scope.TRADE)
    form = service.client.post("/api/v1/bracket/place", data={"symbol": "AAPL"}, headers=trade)
    assert form.status_code == 415 and "application/json" in form.json()["error"]["message"]
    kind = {**trade, "Content-Type": "application/json"}
    broken = service.client.post("/api/v1/bracket/place", content=b'{"symbol": ', headers=kind)
    assert broken.status_code == 422 and code_of(broken) == "unreadable"
    assert broken.json()["error"]["message"] == "the body is no JSON from its sign 11 on"
    for odd in (b"\xff{", b"[" * 60_000):
        answer = service.client.post("/api/v1/bracket/place", content=odd, headers=kind)
        assert answer.status_code == 400 and code_of(answer) == "unreadable"


def test_every_route_refuses_what_it_has_not_declared(service: Any) -> None:
    headers = service.bearer(*Scope)
    paths = service.client.get("/openapi.json").json()["paths"]
    asked = [(method, path) for path, methods in paths.items() for method in methods] + [("get", "/metrics")]
    assert len(asked) > 20
    for method, path in asked:
        route = path.replace("{order_id}", "abc").replace("{request_id}", "abc")
        answer = service.client.request(method, route, params={"symbl": "AAPL", "nope": "1"}, headers=headers)
        assert answer.status_code == 422 and code_of(answer) == "invalid", (method, path, answer.text)
        message = answer.json()["error"]["message"]
        assert message.startswith("nope, symbl: ") and answer.json()["error"]["field"] == "nope", message
        if "requestBody" not in paths.get(path, {}).get(method, {}):
            given = service.client.request(method, route, json={"symbol": "AAPL"}, headers=headers)
            assert given.status_code == 422 and given.json()["error"]["field"] == "body", (method, path, given.text)


def test_a_misspelt_flatten_closes_nothing_else(service: Any) -> None:
    service.engine()
    trade = service.bearer(Scope.TRADE)
    for wrong in ("symbl=AAPL", "symbol=AAPL&symbol=SPY"):
        assert service.client.post(f"/api/v1/positions/flatten?{wrong}", headers=trade).status_code == 422
    body = service.client.post("/api/v1/positions/flatten", json={"symbol": "AAPL"}, headers=trade)
    assert body.status_code == 422 and "takes none" in body.json()["error"]["message"] and not service.taken
    assert service.client.post("/api/v1/positions/flatten?symbl=AAPL").status_code == 401, "tokens come first"


def test_a_key_that_a_body_names_twice_is_refused(service: Any) -> None:
    service.engine()
    kind = {**service.bearer(Scope.TRADE), "Content-Type": "application/json"}
    twice = b'{"symbol": "AAPL", "qty": 1, "qty": 1000, "stop_pct": 0.01}'
    answer = service.client.post("/api/v1/bracket/place", content=twice, headers=kind)
    assert answer.status_code == 422 and answer.json()["error"]["field"] == "qty" and not service.taken


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json", ""])
@pytest.mark.parametrize("content", [b"", b'{"reason": "news"}'])
def test_no_header_keeps_a_halt_from_being_one(service: Any, kind: str, content: bytes) -> None:
    trade = {**service.bearer(Scope.TRADE), **({"Content-Type": kind} if kind else {})}
    answer = service.client.post("/api/v1/halt", content=content, headers=trade)
    assert answer.status_code == 200 and answer.json()["halted"] is True
    assert ("news" in answer.json()["reason"]) == bool(content)
    wrong = service.client.post("/api/v1/halt", content=b'{"reson": "x"}', headers=trade)
    assert wrong.status_code == 422 and wrong.json()["error"]["field"] == "reson"
