"""What is in a capture: counts, times, markets, gaps, damage."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from connectors.capture.codec import Head, Seen, codec_of
from connectors.capture.frames import Damage
from connectors.capture.packing import Begun, Ended, Told
from connectors.capture.reader import Capture
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

    head: Head
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
        self._seen: Callable[[Any], Seen | None] = lambda record: None

    def take(self, number: int, record: Any) -> None:
        if isinstance(record, Head):
            self._begin(number, record)
            return
        session = self.summary.sessions[-1]
        if isinstance(record, Told):
            self._told(number, record)
            session.last_ns = record.time_ns
        elif isinstance(record, Ended):
            session.note, session.last_ns = record.note, record.time_ns
        elif isinstance(record, Observation):
            self._count("signals", record.symbol)
        elif not isinstance(record, Begun):
            seen = self._seen(record)
            if seen is not None:
                self._heard(number, seen)

    def _begin(self, number: int, head: Head) -> None:
        sessions = self.summary.sessions
        if sessions:
            why = "nothing was captured" if sessions[-1].note is not None else "the capture broke off"
            self._gap(number, sessions[-1].last_ns, head.created_ns, why)
        sessions.append(SessionSummary(head, head.created_ns, head.created_ns))
        self._down_ns, self._told_ns, self._seen = 0, head.created_ns, codec_of(head.venue).seen
        self.summary.counts["markets"] += len(head.instruments)

    def _told(self, number: int, told: Told) -> None:
        self.summary.counts["pulses" if told.pulse else "told"] += 1
        pace = self.summary.sessions[-1].head.pace
        if told.time_ns - self._told_ns > SILENT_NS * pace:
            self._gap(number, self._told_ns, told.time_ns, "the capturing process stood still")
        self._told_ns = told.time_ns

    def _heard(self, number: int, seen: Seen) -> None:
        time_ns = seen.time_ns
        self._count(seen.kind, seen.symbol)
        if seen.down:
            self._down_ns = self._down_ns or time_ns
        elif seen.down is False and self._down_ns:
            self._gap(number, self._down_ns, time_ns, "the stream was down")
            self._down_ns = 0
        if seen.gap:
            self._gap(number, time_ns, time_ns, seen.gap)

    def _count(self, kind: str, ticker: str) -> None:
        self.summary.counts[kind] += 1
        if ticker:
            self.summary.by_market[ticker] += 1

    def _gap(self, number: int, from_ns: int, to_ns: int, why: str) -> None:
        self.summary.gaps.append(Gap(number, from_ns, to_ns, why))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
