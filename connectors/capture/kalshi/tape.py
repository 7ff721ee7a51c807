"""Keeps what Kalshi's feed hears and when it tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from connectors.capture.kalshi.records import Encoder
from connectors.capture.kalshi.session import Session
from connectors.capture.writer import CaptureWriter
from connectors.kalshi.book import Book
from connectors.kalshi.events import StreamEvent
from connectors.kalshi.listing import Listing
from connectors.kalshi.states import MarketState
from connectors.kalshi.teller import Reading
from engine.market.events import Observation


class KalshiTape:
    """A ``connectors.kalshi.source.Tape`` into a session of a capture."""

    def __init__(self, writer: CaptureWriter) -> None:
        self._writer = writer
        self._records = Encoder(writer.packer)
        writer.counts |= dict.fromkeys(("books", "trades", "tickers", "signals"), 0)

    def begin(self, states: Sequence[MarketState], listings: Mapping[str, Listing], reading: Reading) -> None:
        """The head of the session, on disk at once."""
        self._writer.begin(lambda maker, now: Session.of(maker, now, states, listings, reading).encode())

    def learned(self, time_ns: int, reading: Reading) -> None:
        """What was read beside the stream."""
        with self._writer.safely():
            self._records.learned(time_ns, reading)

    def heard(self, event: StreamEvent) -> None:
        """One event of the stream."""
        name = _COUNTED.get(type(event.body).__name__)
        if name is not None:
            self._writer.counts[name] += 1
        with self._writer.safely():
            self._records.heard(event)

    def book(self, ticker: str, time_ns: int, book: Book | None, *, changed: bool) -> None:
        """A book as it is seen now."""
        self._writer.counts["books"] += changed
        with self._writer.safely():
            self._records.book(ticker, time_ns, book, changed=changed)

    def signals(self, seen: Sequence[Observation]) -> None:
        """What other connectors told."""
        self._writer.signals(seen)

    def told(self, time_ns: int) -> None:
        """What was heard is told now."""
        self._writer.told(time_ns)

    def pulse(self, time_ns: int) -> None:
        """Time has passed."""
        self._writer.pulse(time_ns)


_COUNTED: Final = {"PublicTrade": "trades", "Ticker": "tickers"}
