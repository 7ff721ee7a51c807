"""A practice exchange on a day of its own: it begins then, tells its time, and traders sleep while it is moved."""

from __future__ import annotations

import asyncio
import time

import httpx

from connectors.kalshi.hosts import loopback_hosts
from connectors.kalshi.practice import practice_time
from connectors.simulators.kalshi.clock import RealClock
from connectors.simulators.kalshi.scenario import together
from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup

BEGIN_NS = 1_771_174_800_000_000_000  # 2026-02-15 17:00 UTC
HOUR_MS = 3_600_000


def test_a_client_follows_its_time_and_traders_sleep_over_a_jump() -> None:
    async def follow(server: PracticeServer) -> tuple[int, int]:
        async with practice_time(loopback_hosts(server.rest_url)) as told:
            before = told.ahead_ns()
            async with httpx.AsyncClient() as client:
                moved = await client.post(
                    f"{server.control_url}/clock", json={"advance_ms": 12 * HOUR_MS, "asleep": True},
                    headers=server.control_headers,
                )  # fmt: skip
                assert moved.status_code == 200
                await told.read(client, f"{server.control_url}/clock")
            return before, told.ahead_ns()

    with PracticeServer(Practice(Setup(clock=RealClock(BEGIN_NS)))) as server:
        server.do(lambda practice: practice.director.crowd and setattr(practice.director.crowd, "rate", 0.001))
        trades = server.do(lambda practice: len(practice.venue.floor.trades))
        before, after = asyncio.run(follow(server))
        assert abs(time.time_ns() + before - BEGIN_NS) < 60 * 10**9
        assert after - before == 12 * HOUR_MS * 1_000_000
        since = server.do(lambda practice: len(practice.venue.floor.trades)) - trades
        assert since < 100, "they did not trade for hours"


def test_what_traders_believe_can_be_said() -> None:
    with PracticeServer(Practice(Setup(clock=RealClock(BEGIN_NS)))) as server:
        ticker = server.do(lambda practice: min(practice.venue.floor.markets))
        url, headers = f"{server.control_url}/fair", server.control_headers
        assert httpx.post(url, json={"prices": {ticker: "0.42"}}, headers=headers).json() == {"markets": 1}
        assert httpx.post(url, json={"prices": {"KXNONE": "0.42"}}, headers=headers).status_code == 400
        told = httpx.get(f"{server.control_url}/clock").json()
        assert set(told) == {"now", "ahead_ns"}, "the time is no secret"


def test_documents_come_together_with_each_series_once() -> None:
    one = {"series": [{"ticker": "A"}], "markets": [1]}
    two = {"series": [{"ticker": "A"}, {"ticker": "B"}], "markets": [2]}
    found = together([one, two])
    assert [entry["ticker"] for entry in found["series"]] == ["A", "B"]
    assert found["markets"] == [1, 2]
