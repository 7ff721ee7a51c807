"""A session of Kalshi, heard again: the same teller that a live feed goes through."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from connectors.capture.codec import Player
from connectors.capture.kalshi.records import BookSeen, Learned
from connectors.capture.kalshi.session import Session
from connectors.capture.packing import Told
from connectors.kalshi.book import Book
from connectors.kalshi.events import BookChanged, StreamEvent
from connectors.kalshi.teller import Teller
from engine.market.events import Observation, Tick
from engine.market.inputs import MarketInput


class KalshiPlayer:
    """Implements ``connectors.capture.codec.Player``."""

    def __init__(
        self, head: Session, symbols: Collection[str], names: Collection[str], before: Player | None = None
    ) -> None:
        self._books: dict[str, Book] = {}
        self._signals: list[Observation] = []
        self._symbols = symbols
        states = [market.state for ticker, market in head.markets.items() if ticker in symbols]
        self._teller = Teller(states, names, lambda ticker, now: self._books.get(ticker))
        self._teller.learn(head.read.reading)

    def take(self, record: Any) -> None:
        """Something that was heard."""
        if isinstance(record, BookSeen):
            self._book(record)
        elif isinstance(record, StreamEvent):
            self._teller.hear(record)
        elif isinstance(record, Learned):
            self._teller.learn(record.reading)
        elif isinstance(record, Observation) and record.symbol in self._symbols:
            self._signals.append(record)

    def tell(self, told: Told, time_ns: int) -> list[MarketInput]:
        """The tick, if there is one."""
        if not told.pulse:
            events = self._teller.told(told.time_ns)
            return [Tick(time_ns, events)] if events else []
        signals, self._signals = self._signals, []
        return [Tick(time_ns, [*signals, *self._teller.pulse(told.time_ns)])]

    def hush(self, told: Told, time_ns: int) -> list[MarketInput]:
        """Nothing of contracts must have been seen before."""
        self.tell(told, time_ns)
        return []

    def wanted(self) -> None:
        """Everything is told anew."""
        self._teller.forget()

    def broken_off(self, time_ns: int) -> list[MarketInput]:
        """Everything is unknown."""
        self._books.clear()
        self._teller.disconnected()
        return [Tick(time_ns, self._teller.told(time_ns))]

    def _book(self, seen: BookSeen) -> None:
        if not seen.known:
            self._books.pop(seen.ticker, None)
        else:
            if seen.whole:
                self._books[seen.ticker] = Book(seen.ticker)
            self._books[seen.ticker].put(seen.bids, seen.asks)
        if seen.changed:
            self._teller.hear(StreamEvent(seen.time_ns, BookChanged(seen.ticker)))
