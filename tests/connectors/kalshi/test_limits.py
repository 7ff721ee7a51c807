"""Token buckets: what the venue would refuse is never sent, and nothing waits longer than it must."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kalshi.errors import RateLimited
from connectors.kalshi.limits import BALANCE, BATCH, EndpointCost, RateLimits
from connectors.transport.bucket import Budget

ORDERS = "/trade-api/v2/portfolio/events/orders"
READ = "/trade-api/v2/markets"


def at(seconds: list[float]) -> RateLimits:
    return RateLimits(lambda: seconds[0])


def test_the_lowest_tier_holds_until_the_account_says_otherwise() -> None:
    limits = at([0.0])
    assert [limits.reserve("POST", ORDERS) for _ in range(11)] == [0.0] * 10 + [pytest.approx(0.1)]
    assert limits.reserve("GET", READ) == 0.0


def test_costs_are_by_route_and_by_the_orders_of_a_batch() -> None:
    limits = at([0.0])
    assert limits.cost("POST", ORDERS) == 10
    assert limits.cost("DELETE", f"{ORDERS}/some-id") == 2
    assert limits.cost("GET", "/trade-api/v2/portfolio/orders/some-id") == 2
    assert limits.cost("GET", "/trade-api/v2/portfolio/orders") == 10
    assert limits.cost("POST", BATCH, 7) == 70
    assert limits.cost("DELETE", BATCH, 7) == 14
    assert limits.cost("GET", BALANCE) == 1


def test_the_venues_own_costs_replace_ours() -> None:
    limits = at([0.0])
    costs = [EndpointCost("GET", "/trade-api/v2/cfbenchmarks/*endpoint", 150), EndpointCost("GET", READ, 3)]
    limits.configure("advanced", Budget(300, 900), Budget(300, 900), 20, costs)
    assert limits.cost("GET", "/trade-api/v2/cfbenchmarks/a/b") == 150
    assert limits.cost("GET", READ) == 3
    assert limits.cost("GET", f"{READ}/T") == 20
    assert limits.cost("DELETE", f"{ORDERS}/some-id") == 20


def test_the_balance_has_a_bucket_of_its_own() -> None:
    now = [0.0]
    limits = at(now)
    assert [limits.reserve("GET", BALANCE) for _ in range(3)] == [0.0, 1.0, 2.0]
    assert limits.reserve("GET", READ) == 0.0
    limits.configure("premier", Budget(1200, 1200), Budget(1200, 3600), 10, [])
    now[0] = 10.0
    assert [limits.reserve("GET", BALANCE) for _ in range(6)] == [0.0] * 5 + [pytest.approx(0.2)]


def test_a_new_budget_does_not_give_back_what_was_spent() -> None:
    now = [0.0]
    limits = at(now)
    for _ in range(10):
        limits.reserve("POST", ORDERS)
    limits.configure("advanced", Budget(300, 900), Budget(300, 900), 10, [])
    assert limits.reserve("POST", ORDERS) == pytest.approx(10 / 300)
    now[0] = 60.0
    assert [limits.reserve("POST", ORDERS) for _ in range(91)] == [0.0] * 90 + [pytest.approx(10 / 300)]


def test_a_batch_that_could_never_go_out_is_refused() -> None:
    with pytest.raises(RateLimited, match="send smaller batches"):
        at([0.0]).reserve("POST", BATCH, items=11)


def test_an_order_that_would_wait_too_long_takes_nothing_from_those_behind_it() -> None:
    limits = at([0.0])
    for _ in range(20):
        limits.reserve("POST", ORDERS)
    with pytest.raises(RateLimited, match="its turn would come only in"):
        limits.reserve("POST", ORDERS, patience=1.0)
    assert limits.reserve("DELETE", f"{ORDERS}/id") == pytest.approx(1.02)


def test_after_a_refusal_the_bucket_counts_as_empty() -> None:
    limits = at([0.0])
    limits.refused("POST", ORDERS)
    assert limits.reserve("POST", ORDERS) == pytest.approx(0.1)
    assert limits.reserve("GET", READ) == 0.0


@given(st.lists(st.tuples(st.floats(0, 0.5), st.sampled_from(["POST", "DELETE"])), min_size=1, max_size=80))
def test_no_second_ever_sees_more_than_the_budget(asked: list[tuple[float, str]]) -> None:
    now = [0.0]
    limits = at(now)
    sent: list[tuple[float, float]] = []
    for pause, method in asked:
        now[0] += pause
        path = ORDERS if method == "POST" else f"{ORDERS}/id"
        sent.append((now[0] + limits.reserve(method, path), limits.cost(method, path)))
    for start, _ in sent:
        for end, _ in sent:
            if end >= start:
                used = sum(cost for moment, cost in sent if start <= moment <= end)
                assert used <= 100 + 100 * (end - start) + 1e-6
