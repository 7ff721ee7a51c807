"""Token buckets: what the venue would refuse is never sent, and nothing waits longer than it must."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from connectors.kalshi.errors import RateLimited
from connectors.kalshi.limits import BALANCE, BATCH, EndpointCost, RateLimits
from connectors.transport.bucket import Budget
from connectors.transport.turns import asking
from engine.market.venue import Urgency
from tests.connectors.steps import Steps

ORDERS = "/trade-api/v2/portfolio/events/orders"
READ = "/trade-api/v2/markets"


class Asking:
    """Limits by a clock that is moved; ``at`` asks for turns, and says how many seconds each waited."""

    def __init__(self) -> None:
        self.steps = Steps()
        self.limits = RateLimits(self.steps.monotonic, self.steps.sleep)

    def at(self, method: str, path: str, times: int = 1, urgency: Urgency = Urgency.REDUCE, **more: Any) -> list[float]:
        began = self.steps.now

        async def one() -> float:
            with asking(urgency):
                await self.limits.turn(method, path, **more)
            return self.steps.now - began

        async def run() -> list[float]:
            tasks = [asyncio.create_task(one()) for _ in range(times)]
            await self.steps.to(began + 60.0)
            return await asyncio.gather(*tasks)

        waited = [0.0]
        try:
            waited = asyncio.run(run())
        finally:
            self.steps.now = began + max(waited)
        return waited


@pytest.fixture
def line() -> Asking:
    return Asking()


def test_the_lowest_tier_holds_until_the_account_says_otherwise(line: Asking) -> None:
    assert line.at("POST", ORDERS, 11) == [0.0] * 10 + [pytest.approx(0.1)]
    assert line.at("GET", READ) == [0.0]


def test_entries_leave_a_part_for_cancels_and_for_what_reduces(line: Asking) -> None:
    assert line.at("POST", ORDERS, 8, Urgency.ENTRY) == [0.0] * 7 + [pytest.approx(0.1)]
    assert line.at("DELETE", f"{ORDERS}/id", 6, Urgency.CANCEL) == [0.0] * 5 + [pytest.approx(0.02)]
    assert line.at("POST", ORDERS, 3) == [0.0, 0.0, pytest.approx(0.1)]


def test_costs_are_by_route_and_by_the_orders_of_a_batch(line: Asking) -> None:
    limits = line.limits
    assert limits.cost("POST", ORDERS) == 10
    assert limits.cost("DELETE", f"{ORDERS}/some-id") == 2
    assert limits.cost("GET", "/trade-api/v2/portfolio/orders/some-id") == 2
    assert limits.cost("GET", "/trade-api/v2/portfolio/orders") == 10
    assert limits.cost("POST", BATCH, 7) == 70
    assert limits.cost("DELETE", BATCH, 7) == 14
    assert limits.cost("GET", BALANCE) == 1


def test_the_venues_own_costs_replace_ours(line: Asking) -> None:
    limits = line.limits
    costs = [EndpointCost("GET", "/trade-api/v2/cfbenchmarks/*endpoint", 150), EndpointCost("GET", READ, 3)]
    limits.configure("advanced", Budget(300, 900), Budget(300, 900), 20, costs)
    assert limits.cost("GET", "/trade-api/v2/cfbenchmarks/a/b") == 150
    assert limits.cost("GET", READ) == 3
    assert limits.cost("GET", f"{READ}/T") == 20
    assert limits.cost("DELETE", f"{ORDERS}/some-id") == 20


def test_the_balance_has_a_bucket_of_its_own(line: Asking) -> None:
    assert line.at("GET", BALANCE, 3) == [0.0, 1.0, 2.0]
    assert line.at("GET", READ) == [0.0]
    line.limits.configure("premier", Budget(1200, 1200), Budget(1200, 3600), 10, [])
    line.steps.now = 10.0
    assert line.at("GET", BALANCE, 6) == [0.0] * 5 + [pytest.approx(0.2)]


def test_a_new_budget_does_not_give_back_what_was_spent(line: Asking) -> None:
    line.at("POST", ORDERS, 10)
    line.limits.configure("advanced", Budget(300, 900), Budget(300, 900), 10, [])
    assert line.at("POST", ORDERS) == [pytest.approx(10 / 300)]
    line.steps.now = 60.0
    assert line.at("POST", ORDERS, 91) == [0.0] * 90 + [pytest.approx(10 / 300)]


def test_a_batch_that_could_never_go_out_is_refused(line: Asking) -> None:
    with pytest.raises(RateLimited, match="send smaller batches"):
        line.at("POST", BATCH, items=11)


def test_an_order_that_would_wait_too_long_takes_nothing_from_those_behind_it(line: Asking) -> None:
    line.at("POST", ORDERS, 10)
    line.limits.refused("POST", ORDERS)
    with pytest.raises(RateLimited, match="its turn would come only in") as late:
        line.at("POST", ORDERS, patience=0.05)
    assert late.value.wait_seconds == pytest.approx(0.1)
    assert line.at("DELETE", f"{ORDERS}/id") == [pytest.approx(0.02)]


def test_after_a_refusal_the_bucket_counts_as_empty(line: Asking) -> None:
    assert line.limits.refused("POST", ORDERS) == pytest.approx(0.1)
    assert line.at("POST", ORDERS) == [pytest.approx(0.1)]
    assert line.at("GET", READ) == [0.0]
