"""The practice exchange on loopback: HTTP, websockets, pings, faults, the control side, the command that runs it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from cryptography.hazmat.primitives import serialization

from connectors.simulators.kalshi.clock import SteppedClock
from connectors.simulators.kalshi.core.units import parse_time, show_time
from connectors.simulators.kalshi.server import Credentials, Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from tests.nursery import python

PROJECT = Path(__file__).parents[4]
START = parse_time("2026-11-02T15:00:00Z")
A = "KXT-26NOV02-A"
MARKETS = {"markets": [{"ticker": A, "event_ticker": "KXT-26NOV02", "status": "active"}]}
ORDER = {
    "ticker": A, "side": "bid", "price": "0.40", "count": "1", "time_in_force": "good_till_canceled",
    "self_trade_prevention_type": "maker",
}  # fmt: skip
SECONDS = 20  # a test that waits this long has failed


class Client:
    """A signing client of one server."""

    def __init__(self, server: PracticeServer, sign: Callable[..., dict[str, str]]) -> None:
        self.server = server
        self.credentials = server.do(lambda practice: practice.make_key("ed25519"))
        self.sign = sign

    def headers(self, method: str, path: str) -> dict[str, str]:
        return self.sign(self.credentials, method, path, self.server.practice.venue.signing_now())

    def ask(self, method: str, path: str, body: Any = None, timeout: float = SECONDS) -> httpx.Response:
        headers = self.headers(method, f"/trade-api/v2{path}")
        return httpx.request(method, self.server.rest_url + path, json=body, headers=headers, timeout=timeout)

    def control(self, path: str, body: Any = None) -> Any:
        url, headers = f"{self.server.control_url}/{path}", self.server.control_headers
        reply = httpx.get(url, headers=headers) if body is None else httpx.post(url, json=body, headers=headers)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def faults(self, spec: str) -> None:
        self.control("faults", {"spec": spec})

    def resting(self) -> int:
        """How many of this client's orders the exchange has on its books."""
        orders = self.control("books")["orders"]
        return sum(o["status"] == "resting" and o["user_id"] == self.credentials.user for o in orders)

    def stream(self, story: Callable[[Any], Awaitable[None]]) -> None:
        """Run ``story`` with a connection."""

        async def connected() -> None:
            headers = self.headers("GET", "/trade-api/ws/v2")
            async with websockets.connect(self.server.ws_url, additional_headers=headers) as socket:
                await asyncio.wait_for(story(socket), SECONDS)

        asyncio.run(connected())


@pytest.fixture(scope="module")
def server() -> Iterator[PracticeServer]:
    setup = Setup(Options(unlimited=True), SteppedClock(START), MARKETS, trader_rate=0)
    with PracticeServer(Practice(setup)) as running:
        yield running


@pytest.fixture
def client(server: PracticeServer, sign: Callable[..., dict[str, str]]) -> Iterator[Client]:
    made = Client(server, sign)
    yield made
    made.faults("")
    made.ask("DELETE", "/portfolio/events/orders")


async def receive(socket: Any, count: int) -> list[Any]:
    return [json.loads(await socket.recv()) for _ in range(count)]


def subscribe(*channels: str) -> str:
    return json.dumps({"id": 1, "cmd": "subscribe", "params": {"channels": channels, "market_tickers": [A]}})


def test_an_order_over_http(client: Client) -> None:
    reply = client.ask("POST", "/portfolio/events/orders", ORDER)
    assert reply.status_code == 201 and reply.headers["content-type"] == "application/json"
    assert client.ask("GET", f"/portfolio/orders/{reply.json()['order_id']}").json()["order"]["status"] == "resting"
    gone = client.ask("DELETE", "/portfolio/events/orders")
    assert (gone.status_code, gone.content) == (204, b"")


def test_it_listens_on_loopback_alone(server: PracticeServer) -> None:
    assert server._listening.getsockname()[0] == "127.0.0.1"


def test_frames_are_lines_with_the_time_of_sending(client: Client) -> None:
    async def story(socket: Any) -> None:
        await socket.send(subscribe("orderbook_delta"))
        text = await socket.recv()
        assert text.endswith("\n") and text.count("\n") == 1
        assert json.loads(text)["sending_ts_ms"] == START // 10**6
        await receive(socket, 1)
        await asyncio.to_thread(client.ask, "POST", "/portfolio/events/orders", ORDER)
        assert (await receive(socket, 1))[0]["type"] == "orderbook_delta"

    client.stream(story)


def test_a_handshake_without_a_signature_is_refused(client: Client) -> None:
    async def story() -> None:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(client.server.ws_url)
        assert refused.value.response.status_code == 401
        assert json.loads(refused.value.response.body)["error"]["code"] == "api_key_id_is_missing_from_headers"

    asyncio.run(story())


def test_pings_say_heartbeat(sign: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.simulators.serving.PING_SECONDS", 0.01)
    setup = Setup(Options(unlimited=True), SteppedClock(START), MARKETS, trader_rate=0)
    with PracticeServer(Practice(setup)) as server:
        pinged = asyncio.Queue[bytes]()

        class Listening(websockets.ClientConnection):
            def __init__(self, *arguments: Any, **more: Any) -> None:
                super().__init__(*arguments, **more)
                inner = self.protocol.recv_frame

                def recv_frame(frame: Any) -> None:
                    if frame.opcode.name == "PING":
                        pinged.put_nowait(bytes(frame.data))
                    inner(frame)

                self.protocol.recv_frame = recv_frame  # type: ignore[method-assign]

        async def story() -> None:
            client = Client(server, sign)
            headers = client.headers("GET", "/trade-api/ws/v2")
            async with websockets.connect(server.ws_url, additional_headers=headers, create_connection=Listening):
                bodies = [await asyncio.wait_for(pinged.get(), SECONDS) for _ in range(3)]
            assert bodies == [b"heartbeat"] * 3

        asyncio.run(story())


# Faults of requests


@pytest.mark.parametrize(
    ("kind", "carried_out"), [("drop-before", False), ("drop-after", True), ("hang", False), ("timeout", True)]
)
def test_no_answer_leaves_the_order_unknown(client: Client, kind: str, carried_out: bool) -> None:
    client.faults(f"{kind}@create:#1" + ("=30" if kind in ("hang", "timeout") else ""))
    with pytest.raises(httpx.TransportError):
        client.ask("POST", "/portfolio/events/orders", ORDER, timeout=0.3)
    assert client.resting() == carried_out
    assert client.ask("POST", "/portfolio/events/orders", ORDER).status_code == 201


@pytest.mark.parametrize(
    ("spec", "status", "kind", "carried_out"),
    [
        ("429@create", 429, "application/json", False),
        ("5xx@create=504", 504, "application/json", False),
        ("5xx-after@create", 503, "application/json", True),
        ("html@create", 502, "text/html", False),
        ("html-after@create=200", 200, "text/html", True),
        ("slow@create=0.01", 201, "application/json", True),
        ("late@create=0.01", 201, "application/json", True),
    ],
)
def test_wrong_answers(client: Client, spec: str, status: int, kind: str, carried_out: bool) -> None:
    client.faults(spec)
    reply = client.ask("POST", "/portfolio/events/orders", ORDER)
    assert (reply.status_code, reply.headers["content-type"]) == (status, kind)
    assert client.resting() == carried_out
    assert client.ask("GET", "/portfolio/orders").status_code == 200  # other requests are well


def test_a_late_request_is_carried_out_although_its_sender_has_gone(client: Client) -> None:
    client.faults("late@create=1.5")
    with pytest.raises(httpx.ReadTimeout):
        client.ask("POST", "/portfolio/events/orders", ORDER, timeout=0.1)
    assert client.resting() == 0
    deadline = time.monotonic() + SECONDS
    while client.resting() == 0 and time.monotonic() < deadline:
        client.ask("GET", "/exchange/status")
    assert client.resting() == 1


def test_a_signature_is_judged_when_its_request_arrives(sign: Callable[..., dict[str, str]]) -> None:
    setup = Setup(Options(unlimited=True, signature_seconds=0.1), markets=MARKETS, trader_rate=0)
    with PracticeServer(Practice(setup)) as server:
        client = Client(server, sign)
        client.faults("late@create=0.3")
        refused = client.ask("POST", "/portfolio/events/orders", ORDER)
        assert refused.json()["error"]["code"] == "header_timestamp_expired"
        assert client.resting() == 0


def test_a_clock_that_is_wrong_refuses_signatures(client: Client, server: PracticeServer) -> None:
    headers = client.headers("GET", "/trade-api/v2/portfolio/orders")
    client.faults("skew=120")
    late = httpx.get(f"{server.rest_url}/portfolio/orders", headers=headers)
    assert late.json()["error"]["code"] == "header_timestamp_expired"
    assert late.headers["date"] == "Mon, 02 Nov 2026 15:02:00 GMT"


# Faults of frames


def order(client: Client, price: str) -> None:
    assert client.ask("POST", "/portfolio/events/orders", {**ORDER, "price": price}).status_code == 201


@pytest.mark.parametrize(
    ("kind", "sequence"), [("ws-lose", [2, 4]), ("ws-duplicate", [2, 3, 3, 4]), ("ws-reorder", [2, 4, 3])]
)
def test_frames_go_missing_come_twice_and_change_places(client: Client, kind: str, sequence: list[int]) -> None:
    async def story(socket: Any) -> None:
        await socket.send(subscribe("orderbook_delta"))
        await receive(socket, 2)
        await asyncio.to_thread(client.faults, f"{kind}@orderbook_delta:#2")
        for price in ("0.10", "0.11", "0.12"):
            await asyncio.to_thread(order, client, price)
        assert [frame["seq"] for frame in await receive(socket, len(sequence))] == sequence

    client.stream(story)


def test_a_connection_can_break(client: Client) -> None:
    async def story(socket: Any) -> None:
        await socket.send(subscribe("orderbook_delta"))
        await receive(socket, 2)
        await asyncio.to_thread(client.faults, "ws-close")
        await asyncio.to_thread(order, client, "0.10")
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await socket.recv()
        assert closed.value.rcvd is None  # no closing handshake

    client.stream(story)


def test_channels_mix_and_each_keeps_its_order(client: Client) -> None:
    """What one action tells on several channels comes in any order, as the venue's does."""

    async def story(socket: Any) -> None:
        await socket.send(subscribe("orderbook_delta", "user_orders"))
        await receive(socket, 3)
        await asyncio.to_thread(client.faults, "ws-shuffle")
        orders = {"orders": [{**ORDER, "price": f"0.0{n}"} for n in range(1, 9)]}
        await asyncio.to_thread(client.ask, "POST", "/portfolio/events/orders/batched", orders)
        frames = await receive(socket, 16)
        kinds = [frame["type"] for frame in frames]
        assert kinds != ["orderbook_delta", "user_order"] * 8 and kinds.count("user_order") == 8
        seqs = [frame["seq"] for frame in frames if frame["type"] == "orderbook_delta"]
        assert seqs == sorted(seqs)
        times = [frame["msg"]["created_ts_ms"] for frame in frames if frame["type"] == "user_order"]
        assert times == sorted(times)

    client.stream(story)


def test_maintenance_ends_connections_and_takes_new_ones(client: Client) -> None:
    async def story(socket: Any) -> None:
        await socket.send(subscribe("trade"))
        await receive(socket, 1)
        times = [show_time(client.server.do(lambda p: p.venue.now()) + hours * 3600 * 10**9) for hours in (0, 1)]
        await asyncio.to_thread(client.control, "maintenance", {"start": times[0], "end": times[1]})
        with pytest.raises(websockets.ConnectionClosed) as ended:
            await socket.recv()
        assert ended.value.rcvd is not None
        assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (1001, "maintenance")

    async def again(socket: Any) -> None:
        await socket.send(subscribe("trade"))
        assert (await receive(socket, 1))[0]["type"] == "subscribed"

    client.stream(story)
    client.stream(again)
    assert client.ask("GET", "/exchange/status").json()["trading_active"] is False
    client.control("clock", {"advance_ms": 3_600_000})
    assert client.ask("GET", "/exchange/status").json()["trading_active"] is True


def test_a_half_open_connection_is_silent_and_open(client: Client) -> None:
    async def story(socket: Any) -> None:
        await socket.send(subscribe("orderbook_delta"))
        await receive(socket, 2)
        await asyncio.to_thread(client.faults, "ws-half-open:#1")
        await asyncio.to_thread(order, client, "0.10")
        await asyncio.to_thread(order, client, "0.11")
        pong = await socket.ping()
        await socket.send('{"id": 2, "cmd": "list_subscriptions"}')
        done, _ = await asyncio.wait([asyncio.ensure_future(socket.recv()), pong], timeout=0.2)
        assert not done
        assert socket.state.name == "OPEN"
        socket.transport.abort()

    client.stream(story)


# The control side


def test_the_control_side_wants_its_token(client: Client, server: PracticeServer) -> None:
    assert httpx.get(f"{server.control_url}/state").status_code == 401
    signed = client.headers("GET", "/practice/state")
    assert httpx.get(f"{server.control_url}/state", headers=signed).status_code == 401
    assert client.control("state")["money_agrees"] is True


def test_the_control_side_trades_against_a_client_and_settles(client: Client) -> None:
    order(client, "0.40")
    done = client.control("order", {"ticker": A, "side": "ask", "price": "0.40", "count": "1"})
    assert done["fill_count"] == "1.00"
    client.control("list", {"markets": [{"ticker": "KXU-1-A", "event_ticker": "KXU-1", "status": "active"}]})
    client.control("order", {"ticker": "KXU-1-A", "side": "ask", "price": "0.40", "count": "1"})
    assert client.ask("POST", "/portfolio/events/orders", {**ORDER, "ticker": "KXU-1-A"}).json()["fill_count"] == "1.00"
    client.control("market", {"ticker": "KXU-1-A", "do": "determine", "result": "scalar", "value": "0.75"})
    client.control("clock", {"advance_ms": 61_000})
    settled = client.ask("GET", "/portfolio/settlements").json()["settlements"]
    assert [(s["ticker"], s["revenue"]) for s in settled] == [("KXU-1-A", 75)]
    mine = [f for f in client.control("books")["fills"] if f["user_id"] == client.credentials.user]
    assert [(f["is_taker"], f["fee_cost"]) for f in mine] == [(False, "0.000000"), (True, "0.016800")]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("clock", {}, "has no advance_ms"),
        ("clock", {"advance_ms": -1}, "does not run backwards"),
        ("faults", {"spec": "explode"}, "there is no kind"),
        ("market", {"ticker": "NONE", "do": "pause"}, "market not found"),
        ("market", {"ticker": A, "do": "dance"}, "is not one of"),
        ("exchange", {"shard": 9}, "no shard 9"),
        ("traders", {"running": True}, "no simulated traders"),
        ("deposit", {"user_id": "nobody", "dollars": "1"}, "not found"),
    ],
)
def test_what_cannot_be_done_is_explained(client: Client, path: str, body: Any, said: str) -> None:
    url = f"{client.server.control_url}/{path}"
    reply = httpx.post(url, json=body, headers=client.server.control_headers)
    assert reply.status_code == 400 and said in reply.json()["error"]


# The command


def test_the_command_serves_until_it_is_asked_to_stop(tmp_path: Path, sign: Callable[..., dict[str, str]]) -> None:
    command = [python(), "-m", "engine", "simulate", "kalshi", "--port", "0", "--folder", str(tmp_path), "--json"]
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH", "")]))
    elsewhere = tmp_path / "notes.pem"
    elsewhere.write_text("not an id, so not ours", encoding="utf-8")

    def started() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        environment = {**os.environ, "PYTHONPATH": path}
        return subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=pipe, stderr=pipe, text=True)

    process = started()
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        assert {Path(key["pem"]).stat().st_mode & 0o777 for key in said["keys"]} == {0o600}
        token = Path(said["control_token_file"]).read_text(encoding="utf-8")
        state = httpx.get(f"{said['control']}/state", headers={"Authorization": f"Bearer {token}"}).json()
        assert state["markets"] == said["markets"] == len(said["tickers"]) == 19 and state["read_lag_ms"] == 400
        for key in said["keys"]:
            private = serialization.load_pem_private_key(Path(key["pem"]).read_bytes(), None)
            reply = httpx.get(f"{said['rest']}/portfolio/fills", headers=_signed(sign, key["key_id"], private))
            assert reply.json() == {"fills": [], "cursor": ""}
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=SECONDS)
        assert (process.returncode, out, err) == (0, "", "")
        process = started()  # the same folder again: the same keys count
        assert process.stdout is not None
        again = json.loads(process.stdout.readline())
        assert {key["key_id"] for key in again["keys"]} == {key["key_id"] for key in said["keys"]}
        assert httpx.get(f"{again['rest']}/portfolio/fills", headers=_signed(sign, key["key_id"], private)).is_success
        variables = Path(again["variables"]).read_text(encoding="utf-8")
        assert again["rest"].removesuffix("/trade-api/v2") in variables
        (used,) = (key for key in said["keys"] if key["pem"] in variables)
        assert f"API_KEY_ID={used['key_id']}" in variables
    finally:
        process.kill()
        process.wait()


def _signed(sign: Callable[..., dict[str, str]], key_id: str, private: Any) -> dict[str, str]:
    credentials = Credentials(key_id, "", private, "")
    return sign(credentials, "GET", "/trade-api/v2/portfolio/fills", time.time_ns())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fault", "explode"], "there is no kind explode"),
        (["--markets", "none.json"], "none.json: cannot be read"),
        (["--replay", "none.csv"], "none.csv: cannot be read"),
        (["--keys", "none.json"], "none.json: cannot be read"),
        (["--speed", "2"], "add --replay"),
    ],
)
def test_wrong_options_are_one_line(engine_cli: Callable[..., Any], arguments: list[str], said: str) -> None:
    answer = engine_cli("simulate", "kalshi", "--port", "0", *arguments)
    assert answer.code == 2 and said in answer.err and answer.err.count("\n") == 1


def test_a_port_that_is_taken_is_said(engine_cli: Callable[..., Any], server: PracticeServer) -> None:
    answer = engine_cli("simulate", "kalshi", "--port", str(server.port))
    assert answer.code == 2 and f"--port {server.port}" in answer.err
