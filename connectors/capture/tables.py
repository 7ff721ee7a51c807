"""Columns that captures of every venue have in Parquet."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from engine.market.events import Observation

WHEN: Final = [("time_ns", pa.int64()), ("time", pa.timestamp("us", "UTC")), ("session", pa.int32())]


def signal_schema(symbol: str) -> pa.Schema:
    """Facts; ``symbol`` is what the venue calls the column of what a fact is about."""
    return pa.schema([
        *WHEN, (symbol, pa.string()), ("name", pa.string()), ("number", pa.float64()), ("text", pa.string()),
        ("truth", pa.bool_()), ("reason", pa.string()),
    ])  # fmt: skip


def signal_row(seen: Observation, symbol: str) -> dict[str, Any]:
    """A row of it."""
    value = seen.value
    return {
        "time_ns": seen.time_ns, symbol: seen.symbol, "name": seen.name, "reason": seen.reason,
        "truth": value if isinstance(value, bool) else None, "text": value if isinstance(value, str) else None,
        "number": float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None,
    }  # fmt: skip
