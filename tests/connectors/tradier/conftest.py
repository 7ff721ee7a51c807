"""A practice Tradier of this test, with a client for it; prices stand still unless a test moves them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

pytest.importorskip("uvicorn")

from connectors.simulators.tradier.core.orders import Price
from connectors.simulators.tradier.server import ACCOUNT, Practice, PracticeServer, Setup, start_of
from connectors.simulators.tradier.venue import Options
from connectors.tradier.client import TradierRest
from connectors.tradier.hosts import loopback_hosts
from connectors.transport.clock import Clock

DAY = date(2026, 11, 20)


@dataclass
class Desk:
    """The practice venue, ten minutes after the open."""

    server: PracticeServer

    @asynccontextmanager
    async def client(self, token: str = "", account: str = ACCOUNT, **more: Any) -> AsyncIterator[TradierRest]:
        hosts = loopback_hosts(self.server.url)
        token = token or self.server.practice.token
        async with TradierRest(hosts, token, "production", account, **more) as rest:
            yield rest

    def clock(self) -> Clock:
        """The venue's, which stands until it is moved; waits look at it again and again."""

        async def sleep(seconds: float) -> None:
            await asyncio.sleep(0.005)

        return Clock(self.server.practice.venue.clock.now, sleep=sleep)

    def faults(self, spec: str) -> None:
        self.server.do(lambda practice: practice.venue.faults.set(spec))

    def options(self, **values: Any) -> None:
        def act(practice: Practice) -> None:
            for name, value in values.items():
                setattr(practice.venue.options, name, value)

        self.server.do(act)

    def quote(self, symbol: str, bid: str, ask: str, size: int = 1000) -> None:
        from decimal import Decimal

        price = Price(Decimal(bid), Decimal(ask), Decimal(bid), Decimal(size))
        self.server.do(lambda practice: practice.venue.director.hold(symbol, price))

    def advance(self, seconds: float) -> None:
        def act(practice: Practice) -> None:
            practice.venue.clock.step(int(seconds * 1e9))
            practice.venue.tick()

        self.server.do(act)


@pytest.fixture
def desk() -> Iterator[Desk]:
    options = Options(read_lag_ms=0, cancel_ms=0)
    practice = Practice(Setup(start_of(DAY, -10), speed=0, options=options))
    with PracticeServer(practice) as server:
        yield Desk(server)
