"""Reads a capture, session by session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from connectors.capture.codec import Head, read_head
from connectors.capture.errors import CaptureError
from connectors.capture.frames import Damage, Frame, FrameKind, FrameReader
from connectors.capture.packing import Decoder, RecordError, SessionError


class Entry(NamedTuple):
    """One record, and the session that it belongs to (from 1). The first of each session is its head."""

    session: int
    record: Any


class Capture:
    """A capture file. Every pass over it starts from the front."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = FrameReader(path)
        self.size = path.stat().st_size if path.is_file() else 0

    @property
    def position(self) -> int:
        """Bytes that the pass under way has read."""
        return self._reader.position

    @property
    def damage(self) -> Damage | None:
        """What the last whole pass met."""
        return self._reader.damage

    def frames(self) -> Iterator[Frame]:
        """Whole frames from the front, as far as there is no damage."""
        yield from self._reader

    def entries(self) -> Iterator[Entry]:
        """Every record, in the order of writing, as far as there is no damage.

        CaptureError for a frame whose bytes are right and whose records cannot be read.
        """
        session, decoder = 0, Decoder({})
        for frame in self.frames():
            try:
                if frame.kind is FrameKind.SESSION:
                    head, codec = read_head(frame.data)
                    session, decoder = session + 1, Decoder(codec.readers)
                    yield Entry(session, head)
                    continue
                if not session:
                    raise RecordError("records stand before any session")
                for record in decoder.records(frame.data, frame.first_ns):
                    yield Entry(session, record)
            except (RecordError, SessionError) as error:
                raise CaptureError(f"{self.path}: frame {frame.number} at byte {frame.offset}: {error}") from None

    def sessions(self) -> list[Head]:
        """The heads of all sessions. CaptureError when there is none, or when the file is damaged before its end.

        Reads the file through.
        """
        heads = []
        for frame in self.frames():
            if frame.kind is FrameKind.SESSION:
                try:
                    heads.append(read_head(frame.data)[0])
                except SessionError as error:
                    raise CaptureError(f"{self.path}: session at byte {frame.offset}: {error}") from None
        damage = self.damage
        if damage is not None and not damage.torn:
            raise CaptureError(
                f"{self.path}: damaged at byte {damage.offset} of {self.size} ({damage.why}); what follows would be "
                "decided on without what is lost there: go on with a copy, or take what is before it with "
                f"`head -c {damage.offset}`"
            )
        if not heads:
            raise CaptureError(f"{self.path}: nothing was captured into it")
        return heads
