"""The ``msg`` of messages of the index channels."""

from __future__ import annotations

import json

from connectors.simulators.kalshi.feeds import CRYPTO, UNDERLYINGS, UNIT, Average, Feeds, Index
from connectors.simulators.kalshi.stream.frames import Message


def value(feeds: Feeds, channel: str, name: str, time_ms: int) -> Message:
    """One index at one moment, as this channel sends it."""
    if channel == "pyth_value":
        index = UNDERLYINGS[name]
        times = {"source_ts_ms": time_ms, "received_at": time_ms}
        return {"underlying_ticker": name, "value_usd": _shown(feeds.value(index, time_ms)), **times}
    index = CRYPTO[name]
    amount = feeds.value(index, time_ms)
    source = {"type": "value", "id": name, "time": time_ms, "value": _shown(amount, index.places)}
    raw = json.dumps(source, separators=(",", ":"))
    msg: Message = {"index_id": name, "received_at": time_ms, "data": raw}
    if channel == "cfbenchmarks_value_5hz":
        return msg | {"value_usd": _shown(amount), "source_ts_ms": time_ms}
    return msg | _averages(feeds, index, time_ms)


def _averages(feeds: Feeds, index: Index, time_ms: int) -> Message:
    averages = {"avg_60s_data": _average(feeds.trailing(index, time_ms))}
    closing = feeds.closing(index, time_ms)
    return averages | ({"last_60s_windowed_average_15min": _average(closing)} if closing is not None else {})


def _average(average: Average) -> Message:
    return {
        "value": _shown(average.value),
        "window_size": average.size,
        "window_start_ts_ms": average.start_ms,
        "window_end_ts_exclusive": average.end_ms,
    }


def _shown(amount: int, places: int = 8) -> str:
    whole, part = divmod(amount, UNIT)
    return f"{whole}.{part:08d}"[: len(str(whole)) + 1 + places]
