"""Reads are repeated, writes never; every way a request can fail has its own error."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from connectors.kalshi.errors import (
    BadAnswer,
    ClockSkewError,
    KalshiError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
    VenueUnavailable,
)
from engine.market.venue import Outcome

Venue = Callable[..., Any]
OK = httpx.Response(200, json={"exchange_active": True, "trading_active": True})
HTML = httpx.Response(200, text="<html>maintenance</html>")
CUT = httpx.Response(200, text='{"exchange_act')
START_SECONDS = 1_790_000_000


def get(venue: Any) -> Any:
    return asyncio.run(venue.http.read("/exchange/status"))


def post(venue: Any) -> Any:
    return asyncio.run(venue.http.write("POST", "/portfolio/events/orders", body={"a": 1}, orders=True))


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(408), httpx.Response(425), httpx.Response(429, json={"error": "too many requests"}),
        httpx.Response(500), httpx.Response(502, text="<html>"), httpx.Response(503), HTML, CUT,
        httpx.ReadTimeout("slow"), httpx.ConnectError("refused"), httpx.RemoteProtocolError("cut off"),
    ],
)  # fmt: skip
def test_a_read_is_tried_three_times_with_growing_jittered_pauses(venue: Venue, fake_time: Any, failure: Any) -> None:
    fake_time.draw = 0.5
    rest, script = venue(failure, failure, OK)
    assert get(rest)["trading_active"] is True
    assert len(script.requests) == 3
    assert [s for s in fake_time.slept if s in (0.125, 0.25)] == [0.125, 0.25]
    rest, script = venue(failure)
    with pytest.raises(KalshiError):
        get(rest)
    assert len(script.requests) == 3


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.Response(503), VenueUnavailable),
        (httpx.Response(429, json={"error": "too many requests"}), RateLimited),
        (httpx.ReadTimeout("slow"), VenueUnavailable),
        (httpx.ConnectTimeout("slow"), NotSent),
        (HTML, BadAnswer),
        (CUT, BadAnswer),
    ],
)
def test_a_read_that_keeps_failing_says_how(venue: Venue, failure: Any, kind: type[KalshiError]) -> None:
    rest, _ = venue(failure)
    with pytest.raises(kind, match="GET /exchange/status"):
        get(rest)


def test_a_read_that_is_refused_is_not_repeated(venue: Venue) -> None:
    rest, script = venue(httpx.Response(400, json={"msg": "Parameter validation failed"}))
    with pytest.raises(RequestRefused, match="Parameter validation failed"):
        get(rest)
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("failure", "kind", "meaning"),
    [
        (httpx.ReadTimeout("slow"), OutcomeUnknown, Outcome.UNKNOWN),
        (httpx.WriteTimeout("slow"), OutcomeUnknown, Outcome.UNKNOWN),
        (httpx.ReadError("reset"), OutcomeUnknown, Outcome.UNKNOWN),
        (httpx.RemoteProtocolError("closed without answer"), OutcomeUnknown, Outcome.UNKNOWN),
        (httpx.Response(500), OutcomeUnknown, Outcome.UNKNOWN),
        (httpx.Response(503, json={"code": "x", "message": "y"}), OutcomeUnknown, Outcome.UNKNOWN),
        (HTML, OutcomeUnknown, Outcome.UNKNOWN),
        (CUT, OutcomeUnknown, Outcome.UNKNOWN),
        (httpx.Response(201, json=[1]), OutcomeUnknown, Outcome.UNKNOWN),
        (httpx.Response(307, headers={"Location": "https://elsewhere.example/"}), OutcomeUnknown, Outcome.UNKNOWN),
        (httpx.ConnectError("refused"), NotSent, Outcome.REFUSED),
        (httpx.ConnectTimeout("slow"), NotSent, Outcome.REFUSED),
        (httpx.PoolTimeout("full"), NotSent, Outcome.REFUSED),
        (httpx.Response(429, json={"error": "too many requests"}), RateLimited, Outcome.LIMITED),
    ],
)
def test_a_write_is_sent_once_and_its_failure_says_what_is_certain(
    venue: Venue, failure: Any, kind: type[KalshiError], meaning: Outcome
) -> None:
    rest, script = venue(failure)
    with pytest.raises(kind) as failed:
        post(rest)
    assert failed.value.meaning is meaning
    assert len(script.requests) == 1


def test_requests_are_signed_for_the_path_without_its_query(venue: Venue, key: ed25519.Ed25519PrivateKey) -> None:
    rest, script = venue(OK)
    asyncio.run(rest.http.read("/markets/A%2FB/orderbook", {"depth": 5, "open": True, "none": None}))
    request = script.requests[0]
    assert str(request.url) == (
        "https://external-api.demo.kalshi.co/trade-api/v2/markets/A%2FB/orderbook?depth=5&open=true"
    )
    text = f"{START_SECONDS * 1000}GET/trade-api/v2/markets/A%2FB/orderbook".encode()
    key.public_key().verify(base64.b64decode(request.headers["KALSHI-ACCESS-SIGNATURE"]), text)


def test_a_request_is_signed_when_it_is_sent_and_not_when_it_began_to_wait(venue: Venue, fake_time: Any) -> None:
    rest, script = venue(OK)

    async def burst() -> None:
        for _ in range(15):
            await rest.http.read("/markets")

    asyncio.run(burst())
    assert fake_time.slept == [pytest.approx(0.05)]
    stamps = [int(r.headers["KALSHI-ACCESS-TIMESTAMP"]) - START_SECONDS * 1000 for r in script.requests]
    assert stamps == [0] * 14 + [50]


def test_after_429_the_next_request_waits(venue: Venue, fake_time: Any) -> None:
    rest, _ = venue(httpx.Response(429, json={"error": "too many requests"}), httpx.Response(201, json={"a": 1}))
    with pytest.raises(RateLimited):
        post(rest)
    assert post(rest) == {"a": 1}
    assert fake_time.slept == [pytest.approx(0.4)], "10 tokens, beside 30 that are left for cancels and exits"


@pytest.mark.parametrize(("ahead", "words"), [(34, "34 s ahead of"), (-34, "34 s behind")])
def test_a_clock_that_is_off_is_named_with_size_and_direction(venue: Venue, ahead: int, words: str) -> None:
    date = {"Date": formatdate(START_SECONDS - ahead, usegmt=True)}
    rest, _ = venue(httpx.Response(200, json=OK.json(), headers=date))
    with pytest.raises(ClockSkewError, match=words):
        asyncio.run(rest.check_clock())
    expired = {"error": {"code": "header_timestamp_expired", "message": "header timestamp expired"}}
    rest, _ = venue(httpx.Response(401, json=expired, headers=date))
    with pytest.raises(ClockSkewError, match=f"{words} the venue's: set it by NTP"):
        asyncio.run(rest.portfolio.balance())


def test_a_clock_that_is_right_is_good_also_while_the_exchange_is_away(venue: Venue) -> None:
    date = {"Date": formatdate(START_SECONDS, usegmt=True)}
    rest, _ = venue(httpx.Response(503, json=OK.json(), headers=date))
    assert abs(asyncio.run(rest.check_clock())) <= 1
    rest, _ = venue(OK)
    with pytest.raises(BadAnswer, match="carries no Date"):
        asyncio.run(rest.check_clock())


def test_without_a_key_nothing_is_signed(fake_time: Any) -> None:
    from connectors.kalshi.client import KalshiRest
    from connectors.kalshi.hosts import Environment, venue_hosts

    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return OK

    rest = KalshiRest(venue_hosts(Environment.PRODUCTION), transport=httpx.MockTransport(answer), clock=fake_time.clock)
    assert asyncio.run(rest.exchange.status()).trading_active
    assert not any(name.lower().startswith("kalshi") for name in seen[0].headers)
