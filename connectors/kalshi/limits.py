"""The venue's token buckets, kept on our side so that it never has to refuse: reads, writes, and the balance.

Tokens refill continuously. A request that finds too few waits its turn: see ``connectors.transport.turns``. Costs,
rates and capacities are read from the account; until then the default of the lowest tier holds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from connectors.kalshi.errors import RateLimited
from connectors.transport.bucket import Bucket, Budget
from connectors.transport.turns import NoTurn, Turns

DEFAULT_COST = 10
BATCH = "/trade-api/v2/portfolio/events/orders/batched"
BALANCE = "/trade-api/v2/portfolio/balance"


@dataclass(frozen=True, slots=True)
class EndpointCost:
    """``path`` is a route from the root: ``:name`` stands for one segment, ``*name`` for all that follow."""

    method: str
    path: str
    cost: int


BASIC_READ = Budget(200, 200)
BASIC_WRITE = Budget(100, 100)
BASIC_BALANCE = Budget(1, 1)
FASTER_BALANCE = Budget(5, 5)

# What differs from the default, as of October 2026; `configure` replaces it by the venue's own list.
KNOWN_COSTS = (
    EndpointCost("DELETE", "/trade-api/v2/portfolio/events/orders", 2),
    EndpointCost("DELETE", "/trade-api/v2/portfolio/events/orders/:order_id", 2),
    EndpointCost("DELETE", BATCH, 2),
    EndpointCost("GET", "/trade-api/v2/portfolio/orders/:order_id", 2),
)


class RateLimits:
    """Gives requests their turns. ``monotonic`` is a steady clock in seconds, by which ``sleep`` waits."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._monotonic = monotonic
        self._default_cost = DEFAULT_COST
        self._costs = _table(KNOWN_COSTS)
        now = monotonic()
        self._read, self._write = Bucket(BASIC_READ, now), Bucket(BASIC_WRITE, now)
        self._balance = Bucket(BASIC_BALANCE, now)
        self._turns = {b: Turns(b, monotonic, sleep) for b in (self._read, self._write, self._balance)}

    def configure(self, tier: str, read: Budget, write: Budget, default_cost: int, costs: list[EndpointCost]) -> None:
        """Take over what the venue says of this account."""
        self._default_cost = default_cost
        self._costs = _table(costs)
        now = self._monotonic()
        self._read.adopt(read, now)
        self._write.adopt(write, now)
        self._balance.adopt(BASIC_BALANCE if tier.lower() in ("basic", "advanced") else FASTER_BALANCE, now)
        for turns in self._turns.values():
            turns.changed()

    def cost(self, method: str, path: str, items: int = 1) -> float:
        """Tokens of one request; ``items`` is the number of orders in a batch."""
        if path == BALANCE:
            return 1
        segments = tuple(path.strip("/").split("/"))
        best = max(
            (route for route in self._costs.get(method, ()) if _matches(route[0], segments)),
            key=lambda route: sum(not s.startswith((":", "*")) for s in route[0]),
            default=None,
        )
        cost = self._default_cost if best is None else best[1]
        return cost * items if path == BATCH else cost

    async def turn(self, method: str, path: str, items: int = 1, patience: float | None = None) -> None:
        """Wait for the turn of a request, and take its tokens.

        RateLimited, and nothing taken, when it could never be sent, or not within ``patience`` seconds.
        """
        cost = self.cost(method, path, items)
        bucket = self._bucket(method, path)
        if cost > bucket.budget.capacity:
            raise RateLimited(
                f"{method} {path}: {items} orders at once cost {cost:g} tokens and the account saves up at most "
                f"{bucket.budget.capacity:g}; send smaller batches"
            )
        try:
            await self._turns[bucket].turn(cost, patience)
        except NoTurn as late:
            raise RateLimited(f"{method} {path}: {late}", wait_seconds=late.seconds) from None

    def refused(self, method: str, path: str) -> float:
        """The venue answered 429. Returns the seconds until such a request may be asked again."""
        bucket, now = self._bucket(method, path), self._monotonic()
        bucket.drain(now)
        self._turns[bucket].changed()
        return bucket.wait(self.cost(method, path), now)

    def close(self) -> None:
        """What waits is not sent, and from now on only what may go at once."""
        for turns in self._turns.values():
            turns.close()

    def _bucket(self, method: str, path: str) -> Bucket:
        if path == BALANCE:
            return self._balance
        return self._read if method == "GET" else self._write


Route = tuple[tuple[str, ...], int]


def _table(costs: tuple[EndpointCost, ...] | list[EndpointCost]) -> dict[str, list[Route]]:
    table: dict[str, list[Route]] = {}
    for cost in costs:
        table.setdefault(cost.method.upper(), []).append((tuple(cost.path.strip("/").split("/")), cost.cost))
    return table


def _matches(route: tuple[str, ...], segments: tuple[str, ...]) -> bool:
    if route and route[-1].startswith("*"):
        route, segments = route[:-1], segments[: len(route) - 1]
    return len(route) == len(segments) and all(
        r == s or r.startswith(":") for r, s in zip(route, segments, strict=True)
    )
