"""The names that a fault can be put on: kinds of requests, requests, websocket channels, websocket messages."""

from __future__ import annotations

REQUEST_KINDS = ("read", "write")
REQUESTS = (
    "account", "amend", "balance", "batch-cancel", "batch-create", "blocks", "cancel", "cancel-all", "combos",
    "create", "decrease", "events", "exchange", "fcm", "fills", "groups", "historical", "keys", "markets", "money",
    "orderbook", "order", "orders", "positions", "queue", "quotes", "reference", "rfqs", "series", "settlements",
    "trades", "websocket",
)  # fmt: skip
CHANNELS = (
    "orderbook_delta", "ticker", "trade", "fill", "market_positions", "market_lifecycle_v2",
    "multivariate_market_lifecycle", "communications", "order_group_updates", "user_orders", "cfbenchmarks_value",
    "cfbenchmarks_value_5hz", "pyth_value",
)  # fmt: skip
MESSAGES = (
    "orderbook_snapshot", "user_order", "market_position", "event_lifecycle", "event_fee_update", "subscribed",
    "unsubscribed", "ok", "error", "rfq_created", "rfq_deleted", "quote_created", "quote_accepted", "quote_executed",
    "cfbenchmarks_value_indexlist", "cfbenchmarks_value_5hz_indexlist", "pyth_value_underlying_list",
)  # fmt: skip
SCOPES = frozenset((*REQUEST_KINDS, *REQUESTS, *CHANNELS, *MESSAGES))
