"""Rows of a capture of a feed of bars. Prices are money per unit, sizes units, both as rules see them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa

from connectors.capture.bars.head import FeedHead
from connectors.capture.bars.records import Heard, Link, PastEnds, Silence
from connectors.capture.codec import Row
from connectors.capture.packing import Told
from connectors.capture.tables import WHEN, signal_row, signal_schema
from engine.market.events import Bar, Observation, Quote

_OF: Final = [*WHEN, ("symbol", pa.string())]
_PRICES: Final = [(name, pa.float64()) for name in ("open", "high", "low", "close", "volume")]
SCHEMAS: Final = {
    "instruments": pa.schema([*_OF, ("kind", pa.string()), ("prices", pa.string())]),
    "bars": pa.schema([
        *_OF, ("start_ns", pa.int64()), ("seconds", pa.int32()), *_PRICES, ("past", pa.bool_()),
    ]),
    "quotes": pa.schema([*_OF, *((name, pa.float64()) for name in ("bid", "bid_size", "ask", "ask_size"))]),
    "signals": signal_schema("symbol"),
    "connection": pa.schema([*WHEN, ("what", pa.string()), ("symbol", pa.string()), ("words", pa.string())]),
    "heard": pa.schema([*WHEN, ("source", pa.string()), ("text", pa.string())]),
}  # fmt: skip
"""Columns by kind. ``time_ns`` of a bar is when it was told, of one that was read as ``past`` when it was over;
``heard`` has messages and answers as they came."""


class BarsTable:
    """Rows of one capture. A bar is written once it is known when it was told."""

    def __init__(self) -> None:
        self._bars: list[Bar] = []

    def rows(self, record: Any) -> Iterator[tuple[str, Row]]:
        """The rows that one head or record makes, with their kinds."""
        if isinstance(record, FeedHead):
            self._bars.clear()
            for said in record.listed:
                yield "instruments", {
                    "time_ns": record.created_ns, "symbol": said.symbol, "kind": str(said.kind),
                    "prices": record.prices,
                }  # fmt: skip
        elif isinstance(record, Bar):
            self._bars.append(record)
        elif isinstance(record, PastEnds | Told):
            past = isinstance(record, PastEnds)
            for bar in self._bars:
                yield "bars", {"time_ns": bar.known_ns if past else record.time_ns, **bar._asdict(), "past": past}
            self._bars.clear()
        elif isinstance(record, Quote):
            yield "quotes", record._asdict()
        elif isinstance(record, Observation):
            yield "signals", signal_row(record, "symbol")
        elif isinstance(record, Link):
            yield "connection", {
                "time_ns": record.time_ns, "what": "connected" if record.up else "disconnected", "symbol": None,
                "words": record.reason or None,
            }  # fmt: skip
        elif isinstance(record, Silence):
            yield "connection", {
                "time_ns": record.time_ns, "what": "missed", "symbol": record.symbol or None, "words": record.reason,
            }  # fmt: skip
        elif isinstance(record, Heard):
            yield "heard", record._asdict()
