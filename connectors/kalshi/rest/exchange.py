"""Reads about the exchange and the account's limits."""

from __future__ import annotations

from connectors.kalshi.http import VenueHttp
from connectors.kalshi.limits import EndpointCost
from connectors.kalshi.models.exchange import ExchangeStatus, Schedule, ScheduleAnswer, UserDataTimestamp
from connectors.kalshi.models.fields import parse
from connectors.kalshi.models.portfolio import AccountLimits, EndpointCosts
from connectors.transport.bucket import Budget

AWAY = frozenset({503, 504})  # the status is told with these, too, when the exchange is away


class ExchangeReads:
    """``GET /exchange/…`` and ``GET /account/…``."""

    def __init__(self, http: VenueHttp) -> None:
        self._http = http

    async def status(self) -> ExchangeStatus:
        """Whether the exchange takes orders and cancels, in all and by shard."""
        path = "/exchange/status"
        return parse(ExchangeStatus, await self._http.read(path, also=AWAY), f"GET {path}")

    async def schedule(self) -> Schedule:
        """Trading hours and maintenance windows."""
        path = "/exchange/schedule"
        return parse(ScheduleAnswer, await self._http.read(path), f"GET {path}").schedule

    async def user_data_ns(self) -> int:
        """The instant (UTC ns) up to which balance, orders, fills and positions are true when read now."""
        path = "/exchange/user_data_timestamp"
        return parse(UserDataTimestamp, await self._http.read(path), f"GET {path}").as_of_time

    async def limits(self) -> AccountLimits:
        """The account's tier and token buckets."""
        path = "/account/limits"
        return parse(AccountLimits, await self._http.read(path), f"GET {path}")

    async def endpoint_costs(self) -> EndpointCosts:
        """Tokens per request, where they differ from the default."""
        path = "/account/endpoint_costs"
        return parse(EndpointCosts, await self._http.read(path), f"GET {path}")

    async def adopt_limits(self) -> AccountLimits:
        """Read limits and costs, and keep to them from now on."""
        limits, costs = await self.limits(), await self.endpoint_costs()
        self._http.limits.configure(
            limits.usage_tier,
            Budget(limits.read.refill_rate, limits.read.bucket_capacity),
            Budget(limits.write.refill_rate, limits.write.bucket_capacity),
            costs.default_cost,
            [EndpointCost(c.method, c.path, c.cost) for c in costs.endpoint_costs],
        )
        return limits
