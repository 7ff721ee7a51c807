"""The stream over real sockets, against a small server on this machine that can misbehave."""

from __future__ import annotations

import asyncio
import base64
import http
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from connectors.kalshi.errors import ClockSkewError, NotAuthorized
from connectors.kalshi.events import (
    BookChanged,
    BookLost,
    Connected,
    Disconnected,
    MessagesMissed,
    StreamEvent,
    Subscribed,
)
from connectors.kalshi.hosts import loopback_hosts
from connectors.kalshi.models.stream import PublicTrade
from connectors.kalshi.sign import Signer
from connectors.kalshi.stream import KalshiStream, StreamSettings
from connectors.kalshi.subscriptions import Channel
from connectors.transport.clock import Clock

QUICK = StreamSettings(first_backoff=0.001, longest_backoff=0.002, silence=5, reply=5, watch=0.005, ping=5)
PATIENCE = 10.0  # a test that waits longer than this has failed


@dataclass
class Exchange:
    """Grants every subscription and sends snapshots; keeps what it was asked. Faults are set by the tests."""

    key: ed25519.Ed25519PrivateKey
    answer_handshake: Response | None = None
    deaf: bool = False
    commands: list[list[dict[str, Any]]] = field(default_factory=list)
    sockets: list[ServerConnection] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    sid: int = 0
    seq: int = 0
    clock: int = 100
    size: int = 3

    def handshake(self, socket: ServerConnection, request: Request) -> Response | None:
        stamp = request.headers["KALSHI-ACCESS-TIMESTAMP"]
        signature = base64.b64decode(request.headers["KALSHI-ACCESS-SIGNATURE"])
        self.key.public_key().verify(signature, f"{stamp}GET{request.path}".encode())
        self.stamps.append(int(stamp))
        return self.answer_handshake

    async def serve(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        asked: list[dict[str, Any]] = []
        self.commands.append(asked)
        self.sid, self.seq = 0, 0
        async for text in socket:
            command = json.loads(text)
            asked.append(command)
            if not self.deaf:
                await self.reply(socket, command)

    async def reply(self, socket: ServerConnection, command: dict[str, Any]) -> None:
        params = command.get("params", {})
        if command["cmd"] == "list_subscriptions":
            await self.send({"id": command["id"], "type": "ok", "msg": [{"channel": "orderbook_delta", "sid": 1}]})
        elif params.get("action") == "get_snapshot":
            await self.snapshots(params["market_tickers"])
        elif command["cmd"] == "subscribe":
            self.sid += 1
            message = {"channel": params["channels"][0], "sid": self.sid}
            await self.send({"id": command["id"], "type": "subscribed", "msg": message})
            if params["channels"] == ["orderbook_delta"]:
                await self.snapshots(params["market_tickers"])

    async def snapshots(self, tickers: list[str]) -> None:
        for ticker in tickers:
            self.seq += 1
            levels = {"yes_dollars_fp": [["0.4700", f"{self.size}.00"]], "no_dollars_fp": [["0.5200", "2.00"]]}
            message = {"market_ticker": ticker, "market_id": "m", "clock": self.clock, **levels}
            await self.send({"type": "orderbook_snapshot", "sid": 1, "seq": self.seq, "msg": message})

    async def add(self, ticker: str, *, lose: bool = False) -> None:
        """One more contract is bid for."""
        self.seq, self.clock, self.size = self.seq + 1, self.clock + 1, self.size + 1
        message = {
            "market_ticker": ticker, "market_id": "m", "clock": self.clock, "price_dollars": "0.4700",
            "delta_fp": "1.00", "side": "yes", "ts_ms": 1,
        }  # fmt: skip
        if not lose:
            await self.send({"type": "orderbook_delta", "sid": 1, "seq": self.seq, "msg": message})

    async def send(self, frame: dict[str, Any]) -> None:
        await self.sockets[-1].send(json.dumps(frame) + "\n")


class Reader:
    """Reads events until one of a kind comes; keeps all of them."""

    def __init__(self, stream: KalshiStream) -> None:
        self.stream = stream
        self.events: list[Any] = []
        self._iterator = aiter(stream)

    async def until(self, wanted: object) -> Any:
        while True:
            event: StreamEvent = await anext(self._iterator)
            self.events.append(event.body)
            if event.body == wanted or (isinstance(wanted, type) and isinstance(event.body, wanted)):
                return event.body

    def top(self) -> Decimal:
        book = self.stream.book("A")
        assert book is not None and book.best_bid is not None
        return book.best_bid.size


Test = Callable[[Exchange, KalshiStream, Reader], Awaitable[None]]


@pytest.fixture
def play(key: ed25519.Ed25519PrivateKey, signer: Signer) -> Callable[..., Exchange]:
    """Runs a test with a stream that is connected to an exchange of its own."""

    def run(test: Test, *, settings: StreamSettings = QUICK, clock: Clock | None = None, **faults: Any) -> Exchange:
        exchange = Exchange(key, **faults)

        async def main() -> None:
            async with serve(
                exchange.serve, "127.0.0.1", 0, process_request=exchange.handshake, ping_interval=None
            ) as server:
                port = server.sockets[0].getsockname()[1]
                stream = KalshiStream(
                    loopback_hosts(f"http://127.0.0.1:{port}"), signer, settings=settings, clock=clock
                )
                stream.subscribe(Channel.ORDERBOOK, ["A"])
                async with stream:
                    await test(exchange, stream, Reader(stream))

        asyncio.run(asyncio.wait_for(main(), PATIENCE))
        return exchange

    return run


def test_books_follow_the_venue(play: Callable[..., Exchange]) -> None:
    async def test(exchange: Exchange, stream: KalshiStream, reader: Reader) -> None:
        await reader.until(BookChanged("A"))
        assert reader.events == [Connected(), Subscribed(), BookChanged("A")]
        assert reader.top() == 3
        await exchange.add("A")
        await reader.until(BookChanged("A"))
        assert reader.top() == 4

    exchange = play(test)
    assert exchange.commands[0][0]["params"]["use_yes_price"] is True


def test_no_proxy_stands_between_us_and_this_machine(
    play: Callable[..., Exchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "ws_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async def test(exchange: Exchange, stream: KalshiStream, reader: Reader) -> None:
        await reader.until(BookChanged("A"))
        assert Disconnected not in map(type, reader.events)

    play(test)


def test_what_is_subscribed_later_is_asked_for_at_once(play: Callable[..., Exchange]) -> None:
    trade = {
        "trade_id": "t", "market_ticker": "A", "yes_price_dollars": "0.4000", "no_price_dollars": "0.6000",
        "count_fp": "1.00", "taker_outcome_side": "yes", "taker_book_side": "bid", "is_block_trade": False, "ts_ms": 1,
    }  # fmt: skip

    async def test(exchange: Exchange, stream: KalshiStream, reader: Reader) -> None:
        await reader.until(BookChanged("A"))
        stream.subscribe(Channel.TRADE, ["A"])
        while exchange.sid < 2:
            await asyncio.sleep(0)
        await exchange.send({"type": "trade", "sid": 2, "seq": 1, "msg": trade})
        assert (await reader.until(PublicTrade)).trade_id == "t"
        stream.unsubscribe(Channel.TRADE)
        while len(exchange.commands[0]) < 3:
            await asyncio.sleep(0)
        assert exchange.commands[0][2]["cmd"] == "unsubscribe"

    play(test)


def test_a_lost_frame_leads_to_a_new_snapshot_on_the_same_connection(play: Callable[..., Exchange]) -> None:
    async def test(exchange: Exchange, stream: KalshiStream, reader: Reader) -> None:
        await reader.until(BookChanged("A"))
        await exchange.add("A", lose=True)
        await exchange.add("A")
        await reader.until(MessagesMissed("orderbook_delta", 1))
        await reader.until(BookChanged("A"))
        assert reader.top() == exchange.size == 5
        assert stream.connections == 1

    exchange = play(test)
    assert [c.get("params", {}).get("action") for c in exchange.commands[0]] == [None, "get_snapshot"]


@pytest.mark.parametrize("abrupt", [False, True])
def test_a_broken_connection_is_made_again_with_all_subscriptions(play: Callable[..., Exchange], abrupt: bool) -> None:
    async def test(exchange: Exchange, stream: KalshiStream, reader: Reader) -> None:
        stream.subscribe(Channel.FILL)
        await reader.until(BookChanged("A"))
        if abrupt:
            exchange.sockets[0].transport.abort()
        else:
            await exchange.sockets[0].close()
        await reader.until(Disconnected)
        exchange.size = 9
        again = await reader.until(Connected)
        assert again.again and again.down_since_ns is not None
        await reader.until(Subscribed)  # to the fills, after the books and their snapshots
        assert reader.top() == 9
        assert reader.events.index(BookLost("A", "the connection was lost")) < reader.events.index(again)

    exchange = play(test)
    assert len(exchange.commands) == 2
    asked = [[c["params"]["channels"][0] for c in commands[:2]] for commands in exchange.commands]
    assert asked == [["orderbook_delta", "fill"], ["orderbook_delta", "fill"]]


def test_every_handshake_is_signed_anew(play: Callable[..., Exchange]) -> None:
    ticks = iter(range(1_000, 2_000))
    clock = Clock(now_ns=lambda: next(ticks) * 1_000_000)

    async def test(exchange: Exchange, stream: KalshiStream, reader: Reader) -> None:
        for _ in range(3):
            await reader.until(Connected)
            exchange.sockets[-1].transport.abort()

    exchange = play(test, clock=clock)
    assert len(set(exchange.stamps[:3])) == 3


def test_pauses_before_a_new_connection_double_up_to_their_limit(play: Callable[..., Exchange]) -> None:
    pauses: list[float] = []
    real = Clock()

    async def sleep(seconds: float) -> None:
        if seconds != settings.watch:
            pauses.append(seconds)
        await asyncio.sleep(0 if seconds != settings.watch else seconds)

    settings = StreamSettings(watch=5.0)
    unavailable = Response(503, "Service Unavailable", _headers(), b"<html>")

    async def test(exchange: Exchange, stream: KalshiStream, reader: Reader) -> None:
        while len(pauses) < 9:
            lost = await reader.until(Disconnected)
            assert "503" in lost.reason
        exchange.answer_handshake = None
        assert not (await reader.until(Connected)).again

    play(test, settings=settings, clock=replace(real, sleep=sleep, jitter=lambda: 1.0), answer_handshake=unavailable)
    assert pauses[:9] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_connection_that_went_silent_at_the_other_end_is_given_up(play: Callable[..., Exchange]) -> None:
    """Half open: the other end takes everything and says nothing, and answers not even a request for a sign of life."""
    settings = replace(QUICK, silence=0.05, reply=0.3)

    async def test(exchange: Exchange, stream: KalshiStream, reader: Reader) -> None:
        await reader.until(BookChanged("A"))
        exchange.deaf = True
        lost = await reader.until(Disconnected)
        assert "no reply to `list_subscriptions`" in lost.reason
        exchange.deaf = False
        await reader.until(BookChanged("A"))

    exchange = play(test, settings=settings)
    assert exchange.commands[0][-1]["cmd"] == "list_subscriptions"


def test_a_quiet_market_is_no_reason_to_leave(play: Callable[..., Exchange]) -> None:
    settings = replace(QUICK, silence=0.005)

    async def test(exchange: Exchange, stream: KalshiStream, reader: Reader) -> None:
        await reader.until(BookChanged("A"))
        while sum(c["cmd"] == "list_subscriptions" for c in exchange.commands[0]) < 3:
            await asyncio.sleep(0.005)
        assert stream.connections == 1 and reader.top() == 3

    play(test, settings=settings)


def test_a_frame_that_is_no_message_leads_to_a_new_connection(play: Callable[..., Exchange]) -> None:
    async def test(exchange: Exchange, stream: KalshiStream, reader: Reader) -> None:
        await reader.until(BookChanged("A"))
        await exchange.sockets[0].send("<html>")
        assert "no message" in (await reader.until(Disconnected)).reason
        await reader.until(BookChanged("A"))

    play(test)


def test_a_reader_that_is_slow_gets_the_last_state(play: Callable[..., Exchange]) -> None:
    async def test(exchange: Exchange, stream: KalshiStream, reader: Reader) -> None:
        await reader.until(BookChanged("A"))
        for _ in range(500):
            await exchange.add("A")
        while (book := stream.book("A")) is None or book.clock < exchange.clock:
            await asyncio.sleep(0)
        await reader.until(BookChanged("A"))
        assert reader.top() == 503
        assert reader.events.count(BookChanged("A")) < 10

    play(test)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"code": "authentication_error", "message": "authentication_error"}}, NotAuthorized),
        ({"error": {"code": "header_timestamp_expired", "message": "header timestamp expired"}}, ClockSkewError),
    ],
)
def test_a_key_that_is_not_accepted_ends_the_stream(
    play: Callable[..., Exchange], body: dict[str, Any], kind: type[Exception]
) -> None:
    refused = Response(401, "Unauthorized", _headers(), json.dumps(body).encode())

    async def test(exchange: Exchange, stream: KalshiStream, reader: Reader) -> None:
        with pytest.raises(kind, match="websocket handshake: 401"):
            await reader.until(Connected)

    play(test, answer_handshake=refused)


def test_a_redirect_is_not_followed(play: Callable[..., Exchange]) -> None:
    headers = _headers()
    headers["Location"] = "ws://127.0.0.1:1/elsewhere"
    moved = Response(http.HTTPStatus.FOUND, "Found", headers, b"")

    async def test(exchange: Exchange, stream: KalshiStream, reader: Reader) -> None:
        assert "302" in (await reader.until(Disconnected)).reason

    play(test, answer_handshake=moved)


def test_a_venue_that_cannot_be_reached_is_tried_again(signer: Signer) -> None:
    async def main() -> None:
        stream = KalshiStream(loopback_hosts("http://127.0.0.1:1"), signer, settings=QUICK)
        async with stream:
            reader = Reader(stream)
            for _ in range(3):
                assert "no connection" in (await reader.until(Disconnected)).reason
            assert stream.connections == 0

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_leaving_the_stream_ends_its_events(key: ed25519.Ed25519PrivateKey, signer: Signer) -> None:
    async def main() -> list[StreamEvent]:
        stream = KalshiStream(loopback_hosts("http://127.0.0.1:1"), signer, settings=QUICK)
        async with stream:
            await Reader(stream).until(Disconnected)
        return [event async for event in stream]

    assert {type(e.body) for e in asyncio.run(asyncio.wait_for(main(), PATIENCE))} <= {Disconnected}


def _headers() -> Any:
    from websockets.datastructures import Headers

    return Headers()
