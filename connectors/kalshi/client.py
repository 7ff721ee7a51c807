"""The venue's REST API as one object."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx

from connectors.kalshi.hosts import Hosts
from connectors.kalshi.http import Timeouts, VenueHttp
from connectors.kalshi.rest.exchange import ExchangeReads
from connectors.kalshi.rest.groups import OrderGroups
from connectors.kalshi.rest.history import History
from connectors.kalshi.rest.markets import MarketReads
from connectors.kalshi.rest.orders import Orders
from connectors.kalshi.rest.portfolio import PortfolioReads
from connectors.kalshi.sign import Signer
from connectors.transport.clock import Clock


class KalshiRest:
    """``async with KalshiRest(hosts, signer) as venue: await venue.orders.create(…)``.

    ``signer`` None is enough for ``exchange.status`` and everything in ``markets``.
    """

    def __init__(
        self,
        hosts: Hosts,
        signer: Signer | None = None,
        *,
        clock: Clock | None = None,
        timeouts: Timeouts | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.http = VenueHttp(hosts, signer, clock=clock, timeouts=timeouts, transport=transport)
        self.exchange = ExchangeReads(self.http)
        self.markets = MarketReads(self.http)
        self.portfolio = PortfolioReads(self.http)
        self.orders = Orders(self.http)
        self.groups = OrderGroups(self.http)
        self.history = History(self.http)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.close()

    async def check_clock(self) -> float:
        """Seconds that this machine is ahead of the venue; ClockSkewError when signatures would not count for long."""
        return await self.http.check_clock()
