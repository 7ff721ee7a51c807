"""A capture as a source of ticks: the same that a run on the live feed would have had."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.capture.codec import Head, Player, codec_of
from connectors.capture.errors import CaptureError
from connectors.capture.packing import Begun, Ended, Told
from connectors.capture.reader import Capture
from connectors.days import ALL_TIME, DayRange
from engine.market.events import Tick, later
from engine.market.inputs import MarketInput, Past
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
        venues = sorted({head.venue for head in self._chosen})
        if len(venues) > 1:
            raise CaptureError(f"{path}: it holds {' and '.join(venues)}; --session chooses one session")
        self._venue = venues[0]

    @property
    def instruments(self) -> dict[str, Instrument]:
        """What was followed, as what can be ordered, by the newest session that has it."""
        return {symbol: instrument for head in self._chosen for symbol, instrument in head.instruments.items()}

    @property
    def taker_rates(self) -> dict[str, Decimal]:
        """What takers were charged in each market when it was captured first."""
        found: dict[str, Decimal] = {}
        for head in self._chosen:
            found = {**head.taker_rates, **found}
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
        return " ".join([f"capture {self._venue}", *sorted(found - {"practice"}), *(found & {"practice"})])

    @property
    def words(self) -> str:
        """What the capture is, for reports."""
        count = len(self.sessions)
        which = f"session {self.session} of {count}" if self.session else f"{count} session{'s' if count > 1 else ''}"
        places = ", ".join(sorted({head.exchange for head in self.sessions}))
        return f"captured at {self._venue} {places}, {which}"

    def ticks_of(self, symbols: Collection[str], names: Collection[str], days: DayRange = ALL_TIME) -> CaptureSource:
        """A source for these symbols and these facts."""
        return CaptureSource(self.capture, self.session, symbols, names, days)


class CaptureSource:
    """Implements ``engine.market.inputs.InputSource``. What is before ``days`` is heard, not told.

    ``notes`` holds how each session that was ended on purpose ended.
    """

    def __init__(
        self, capture: Capture, session: int | None, symbols: Collection[str], names: Collection[str],
        days: DayRange,
    ) -> None:  # fmt: skip
        self._capture, self._session = capture, session
        self._symbols, self._names = frozenset(symbols), names
        self._span = days
        self.notes: dict[int, dict[str, Any]] = {}
        self._first_ns = self._last_ns = 0  # of what was heard

    def progress(self) -> float:
        """The part of the file that has been read, 0 to 1."""
        return min(1.0, self._capture.position / self._capture.size) if self._capture.size else 1.0

    def ticks(self) -> Iterator[Tick]:
        """As ``inputs``, for whoever wants prices alone: bars of the past are ticks at the time at which they came."""
        now = 0
        for item in self.inputs():
            if isinstance(item, Tick | Past):
                tick = item if isinstance(item, Tick) else item.tick
                now = later(tick.time_ns, now)
                yield Tick(now, tick.events)

    def inputs(self) -> Iterator[MarketInput]:
        """Everything as a run would have had it: ticks at the times at which they were told, and where there are bars,
        what must have been seen of the time before and what is late. SourceError where the days have no tick."""
        self.notes.clear()
        self._first_ns, empty = 0, True
        for item in self._told():
            empty = empty and not isinstance(item, Tick)
            yield item
        if empty and self._first_ns and self._span.bounded:
            last_ns = None if self._span.after(self._last_ns) else self._last_ns  # what is after the days was not read
            raise self._span.nothing(str(self._capture.path), self._first_ns, last_ns)

    def _told(self) -> Iterator[MarketInput]:
        player: Player | None = None
        now, hidden = 0, self._span.begin is not None
        for number, record in self._capture.entries():
            if self._session is not None and number != self._session:
                continue
            if isinstance(record, Head):
                if player is not None:
                    now = later(record.created_ns, now)
                    yield from _within(player.broken_off(now), shown=now in self._span)
                player = codec_of(record.venue).player(record, self._symbols, self._names, player)
                continue
            assert player is not None
            if isinstance(record, Ended):
                self.notes[number] = record.note
            if not isinstance(record, Told):
                player.take(record)
                continue
            told_ns = later(record.time_ns, now)
            self._first_ns, self._last_ns = self._first_ns or told_ns, told_ns
            if self._span.after(told_ns):
                return
            if hidden and self._span.before(told_ns):
                yield from player.hush(record, told_ns)
                continue
            if hidden:
                player.wanted()
                hidden = False
            for item in player.tell(record, told_ns):
                if isinstance(item, Tick):
                    now = told_ns
                yield item


def _within(items: list[MarketInput], *, shown: bool) -> Iterator[MarketInput]:
    """All of them, or no tick among them."""
    return (item for item in items if shown or not isinstance(item, Tick))
