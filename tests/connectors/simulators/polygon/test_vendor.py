"""The practice vendor: answers as the specification has them, paging, refusals, seconds that make their minute."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosedError, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from connectors.simulators.clock import PracticeClock
from connectors.simulators.faults import Faults, FaultSpecError
from connectors.simulators.polygon.aggregates import joined
from connectors.simulators.polygon.chain import black_scholes
from connectors.simulators.polygon.faults import KINDS, SCOPES
from connectors.simulators.polygon.messages import minute_message, second_messages
from connectors.simulators.polygon.server import PolygonServer
from connectors.simulators.polygon.tape import TapeError, made_up, recorded, seconds_of
from connectors.simulators.polygon.units import MILLION, MINUTE, NANOS, Row, at
from connectors.simulators.polygon.vendor import Options, Vendor

KEY = "practice-key"
DAY = date(2025, 9, 17)
OPEN = at(DAY, 9, 30)
SYMBOLS = ("SPY", "I:SPX", "I:NDX")


@pytest.fixture
def server() -> Iterator[PolygonServer]:
    options = Options(refused=frozenset({"I:NDX"}))
    with PolygonServer(Vendor(made_up(SYMBOLS, DAY, 7), PracticeClock(OPEN + 90 * MINUTE, 0), KEY, options)) as running:
        yield running


def ask(server: PolygonServer, path: str, key: str = KEY, **params: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.get(server.url + path, params=params, headers=headers, trust_env=False)


# -- the specification


def spec_of(shared_data: Path, name: str) -> dict[str, Any]:
    file = shared_data / "polygon" / name
    if not file.is_file():
        pytest.skip("the vendor's specification is not here")
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def conforms(body: Any, schema: dict[str, Any], spec: dict[str, Any]) -> None:
    jsonschema.Draft7Validator({**schema, "components": spec.get("components", {})}).validate(body)


@pytest.mark.parametrize(
    ("path", "asked", "params"),
    [
        ("/v3/snapshot/options/{underlyingAsset}", "/v3/snapshot/options/SPY", {"limit": 250}),
        ("/v3/snapshot/options/{underlyingAsset}", "/v3/snapshot/options/I:SPX", {}),
        ("/v3/reference/options/contracts", "/v3/reference/options/contracts", {"underlying_ticker": "SPX"}),
        ("/v3/reference/tickers", "/v3/reference/tickers", {}),
        ("/v1/marketstatus/now", "/v1/marketstatus/now", {}),
        ("/v1/marketstatus/upcoming", "/v1/marketstatus/upcoming", {}),
        ("/v3/snapshot/indices", "/v3/snapshot/indices", {"ticker.any_of": "I:SPX,I:NDX,I:NONE"}),
        ("/v2/last/trade/{stocksTicker}", "/v2/last/trade/SPY", {}),
        (
            "/v2/aggs/ticker/{stocksTicker}/range/{multiplier}/{timespan}/{from}/{to}",
            "/v2/aggs/ticker/SPY/range/1/minute/2025-09-17/2025-09-17",
            {"limit": 20},
        ),
        (
            "/v2/aggs/ticker/{indicesTicker}/range/{multiplier}/{timespan}/{from}/{to}",
            "/v2/aggs/ticker/I:SPX/range/5/minute/2025-09-17/2025-09-17",
            {},
        ),
    ],
)
def test_answers_are_as_the_specification_has_them(
    server: PolygonServer, shared_data: Path, path: str, asked: str, params: dict[str, Any]
) -> None:
    spec = spec_of(shared_data, "massive_rest_subset.json")
    schema = spec["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    answer = ask(server, asked, **params)
    assert answer.status_code == 200
    body = answer.json()
    assert body if isinstance(body, dict) else body == []
    conforms(body, schema, spec)


@pytest.mark.parametrize(
    ("path", "ticker", "channel"),
    [("/stocks/A", "SPY", "A"), ("/stocks/T", "SPY", "T"), ("/stocks/Q", "SPY", "Q"), ("/indices/A", "I:SPX", "A"),
     ("/indices/V", "I:SPX", "V"), ("/stocks/AM", "SPY", "AM"), ("/indices/AM", "I:SPX", "AM")],
)  # fmt: skip
def test_messages_have_the_fields_of_the_specification(
    shared_data: Path, path: str, ticker: str, channel: str
) -> None:
    spec = spec_of(shared_data, "massive_websocket.json")
    schema = spec["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    tape = made_up([ticker], DAY, 7)
    row = tape.minutes(ticker, OPEN, OPEN + MINUTE)[0]
    (message,) = (
        [minute_message(ticker, row, tape)]
        if channel == "AM"
        else second_messages(ticker, seconds_of(row)[0], channel, tape)
    )
    promised = set(_properties(schema))
    assert set(message) <= promised | {"dv", "dav", "ds"}
    conforms(message, schema, spec)


def _properties(schema: dict[str, Any]) -> Iterator[str]:
    yield from schema.get("properties", {})
    for part in schema.get("allOf", []):
        yield from _properties(part)


# -- prices


prices = st.integers(min_value=1, max_value=10_000)


@given(prices, prices, prices, prices, st.none() | st.integers(min_value=0, max_value=10**7))
def test_seconds_make_their_minute_exactly(a: int, b: int, c: int, d: int, volume: int | None) -> None:
    cents = [price * MILLION // 100 for price in (a, b, c, d)]
    row = Row(OPEN, cents[0], max(cents), min(cents), cents[3], None if volume is None else volume * MILLION // 7)
    seconds = seconds_of(row)
    assert joined(OPEN, seconds)[:6] == row[:6]
    assert all(s.low <= min(s.open, s.close) and s.high >= max(s.open, s.close) for s in seconds)
    assert all(s.volume is None or s.volume >= 0 for s in seconds)


def test_options_obey_put_call_parity() -> None:
    for strike in (500.0, 560.0, 600.0):
        call, put = (black_scholes(kind, 560.0, strike, 0.05, 0.2)[0] for kind in ("call", "put"))
        assert call - put == pytest.approx(560.0 - strike, abs=0.011)


def test_the_same_seed_gives_the_same_market() -> None:
    one, same, other = (made_up(SYMBOLS, DAY, seed).minutes("SPY", OPEN, OPEN + MINUTE) for seed in (7, 7, 8))
    assert one == same != other


def test_recorded_minutes_are_served(shared_data: Path) -> None:
    folder = shared_data / "equities"
    if not folder.is_dir():
        pytest.skip("the recorded equities are not here")
    tape = recorded(folder, ["SPY", "I:SPX"])
    assert tape.tickers == ["I:SPX", "SPY"]
    assert len(tape.minutes("I:SPX", at(date(2023, 7, 3), 0), at(date(2023, 7, 4), 0))) == 210
    for row in tape.minutes("SPY", at(date(2023, 8, 3), 9, 30), at(date(2023, 8, 3), 16)):
        assert joined(row.start, seconds_of(row))[:6] == row[:6]


def test_a_folder_without_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="minute_aggs_v1"):
        recorded(tmp_path)


# -- REST


def test_what_is_refused_says_so_as_the_vendor_does(server: PolygonServer) -> None:
    assert ask(server, "/v1/marketstatus/now", key="").json()["error"] == "API Key was not provided"
    unknown = ask(server, "/v1/marketstatus/now", key="wrong")
    assert (unknown.status_code, unknown.json()["error"]) == (401, "Unknown API Key")
    refused = ask(server, "/v2/aggs/ticker/I:NDX/range/1/minute/2025-09-17/2025-09-17")
    assert (refused.status_code, refused.json()["status"]) == (403, "NOT_AUTHORIZED")
    assert "not entitled" in refused.json()["message"]
    for path in ("/v2/aggs/ticker/SPY/range/1/minute/yesterday/2025-09-17", "/v2/aggs/ticker/SPY/range/0/minute/1/2"):
        assert ask(server, path).status_code == 400
    assert ask(server, "/v3/snapshot/options/SPY", limit=251).status_code == 400
    assert ask(server, "/v9/nothing").status_code == 404
    assert "results" not in ask(server, "/v2/aggs/ticker/NONE/range/1/minute/2025-09-17/2025-09-17").json()


def test_pages_cover_everything_once_and_carry_no_key(server: PolygonServer) -> None:
    address, found = "/v2/aggs/ticker/SPY/range/1/minute/2025-09-17/2025-09-17", []
    body = ask(server, address, limit=40, apiKey=KEY).json()
    while True:
        found += [row["t"] for row in body["results"]]
        if "next_url" not in body:
            break
        assert KEY not in body["next_url"]
        body = httpx.get(body["next_url"], headers={"Authorization": f"Bearer {KEY}"}, trust_env=False).json()
    assert found == [(OPEN + n * MINUTE) // 1_000_000 for n in range(90)]


def test_the_minute_under_way_is_told_as_far_as_it_goes(server: PolygonServer) -> None:
    server.step(30)
    path = "/v2/aggs/ticker/SPY/range/1/minute/2025-09-17/2025-09-17"
    last = ask(server, path).json()["results"][-1]
    server.step(30)
    whole = ask(server, path).json()["results"][-1]
    assert last["t"] == whole["t"] and last["v"] < whole["v"]


def test_too_many_requests_a_minute_are_refused() -> None:
    steady = [0.0]
    tape, clock = made_up(["SPY"], DAY, 7), PracticeClock(OPEN, 0)
    vendor = Vendor(tape, clock, KEY, Options(per_minute=2), steady=lambda: steady[0])
    with PolygonServer(vendor) as server:
        assert [ask(server, "/v1/marketstatus/now").status_code for _ in range(3)] == [200, 200, 429]
        steady[0] = 61.0
        assert ask(server, "/v1/marketstatus/now").status_code == 200


# -- websockets


@contextmanager
def enter(server: PolygonServer, *channels: str, cluster: str = "stocks") -> Iterator[ClientConnection]:
    with connect(f"ws://127.0.0.1:{server.port}/{cluster}", proxy=None) as socket:
        assert said(socket)[0]["status"] == "connected"
        socket.send(json.dumps({"action": "auth", "params": KEY}))
        assert said(socket)[0]["status"] == "auth_success"
        if channels:
            socket.send(json.dumps({"action": "subscribe", "params": ",".join(channels)}))
        yield socket


def said(socket: ClientConnection) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(socket.recv(timeout=10))
    return found


def test_channels_are_confirmed_refused_or_passed_over(server: PolygonServer) -> None:
    server.do(lambda app: setattr(app.vendor.options, "refused", frozenset({"Q"})))
    with enter(server, "AM.SPY", "Q.SPY", "XX.SPY", "A.SPY") as socket:
        answers = [(m["status"], m["message"]) for m in said(socket)]
        assert answers == [
            ("success", "subscribed to: AM.SPY"), ("error", "not authorized"), ("success", "subscribed to: A.SPY")
        ]  # fmt: skip
        socket.send(json.dumps({"action": "subscribe", "params": "AM.SPY"}))  # again: no answer
        socket.send(json.dumps({"action": "unsubscribe", "params": "A.SPY"}))
        assert said(socket)[0]["message"] == "unsubscribed to: A.SPY"


def test_seconds_come_at_once_and_minutes_a_little_later(server: PolygonServer) -> None:
    with enter(server, "A.SPY", "AM.SPY") as socket:
        said(socket)
        server.step(60)
        seconds = [message for _ in range(60) for message in said(socket)]
        assert {message["ev"] for message in seconds} == {"A"}
        server.step(1)
        kinds = [message["ev"] for _ in range(2) for message in said(socket)]
        assert sorted(kinds) == ["A", "AM"]


def test_without_the_key_nothing_is_told(server: PolygonServer) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/stocks", proxy=None) as socket:
        said(socket)
        socket.send(json.dumps({"action": "subscribe", "params": "A.SPY"}))
        assert said(socket)[0]["status"] == "auth_required"
        socket.send(json.dumps({"action": "auth", "params": "wrong"}))
        assert said(socket)[0]["status"] == "auth_failed"
        with pytest.raises(ConnectionClosedError):
            said(socket)


def test_beyond_the_limit_of_connections_the_oldest_is_cut_off(server: PolygonServer) -> None:
    with enter(server) as old, enter(server):
        assert said(old)[0]["status"] == "max_connections"
        with pytest.raises(ConnectionClosedError) as caught:
            said(old)
        assert caught.value.rcvd is not None and caught.value.rcvd.code == 1008


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("ws-lose", [0, 2, 3]), ("ws-duplicate", [0, 1, 1, 2, 3]), ("ws-reorder", [0, 2, 1, 3])],
)
def test_faults_strike_messages(server: PolygonServer, kind: str, expected: list[int]) -> None:
    with enter(server, "A.SPY") as socket:
        said(socket)
        server.do(lambda app: app.vendor.faults.set(f"{kind}@a:#2"))
        first = server.app.vendor.now()
        server.step(4)
        heard: list[int] = []
        while len(heard) < len(expected):
            heard += [(message["s"] * 1_000_000 - first) // NANOS for message in said(socket)]
        assert heard == expected


def test_faults_of_requests_break_a_handshake(server: PolygonServer) -> None:
    server.do(lambda app: app.vendor.faults.set("drop-before@websocket:#1"))
    with pytest.raises((InvalidHandshake, OSError, EOFError)):
        connect(f"{server.url.replace('http', 'ws')}/stocks", proxy=None, open_timeout=5)
    with enter(server, "A.SPY") as socket:
        assert said(socket)


# -- control


def test_the_control_side_needs_its_token_and_moves_time(server: PolygonServer) -> None:
    post = {"url": f"{server.url}/practice/clock", "json": {"advance_ms": 60_000}, "trust_env": False}
    assert httpx.post(**post).status_code == 401
    before = httpx.get(f"{server.url}/practice/clock", trust_env=False).json()["now_ns"]
    assert httpx.post(**post, headers=server.control_headers).json()["now_ns"] == before + MINUTE
    faults = {"url": f"{server.url}/practice/faults", "trust_env": False, "headers": server.control_headers}
    assert "no kind cancel-all-reach here" in httpx.post(**faults, json={"spec": "cancel-all-reach"}).json()["error"]
    assert httpx.post(**faults, json={"spec": "5xx@aggs"}).json() == {"rules": 1}
    assert ask(server, "/v2/aggs/ticker/SPY/range/1/minute/2025-09-17/2025-09-17").status_code == 503


def test_faults_that_mean_nothing_here_are_refused() -> None:
    with pytest.raises(FaultSpecError):
        Faults(7, KINDS, SCOPES, "timeout@aggs")
    assert len(Faults(7, KINDS, SCOPES, "429@aggs:0.1,ws-close@a:%500").rules) == 2
