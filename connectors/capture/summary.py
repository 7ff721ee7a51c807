"""What is in a capture: counts, times, markets, gaps, damage."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from connectors.capture.frames import Damage
from connectors.capture.reader import Capture
from connectors.capture.records import BookSeen, Ended, Learned, Record, Told
from connectors.capture.session import Session
from connectors.kalshi.events import Connected, Disconnected, MessagesMissed, Problem, StreamEvent, Subscribed
from connectors.kalshi.models.stream import EventFeeUpdate, MarketLifecycle, PublicTrade, Ticker
from engine.market.events import NANOS, Observation

SILENT_NS: Final = 5 * NANOS  # without a pulse, which comes every second: nobody was listening


class Gap(NamedTuple):
    """A time in which something may have been missed. Times are UTC nanoseconds."""

    session: int
    from_ns: int
    to_ns: int
    why: str


@dataclass(slots=True)
class SessionSummary:
    """One session. ``note`` is how it was ended; None when it was not ended but broke off."""

    head: Session
    first_ns: int
    last_ns: int
    note: dict[str, Any] | None = None


@dataclass(slots=True)
class Summary:
    """A whole file. ``sha256`` is of all its bytes."""

    path: Path
    size: int
    sha256: str
    frames: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    by_market: Counter[str] = field(default_factory=Counter)
    sessions: list[SessionSummary] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    damage: Damage | None = None


def summarize(path: Path) -> Summary:
    """Read a capture through. CaptureError when it is none."""
    capture = Capture(path)
    reader = _Reader(Summary(path, capture.size, _sha256(path)))
    for entry in capture.entries():
        reader.take(entry.session, entry.record)
    summary = reader.summary
    summary.frames = sum(1 for _ in capture.frames())
    summary.damage = capture.damage
    return summary


class _Reader:
    def __init__(self, summary: Summary) -> None:
        self.summary = summary
        self._down_ns = 0
        self._told_ns = 0

    def take(self, number: int, record: Session | Record) -> None:
        if isinstance(record, Session):
            self._begin(number, record)
            return
        session = self.summary.sessions[-1]
        if isinstance(record, StreamEvent):
            self._heard(number, record)
        elif isinstance(record, BookSeen):
            if record.changed:
                self._count("books", record.ticker)
        elif isinstance(record, Observation):
            self._count("signals", record.symbol)
        elif isinstance(record, Told):
            self._told(number, record)
            session.last_ns = record.time_ns
        elif isinstance(record, Learned):
            self.summary.counts["readings"] += 1
        elif isinstance(record, Ended):
            session.note, session.last_ns = record.note, record.time_ns

    def _begin(self, number: int, head: Session) -> None:
        sessions = self.summary.sessions
        if sessions:
            why = "nothing was captured" if sessions[-1].note is not None else "the capture broke off"
            self._gap(number, sessions[-1].last_ns, head.created_ns, why)
        sessions.append(SessionSummary(head, head.created_ns, head.created_ns))
        self._down_ns, self._told_ns = 0, head.created_ns
        self.summary.counts["markets"] += len(head.markets)

    def _told(self, number: int, told: Told) -> None:
        self.summary.counts["pulses" if told.pulse else "told"] += 1
        if told.time_ns - self._told_ns > SILENT_NS:
            self._gap(number, self._told_ns, told.time_ns, "the capturing process stood still")
        self._told_ns = told.time_ns

    def _heard(self, number: int, event: StreamEvent) -> None:
        body, time_ns = event.body, event.received_ns
        if isinstance(body, EventFeeUpdate):
            self.summary.counts["fees"] += 1
            return
        if isinstance(body, PublicTrade | Ticker | MarketLifecycle):
            kind = {PublicTrade: "trades", Ticker: "tickers", MarketLifecycle: "lifecycle"}[type(body)]
            self._count(kind, body.market_ticker)
            return
        self.summary.counts["connection"] += 1
        if isinstance(body, Disconnected):
            self._down_ns = self._down_ns or time_ns
        elif isinstance(body, Subscribed) and self._down_ns:
            self._gap(number, self._down_ns, time_ns, "the stream was down")
            self._down_ns = 0
        elif isinstance(body, MessagesMissed):
            self._gap(number, time_ns, time_ns, f"{body.count} messages of {body.channel} were lost")
        elif isinstance(body, Problem):
            self._gap(number, time_ns, time_ns, body.words)
        else:
            assert isinstance(body, Connected | Subscribed)

    def _count(self, kind: str, ticker: str) -> None:
        self.summary.counts[kind] += 1
        self.summary.by_market[ticker] += 1

    def _gap(self, number: int, from_ns: int, to_ns: int, why: str) -> None:
        self.summary.gaps.append(Gap(number, from_ns, to_ns, why))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
