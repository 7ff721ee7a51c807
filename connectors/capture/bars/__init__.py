"""Captures of a feed of bars and quotes: what it told and when, and beside that, word by word, what was heard.

What was told is what a run is decided on again; bars are made of trades by the clock and of reads that come back when
they do, so that no second making of them would be the same. What was heard is there to be looked at.
"""

from __future__ import annotations

from typing import Any

from connectors.capture.bars.head import FeedHead
from connectors.capture.bars.player import BarsPlayer
from connectors.capture.bars.records import READERS, Behind, Heard, Link, PastEnds, Silence
from connectors.capture.codec import Codec, Seen, Table
from engine.market.events import Bar, Quote


def _seen(record: Any) -> Seen | None:
    if isinstance(record, Bar | Quote):
        return Seen("bars" if isinstance(record, Bar) else "quotes", record.symbol)
    if isinstance(record, Link):
        return Seen("connection", time_ns=record.time_ns, down=not record.up)
    if isinstance(record, Silence):
        return Seen("missed", record.symbol, record.time_ns, gap=record.reason)
    if isinstance(record, PastEnds):
        return Seen("past")
    if isinstance(record, Heard):
        return Seen("heard")
    assert isinstance(record, Behind)
    return None


def _schemas() -> Any:
    from connectors.capture.bars.rows import SCHEMAS  # late: it needs Arrow

    return SCHEMAS


def _table() -> Table:
    from connectors.capture.bars.rows import BarsTable

    return BarsTable()


CODEC = Codec(FeedHead, READERS, BarsPlayer, _seen, _schemas, _table)
