"""What a connection has subscribed to, and the venue's words for commands that it cannot carry out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from connectors.simulators.kalshi.feeds import CRYPTO, FAST, UNDERLYINGS
from connectors.simulators.kalshi.stream import frames

ALL = "all"
SEQUENCED = frozenset((
    "orderbook_delta", "trade", "market_lifecycle_v2", "multivariate_market_lifecycle", "communications",
    "order_group_updates", "cfbenchmarks_value", "cfbenchmarks_value_5hz", "pyth_value",
))  # fmt: skip
UNFILTERED = frozenset((
    "market_lifecycle_v2", "multivariate_market_lifecycle", "communications", "order_group_updates",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class IndexChannel:
    """How an index channel is asked: its parameter, its actions, and the error without names."""

    names: tuple[str, ...]
    parameter: str
    add: str
    remove: str
    list: str
    listed: str  # the type of the message that answers `list`
    missing: int


_INDICES = ("index_ids", "subscribe_indices", "unsubscribe_indices", "indexlist")
INDEX_CHANNELS = {
    "cfbenchmarks_value": IndexChannel(tuple(CRYPTO), *_INDICES, "cfbenchmarks_value_indexlist", 24),
    "cfbenchmarks_value_5hz": IndexChannel(FAST, *_INDICES, "cfbenchmarks_value_5hz_indexlist", 24),
    "pyth_value": IndexChannel(
        tuple(UNDERLYINGS), "underlying_tickers", "subscribe_underlyings", "unsubscribe_underlyings",
        "underlying_list", "pyth_value_underlying_list", 28,
    ),
}  # fmt: skip

# The venue's words for its error codes.
ERRORS = {
    1: "Unable to process message", 2: "Params required", 3: "Channels required", 4: "Subscription IDs required",
    5: "Unknown command", 7: "Unknown subscription ID", 8: "Unknown channel name", 9: "Authentication required",
    10: "Channel error", 11: "Invalid parameter", 12: "Exactly one subscription ID is required",
    13: "Unsupported action", 14: "Market Ticker required", 15: "Action required", 19: "shard_factor must be > 0",
    20: "shard_factor is required when shard_key is set", 21: "shard_key must be >= 0 and < shard_factor",
    22: "shard_factor must be <= 100", 24: "Index IDs required", 25: "Subscription buffer overflow",
    26: "Subscription market limit exceeded", 28: "Underlying tickers required",
}  # fmt: skip


class CommandError(Exception):
    """``details`` go into the message beside the code."""

    def __init__(self, code: int, said: str | None = None, **details: Any) -> None:
        super().__init__(said or ERRORS[code])
        self.code = code
        self.details = details


@dataclass(slots=True)
class Subscription:
    """``tickers`` None is every market. ``indices`` holds names of an index channel, or ``all`` for every one."""

    sid: int
    channel: str
    tickers: set[str] | None
    yes_price: bool = False
    quiet: bool = False  # ok replies leave out the tickers
    by_id: bool = False  # subscribed with market ids
    own: bool = False  # of requests for quotes, only the user's own
    shard: tuple[int, int] | None = None  # factor and key
    seq: int = 0
    shown: dict[str, frames.Message] = field(default_factory=dict)
    indices: set[str] = field(default_factory=set)

    def wants(self, ticker: str) -> bool:
        return self.tickers is None or ticker in self.tickers

    def chosen(self) -> list[str]:
        """The names that an index channel sends."""
        names = INDEX_CHANNELS[self.channel].names
        return [name for name in names if ALL in self.indices or name in self.indices]

    def in_shard(self, ticker: str) -> bool:
        """Whether a market's requests for quotes come here when they are split among connections."""
        return self.shard is None or crc32(ticker.encode()) % self.shard[0] == self.shard[1]


def with_id(number: Any, message: dict[str, Any]) -> dict[str, Any]:
    """An id of 0 is the same as none."""
    return {"id": number, **message} if isinstance(number, int) and number > 0 else message


def sharding(params: dict[str, Any]) -> tuple[int, int] | None:
    """``shard_factor`` and ``shard_key``. Raises CommandError."""
    factor, key = params.get("shard_factor"), params.get("shard_key")
    if factor is not None and (not isinstance(factor, int) or factor <= 0):
        raise CommandError(19)
    if factor is not None and factor > 100:
        raise CommandError(22)
    if key is not None and factor is None:
        raise CommandError(20)
    if factor is None:
        return None
    if key is not None and not (isinstance(key, int) and 0 <= key < factor):
        raise CommandError(21)
    return factor, key or 0
