"""What the tests of the practice exchange share: a small exchange whose time stands still, and a client that signs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from connectors.simulators.kalshi.clock import SteppedClock
from connectors.simulators.kalshi.core.units import MILLIS, parse_time
from connectors.simulators.kalshi.rest.answer import Request, answer
from connectors.simulators.kalshi.server import Credentials, Practice, Setup
from connectors.simulators.kalshi.stream.session import Session
from connectors.simulators.kalshi.venue import Options
from connectors.simulators.request import Reply

START = parse_time("2026-11-02T15:00:00Z")
A, B, TENNIS = "KXT-26NOV02-A", "KXT-26NOV02-B", "KXATPMATCH-26NOV02ABC-A"
LISTINGS = {
    "series": [
        {"ticker": "KXT", "title": "Test", "fee_type": "quadratic", "category": "Test", "categories": ["Test"]},
        {"ticker": "KXATPMATCH", "fee_type": "quadratic_with_maker_fees", "exchange_index": 3},
    ],
    "events": [
        {"event_ticker": "KXT-26NOV02", "series_ticker": "KXT", "title": "Test?", "collateral_return_type": "MECNET"},
    ],
    "markets": [
        {"ticker": A, "event_ticker": "KXT-26NOV02", "status": "active", "close_time": "2026-11-03T15:00:00Z"},
        {
            "ticker": B,
            "event_ticker": "KXT-26NOV02",
            "status": "active",
            "close_time": "2026-11-03T15:00:00Z",
            "price_level_structure": "tapered_deci_cent",
        },
        {
            "ticker": TENNIS,
            "event_ticker": "KXATPMATCH-26NOV02ABC",
            "status": "active",
            "close_time": "2026-11-16T15:00:00Z",
        },
    ],
}


def sign(credentials: Credentials, method: str, path: str, time_ns: int) -> dict[str, str]:
    """The three headers, lower-case."""
    stamp = str(time_ns // MILLIS)
    text = f"{stamp}{method}{path}".encode()
    if isinstance(credentials.private, rsa.RSAPrivateKey):
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        signature = credentials.private.sign(text, pss, hashes.SHA256())
    else:
        signature = credentials.private.sign(text)
    return {
        "kalshi-access-key": credentials.key_id,
        "kalshi-access-timestamp": stamp,
        "kalshi-access-signature": base64.b64encode(signature).decode(),
    }


@dataclass
class Api:
    """A client of one key, without a network. Answers are the venue's own."""

    practice: Practice
    credentials: Credentials

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **query: Any
    ) -> Reply:
        full = f"/trade-api/v2{path}"
        now = self.practice.venue.signing_now()
        signed = sign(self.credentials, method, full, now) if headers is None else headers
        raw = b"" if body is None else json.dumps(body).encode()
        request = Request(method, full, urlencode(query, doseq=True), signed, raw)
        return answer(self.practice.venue, request)

    def get(self, path: str, **query: Any) -> Any:
        """The body of an answer that must be 200."""
        reply = self.ask("GET", path, **query)
        assert reply.status == 200, reply
        return reply.body

    def place(self, side: str, price: str, count: str, ticker: str = A, **more: Any) -> Reply:
        body = {
            "ticker": ticker,
            "side": side,
            "price": price,
            "count": count,
            "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross",
            **more,
        }
        return self.ask("POST", "/portfolio/events/orders", body)

    def placed(self, side: str, price: str, count: str, ticker: str = A, **more: Any) -> Any:
        reply = self.place(side, price, count, ticker, **more)
        assert reply.status == 201, reply
        return reply.body

    def order(self, order_id: str) -> Any:
        return self.get(f"/portfolio/orders/{order_id}")["order"]

    def position(self, ticker: str = A) -> str:
        listed = self.get("/portfolio/positions", ticker=ticker, settlement_status="all")["market_positions"]
        return str(listed[0]["position_fp"]) if listed else "0.00"

    def balance(self) -> str:
        return str(self.get("/portfolio/balance")["balance_dollars"])

    def pass_time(self, seconds: float) -> None:
        self.practice.director.step(int(seconds * 1e9))


class Client:
    """A session, and what it was sent."""

    def __init__(self, practice: Practice, api: Any) -> None:
        self.seen: list[dict[str, Any]] = []
        venue = practice.venue
        venue.settle_up()
        key = venue.keys[api.credentials.key_id]
        self.session = Session(venue.floor, key, venue.feeds, lambda _, m: self.seen.append(m))
        venue.listen(self.session.take, self.session.delivery.watches_indices)

    def send(self, cmd: str, number: int = 1, **params: Any) -> list[dict[str, Any]]:
        before = len(self.seen)
        self.session.command(json.dumps({"id": number, "cmd": cmd, "params": params}))
        return self.seen[before:]

    def of(self, kind: str) -> list[Any]:
        return [message["msg"] for message in self.seen if message["type"] == kind]


@pytest.fixture
def practice() -> Practice:
    """Three markets, no simulated traders, no rate limits, a clock that only moves when told."""
    options = Options(seed=1, unlimited=True)
    return Practice(Setup(options, SteppedClock(START), LISTINGS, trader_rate=0))


@pytest.fixture
def make_api(practice: Practice) -> Callable[..., Api]:
    """``make_api("name")``: a client of another user; each starts with 1,000 dollars a shard."""
    return lambda user, **more: Api(practice, practice.make_key("ed25519", user=user, **more))


@pytest.fixture
def ann(make_api: Callable[..., Api]) -> Api:
    return make_api("ann")


@pytest.fixture
def bob(make_api: Callable[..., Api]) -> Api:
    return make_api("bob")


@pytest.fixture(name="sign", scope="session")
def sign_fixture() -> Callable[..., dict[str, str]]:
    """The function that signs, for tests with a network."""
    return sign


@pytest.fixture
def connect(practice: Practice) -> Callable[..., Client]:
    """``connect(api)``: a websocket session of a user, without a network, and what it was sent."""
    return lambda api: Client(practice, api)
