"""A capture as a source of ticks: the same that a run on the live feed would have had."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.capture.errors import CaptureError
from connectors.capture.reader import Capture
from connectors.capture.records import Begun, BookSeen, Ended, Learned, Record, Told
from connectors.capture.session import Session
from connectors.days import DayRange
from connectors.kalshi.book import Book
from connectors.kalshi.events import BookChanged, StreamEvent
from connectors.kalshi.teller import Teller, taker_rates
from engine.market.events import MarketEvent, Observation, Tick, later
from engine.market.instrument import Instrument


class CapturedMarkets:
    """What a capture holds: markets of the sessions that are chosen. ``session`` from 1; None is all of them."""

    has_signals = True

    def __init__(self, path: Path, session: int | None = None) -> None:
        self.path, self.session = path, session
        self.capture = Capture(path)
        self.sessions = self.capture.sessions()
        if session is not None and not 1 <= session <= len(self.sessions):
            raise CaptureError(f"{path}: there is no session {session}; it has {len(self.sessions)}")
        self._chosen = self.sessions if session is None else [self.sessions[session - 1]]
        self._markets = {ticker: market for head in self._chosen for ticker, market in head.markets.items()}

    @property
    def instruments(self) -> dict[str, Instrument]:
        """The markets as what can be ordered, on their newest grids."""
        return {ticker: market.instrument for ticker, market in self._markets.items()}

    @property
    def taker_rates(self) -> dict[str, Decimal]:
        """What takers were charged in each market when it was captured first."""
        found: dict[str, Decimal] = {}
        for head in self._chosen:
            reading = head.read.reading
            found = {**taker_rates(reading.fees or {}, reading.began_ns), **found}
        return found

    def begun(self) -> dict[str, Any] | None:
        """What the captured run began with; None where several sessions are chosen, or the session is of no run."""
        if len(self._chosen) > 1:
            return None
        wanted = self.session or 1
        for number, record in self.capture.entries():
            if number == wanted and isinstance(record, Begun):
                return record.note
            if number > wanted or (number == wanted and isinstance(record, Told)):
                break
        return None

    def listed(self) -> dict[str, list[str]] | None:
        """Which source of signals listed which markets in the captured run; None where ``begun`` is."""
        note = self.begun()
        return None if note is None else note.get("listed")

    @property
    def origin(self) -> str:
        """The exchanges that it was captured at; a practice exchange, whose prices are made up, comes last."""
        found = {head.exchange for head in self._chosen}
        return " ".join(["capture kalshi", *sorted(found - {"practice"}), *(found & {"practice"})])

    @property
    def words(self) -> str:
        """What the capture is, for reports."""
        count = len(self.sessions)
        which = f"session {self.session} of {count}" if self.session else f"{count} session{'s' if count > 1 else ''}"
        places = ", ".join(sorted({head.exchange for head in self.sessions}))
        return f"captured at kalshi {places}, {which}"

    def ticks_of(
        self, symbols: Collection[str], names: Collection[str], first: date | None = None, last: date | None = None
    ) -> CaptureSource:
        """A source for these symbols and these facts."""
        return CaptureSource(self.capture, self.session, symbols, names, first, last)


class CaptureSource:
    """Implements ``engine.market.events.MarketSource``. ``first`` and ``last`` are days in UTC, both included.

    ``notes`` holds how each session that was ended on purpose ended. What is before ``first`` is heard, not told.
    """

    def __init__(
        self, capture: Capture, session: int | None, symbols: Collection[str], names: Collection[str],
        first: date | None, last: date | None,
    ) -> None:  # fmt: skip
        self._capture, self._session = capture, session
        self._symbols, self._names = frozenset(symbols), names
        self._span = DayRange(first, last)
        self.notes: dict[int, dict[str, Any]] = {}

    def progress(self) -> float:
        """The part of the file that has been read, 0 to 1."""
        return min(1.0, self._capture.position / self._capture.size) if self._capture.size else 1.0

    def ticks(self) -> Iterator[Tick]:
        """Ticks as a run would have had them, at the times at which they were told."""
        self.notes.clear()
        player: _Player | None = None
        now, hidden = 0, self._span.begin_ns is not None
        for number, record in self._capture.entries():
            if self._session is not None and number != self._session:
                continue
            if isinstance(record, Session):
                if player is not None:
                    now = later(record.created_ns, now)
                    silence = player.broken_off(now)
                    if now in self._span:
                        yield Tick(now, silence)
                player = _Player(record, self._symbols, self._names)
                continue
            assert player is not None
            if isinstance(record, Ended):
                self.notes[number] = record.note
            if not isinstance(record, Told):
                player.take(record)
                continue
            told_ns = later(record.time_ns, now)
            if self._span.after(told_ns):
                return
            if hidden and not self._span.before(told_ns):
                player.teller.forget()
                hidden = False
            events = player.tell(record)
            if events is not None and not hidden:
                now = told_ns
                yield Tick(now, events)


class _Player:
    """One session, heard again."""

    def __init__(self, head: Session, symbols: Collection[str], names: Collection[str]) -> None:
        self._books: dict[str, Book] = {}
        self._signals: list[Observation] = []
        self._symbols = symbols
        states = [market.state for ticker, market in head.markets.items() if ticker in symbols]
        self.teller = Teller(states, names, lambda ticker, now: self._books.get(ticker))
        self.teller.learn(head.read.reading)

    def take(self, record: Record) -> None:
        """Something that was heard."""
        if isinstance(record, BookSeen):
            self._book(record)
        elif isinstance(record, StreamEvent):
            self.teller.hear(record)
        elif isinstance(record, Learned):
            self.teller.learn(record.reading)
        elif isinstance(record, Observation) and record.symbol in self._symbols:
            self._signals.append(record)

    def broken_off(self, now_ns: int) -> list[MarketEvent]:
        """The session is over and another follows: what moved while nobody listened is unknown."""
        self._books.clear()
        self.teller.disconnected()
        return self.teller.told(now_ns)

    def tell(self, record: Told) -> list[MarketEvent] | None:
        """The events of a tick, if there is one."""
        if not record.pulse:
            return self.teller.told(record.time_ns) or None
        signals, self._signals = self._signals, []
        return [*signals, *self.teller.pulse(record.time_ns)]

    def _book(self, seen: BookSeen) -> None:
        if not seen.known:
            self._books.pop(seen.ticker, None)
        else:
            if seen.whole:
                self._books[seen.ticker] = Book(seen.ticker)
            self._books[seen.ticker].put(seen.bids, seen.asks)
        if seen.changed:
            self.teller.hear(StreamEvent(seen.time_ns, BookChanged(seen.ticker)))
