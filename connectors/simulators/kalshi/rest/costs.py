"""Tokens that requests cost where it is not the default ten. Batches cost this for each order in them."""

from __future__ import annotations

PREFIX = "/trade-api/v2"
COSTS: dict[tuple[str, str], int] = {
    ("POST", f"{PREFIX}/account/api_usage_level/upgrade"): 30,
    ("DELETE", f"{PREFIX}/portfolio/events/orders"): 2,
    ("DELETE", f"{PREFIX}/portfolio/events/orders/:order_id"): 2,
    ("DELETE", f"{PREFIX}/portfolio/events/orders/batched"): 2,
    ("GET", f"{PREFIX}/portfolio/orders/:order_id"): 2,
    ("POST", f"{PREFIX}/communications/quotes"): 2,
    ("GET", f"{PREFIX}/communications/quotes/:quote_id"): 2,
    ("DELETE", f"{PREFIX}/communications/quotes/:quote_id"): 2,
    ("GET", f"{PREFIX}/communications/rfqs/:rfq_id/quotes/:quote_id"): 2,
    ("DELETE", f"{PREFIX}/communications/rfqs/:rfq_id/quotes/:quote_id"): 2,
}
