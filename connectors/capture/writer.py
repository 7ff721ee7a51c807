"""Writes a capture: frame after frame at the end of a file, each on disk before the next begins.

A frame is written when it is full, or a second after its first record (at the first pulse from then on). Each is one
write, then ``fdatasync``: a kill loses what was heard since, a second as a rule, and so does a power cut.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from connectors.capture.codec import Maker
from connectors.capture.errors import CaptureError
from connectors.capture.frames import Damage, FrameKind, FrameReader, encode_frame, file_header
from connectors.capture.packing import Packer, RecordError
from engine.market.events import NANOS, Observation

FULL_BYTES: Final = 1 << 18  # before compression
LATEST_NS: Final = NANOS


class CaptureFile:
    """A capture that is open for writing, by this process alone. ``cut``: what was taken off its end at opening."""

    def __init__(self, path: Path) -> None:
        """Make a file, or go on with one: what a kill left half written is cut off.

        CaptureError when it cannot be written, is in use, is no capture, or is damaged before its end.
        """
        self.path = path
        self.cut: Damage | None = None
        self.number = 0
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self._lock()
            self._recover()
        except OSError as error:
            self.close()
            raise CaptureError(f"{path}: cannot be written ({error.strerror or error})") from error
        except BaseException:
            self.close()
            raise

    def append(self, kind: FrameKind, records: int, first_ns: int, last_ns: int, data: bytes) -> None:
        """One frame; on disk when this returns."""
        self._write(encode_frame(kind, self.number, records, first_ns, last_ns, data))
        self.number += 1

    def close(self) -> None:
        """Let go of the file; harmless when done twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _lock(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CaptureError(f"{self.path}: another process is capturing into it; name another file") from None

    def _recover(self) -> None:
        size = os.fstat(self._descriptor).st_size
        reader = FrameReader(self.path)
        self.number = sum(1 for _ in reader) if size else 0
        damage = reader.damage
        if damage is not None and not damage.torn:
            raise CaptureError(
                f"{self.path}: damaged at byte {damage.offset} ({damage.why}), and whole frames follow: it is not "
                "added to; capture into another file"
            )
        if damage is not None:
            os.ftruncate(self._descriptor, damage.offset)
            self.cut = damage
        if not size or (damage is not None and damage.offset == 0):
            self._write(file_header())
            self._sync_folder()

    def _write(self, data: bytes) -> None:
        """All of it: a full disk must not leave a gap in the middle. Half a frame at the end is cut at reopening."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise CaptureError(f"{self.path}: cannot be written ({error.strerror or error})") from error

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class CaptureWriter:
    """One session of a capture, for a tape of the venue that is captured. Leaving it writes what is left.

    ``maker`` goes into the session's head. ``on_failure``: hears in words, once, that nothing more can be kept, and
    whoever is captured goes on; without it that is a CaptureError. ``counts``: of what has been heard, by kind.
    """

    def __init__(
        self, file: CaptureFile, clock: Callable[[], int], maker: Maker,
        on_failure: Callable[[str], None] | None = None,
    ) -> None:  # fmt: skip
        self._file, self._clock, self._maker = file, clock, maker
        self._on_failure, self._failed = on_failure, False
        self.packer = Packer()
        self.counts: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
        finally:
            self._file.close()

    def now_ns(self) -> int:
        """The time of the market that is captured, UTC nanoseconds."""
        return self._clock()

    def begin(self, head: Callable[[Maker, int], bytes]) -> None:
        """The head of the session, on disk at once; ``head`` makes it for a time, UTC nanoseconds."""
        now = self._clock()
        with self.safely():
            self._file.append(FrameKind.SESSION, 1, now, now, head(self._maker, now))

    def add(self, kind: int, time_ns: int, *fields: Any) -> None:
        """One record of the venue's own."""
        with self.safely():
            self.packer.add(kind, time_ns, *fields)

    def begun(self, note: dict[str, Any]) -> None:
        """What the run begins with (JSON values); to be told before its first tick."""
        with self.safely():
            self.packer.begun(self._clock(), note)

    def signals(self, seen: Sequence[Observation]) -> None:
        """What other connectors told."""
        self.counts["signals"] = self.counts.get("signals", 0) + len(seen)
        with self.safely():
            for one in seen:
                self.packer.signal(one)

    def told(self, time_ns: int) -> None:
        """What was heard is told now."""
        with self.safely():
            self.packer.told(time_ns, pulse=False)
            if len(self.packer.data) >= FULL_BYTES:
                self._write()

    def pulse(self, time_ns: int) -> None:
        """Time has passed."""
        with self.safely():
            self.packer.told(time_ns, pulse=True)
            if time_ns - self.packer.first_ns >= LATEST_NS:
                self._write()

    def end(self, note: dict[str, Any]) -> None:
        """The session ends on purpose; ``note`` (JSON values) is kept with it."""
        with self.safely():
            self.packer.ended(self._clock(), note)
            self._write()

    def flush(self) -> None:
        """Write what has been heard so far."""
        with self.safely():
            self._write()

    def _write(self) -> None:
        if self.packer.records and not self._failed:
            self._file.append(FrameKind.RECORDS, *self.packer.take())

    @contextmanager
    def safely(self) -> Iterator[None]:
        """What cannot be kept ends the capture; a run that trades must not end with it."""
        try:
            yield
        except (CaptureError, RecordError) as error:
            self._failed = True
            words = str(error) if isinstance(error, CaptureError) else f"{self._file.path}: {error}"
            if self._on_failure is None:
                raise CaptureError(words) from error
            self._on_failure, tell = _nothing, self._on_failure
            tell(f"{words}; nothing more is captured, and the run goes on")
        if self._failed:
            self.packer.take()


def _nothing(words: str) -> None:
    """It has been said."""
