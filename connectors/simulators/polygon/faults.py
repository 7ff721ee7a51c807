"""Which faults can be had here, and where; they are written as for the other practice venues."""

from __future__ import annotations

from connectors.simulators.faults import HTTP_KINDS, WS_KINDS, Kinds

_ORDERS = ("drop-after", "timeout", "late", "5xx-after", "html-after")  # mean nothing to a vendor, who takes no orders
KINDS: Kinds = {kind: told for kind, told in {**HTTP_KINDS, **WS_KINDS}.items() if kind not in _ORDERS}
REQUESTS = frozenset(
    {"read", "aggs", "chain", "contract", "contracts", "tickers", "status", "indices", "nbbo", "trade"}
)
CHANNELS = frozenset({"A", "AM", "Q", "V", "T"})
# The reader of specifications has scopes in small letters.
SCOPES = REQUESTS | frozenset(channel.lower() for channel in CHANNELS) | {"websocket"}
