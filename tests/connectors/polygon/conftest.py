"""What the tests of the Polygon connector share: a practice vendor whose time is commanded, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date

import pytest

from connectors.polygon.hosts import Hosts, loopback_hosts
from connectors.polygon.http import PolygonHttp
from connectors.polygon.practice import MarketClock
from connectors.polygon.rest import PolygonRest
from connectors.polygon.stream import StreamSettings
from connectors.simulators.clock import PracticeClock
from connectors.simulators.polygon.server import PolygonServer
from connectors.simulators.polygon.tape import made_up
from connectors.simulators.polygon.units import at
from connectors.simulators.polygon.vendor import Options, Vendor

KEY = "practice-key"
DAY = date(2025, 9, 17)
OPEN_NS = at(DAY, 9, 30)
SYMBOLS = ("SPY", "QQQ", "I:SPX", "I:NDX")
QUICK = StreamSettings(first_backoff=0.01, longest_backoff=0.02, reply=0.4, watch=0.05, ping=0.5)
PATIENCE = 10.0


@dataclass(frozen=True)
class VendorTime(MarketClock):
    """The vendor's own time, which only ``step`` moves."""

    read: Callable[[], int] = field(default=lambda: 0)

    def now_ns(self) -> int:
        return self.read()

    def seconds_until(self, time_ns: int) -> float:
        return 0.0 if time_ns <= self.read() else 0.005

    async def wait_until(self, time_ns: int) -> None:
        while self.read() < time_ns:
            await asyncio.sleep(0.002)


@dataclass
class Practice:
    """A running vendor, and how to reach it."""

    server: PolygonServer

    @property
    def hosts(self) -> Hosts:
        return loopback_hosts(self.server.url)

    @property
    def clock(self) -> VendorTime:
        return VendorTime(0, 0.0, read=self.server.app.vendor.now)

    def rest(self) -> PolygonRest:
        return PolygonRest(PolygonHttp(self.hosts, KEY))

    def step(self, seconds: float) -> None:
        self.server.step(seconds)

    def faults(self, spec: str) -> None:
        self.server.do(lambda app: app.vendor.faults.set(spec))


Start = Callable[..., AbstractContextManager[Practice]]


@pytest.fixture
def start() -> Start:
    """``with start(at_ns, refused={"I:NDX"}) as practice``: a vendor whose clock begins at ``at_ns``."""

    @contextmanager
    def make(at_ns: int = OPEN_NS, fault: str = "", **options: object) -> Iterator[Practice]:
        vendor = Vendor(
            made_up(SYMBOLS, DAY, 7), PracticeClock(at_ns, 0), KEY, Options(**options), fault  # type: ignore[arg-type]
        )
        with PolygonServer(vendor) as server:
            yield Practice(server)

    return make


async def until(true: Callable[[], bool], work: Callable[[], Awaitable[object]] | None = None) -> None:
    """Wait until something holds, doing ``work`` meanwhile; fails after a while."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            if work is None:
                await asyncio.sleep(0.002)
            else:
                await work()
