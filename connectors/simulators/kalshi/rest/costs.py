"""Tokens that requests cost where it is not the default ten. Batches cost this for each order in them."""

from __future__ import annotations

PREFIX = "/trade-api/v2"
COSTS: dict[tuple[str, str], int] = {
    ("POST", f"{PREFIX}/account/api_usage_level/upgrade"): 30,
    ("DELETE", f"{PREFIX}/portfolio/events/orders"): 2,
    ("DELETE", f"{PREFIX}/portfolio/events/orders/:order_id"): 2,
    ("DELETE", f"{PREFIX}/portfolio/events/orders/batched"): 2,
    ("GET", f"{PREFIX}/portfolio/orders/:order_id"): 2,
}
