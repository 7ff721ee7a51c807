"""Captures of Kalshi: what its stream tells and what is read beside it, so that any rule can be asked about it."""

from __future__ import annotations

from typing import Any

from connectors.capture.codec import Codec, Seen, Table
from connectors.capture.kalshi.player import KalshiPlayer
from connectors.capture.kalshi.records import READERS, BookSeen, Learned
from connectors.capture.kalshi.session import Session
from connectors.kalshi.events import Disconnected, MessagesMissed, Problem, StreamEvent, Subscribed
from connectors.kalshi.models.stream import EventFeeUpdate, MarketLifecycle, PublicTrade, Ticker

_KINDS = {PublicTrade: "trades", Ticker: "tickers", MarketLifecycle: "lifecycle"}


def _seen(record: Any) -> Seen | None:
    if isinstance(record, BookSeen):
        return Seen("books", record.ticker) if record.changed else None
    if isinstance(record, Learned):
        return Seen("readings")
    return _heard(record) if isinstance(record, StreamEvent) else None


def _heard(event: StreamEvent) -> Seen:
    body, time_ns = event.body, event.received_ns
    if isinstance(body, EventFeeUpdate):
        return Seen("fees")
    if isinstance(body, PublicTrade | Ticker | MarketLifecycle):
        return Seen(_KINDS[type(body)], body.market_ticker)
    if isinstance(body, Disconnected | Subscribed):
        return Seen("connection", time_ns=time_ns, down=isinstance(body, Disconnected))
    if isinstance(body, MessagesMissed):
        return Seen("connection", time_ns=time_ns, gap=f"{body.count} messages of {body.channel} were lost")
    return Seen("connection", time_ns=time_ns, gap=body.words if isinstance(body, Problem) else "")


def _schemas() -> Any:
    from connectors.capture.kalshi.rows import SCHEMAS  # late: it needs Arrow

    return SCHEMAS


def _table() -> Table:
    from connectors.capture.kalshi.rows import KalshiTable

    return KalshiTable()


CODEC = Codec(Session, READERS, KalshiPlayer, _seen, _schemas, _table)
