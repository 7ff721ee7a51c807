"""What the stream tells its reader, beside the venue's own messages."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

from connectors.kalshi.models.stream import Message, Ticker


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection is up; nothing is subscribed yet. ``down_since_ns`` (UTC): since when messages were missed, None
    on the first connection."""

    down_since_ns: int | None = None

    @property
    def again(self) -> bool:
        return self.down_since_ns is not None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """Everything wanted is subscribed on this connection: what happens from now on is told. What was missed before is
    not sent again, so read orders, fills and positions by REST now, before acting on anything that follows."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is lost or could not be made; it is tried again. All books are unknown until their snapshots."""

    reason: str


@dataclass(frozen=True, slots=True)
class BookChanged:
    """The book of ``ticker`` is known and has changed. Several changes in a row may be told once."""

    ticker: str


@dataclass(frozen=True, slots=True)
class BookLost:
    """The book of ``ticker`` is unknown until BookChanged."""

    ticker: str
    reason: str


@dataclass(frozen=True, slots=True)
class MessagesMissed:
    """Messages of a channel were lost on the way. Books mend themselves; of trades, market lives and order groups
    the reader must read anew what it needs."""

    channel: str
    count: int


@dataclass(frozen=True, slots=True)
class Problem:
    """The venue refused a command or sent something unreadable; the stream goes on."""

    words: str
    code: int | None = None


Notice = Connected | Subscribed | Disconnected | BookChanged | BookLost | MessagesMissed | Problem
Body = Notice | Message


class StreamEvent(NamedTuple):
    """``received_ns``: when the frame arrived (UTC); ``sent_ms``: when the venue says it sent it (None: not said)."""

    received_ns: int
    body: Body
    sent_ms: int | None = None


def conflation_key(body: Body) -> Hashable | None:
    """What a newer event replaces an unread older one by: books and tickers are states. None: never dropped."""
    if isinstance(body, BookChanged | BookLost):
        return ("book", body.ticker)
    if isinstance(body, Ticker):
        return ("ticker", body.market_ticker)
    return None
