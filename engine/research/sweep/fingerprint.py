"""The name of market data: the same events give the same name, whatever files they came from."""

from __future__ import annotations

from hashlib import sha256

import numpy as np

from engine.market.columns import MarketColumns


def fingerprint(market: MarketColumns) -> str:
    """SHA-256 over every tick and event, in order."""
    found = sha256("\0".join(market.symbols).encode())
    columns = (
        market.times, market.first, market.kind, market.symbol, market.row, market.bars, market.bar_times,
        market.quotes, market.quote_times,
    )  # fmt: skip
    for column in columns:
        found.update(f"{column.dtype.str}{column.shape}".encode())
        found.update(np.ascontiguousarray(column).tobytes())
    for observation in market.observations:
        found.update(repr(tuple(observation)).encode())
    return found.hexdigest()
