"""The bytes of a capture: a file header, then frames, each with checksums of its own, so that a cut or a flipped bit is
found, and found where it is.

A frame is a header of 48 bytes and a payload, compressed with Zstandard. All numbers are little-endian.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final, NamedTuple
from zlib import crc32

from connectors.capture.errors import CaptureError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC: Final = b"\x93ATCAP\r\n"  # a byte that is no text, and line ends, so that a transfer as text shows
VERSION: Final = 1
FILE_HEADER: Final = Struct("<8sHHI")  # magic, version, zero, CRC-32 of what is before
MARKER: Final = b"\xabATf"
_FIELDS: Final = Struct("<4sBBHIIIIqq")  # see FrameHeader; the marker first, a zero after the codec
HEADER_BYTES: Final = _FIELDS.size + 8  # and CRC-32 of the fields, CRC-32 of the payload
_SUMS: Final = Struct("<II")
ZSTD: Final = 1
LEVEL: Final = 3
MOST_BYTES: Final = 1 << 28  # of one payload, uncompressed


class FrameKind(IntEnum):
    """What a frame holds: how a session began, or what it heard."""

    SESSION = 1
    RECORDS = 2


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, checked. ``offset`` is where it begins in the file, ``end`` where the next one does.

    ``records``: how many; ``first_ns``, ``last_ns``: times of the first and the last. ``data`` is uncompressed.
    """

    offset: int
    end: int
    kind: FrameKind
    number: int
    records: int
    first_ns: int
    last_ns: int
    data: bytes


class Damage(NamedTuple):
    """Where a file stops making sense. ``torn``: no whole frame follows, as after a kill or a power cut in the middle
    of writing; what is before ``offset`` is whole. ``lost`` is the number of bytes from there on."""

    offset: int
    why: str
    torn: bool
    lost: int


def file_header() -> bytes:
    """The first 16 bytes of a capture."""
    front = FILE_HEADER.pack(MAGIC, VERSION, 0, 0)[:-4]
    return front + crc32(front).to_bytes(4, "little")


def encode_frame(kind: FrameKind, number: int, records: int, first_ns: int, last_ns: int, data: bytes) -> bytes:
    """A frame as it is written."""
    payload = zstd.compress(data, LEVEL)
    fields = _FIELDS.pack(
        MARKER, kind, ZSTD, 0, number, records, len(payload), len(data), first_ns, last_ns
    )
    return fields + _SUMS.pack(crc32(fields), crc32(payload)) + payload


def is_capture(path: Path) -> bool:
    """Whether a file begins as a capture does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


class FrameReader:
    """Reads a file of frames from the front. ``damage`` is set once something is wrong; nothing is read after it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: Damage | None = None
        self.position = 0  # bytes read

    def __iter__(self) -> Iterator[Frame]:
        """Whole frames in order. CaptureError for a file that is no capture or of another version."""
        self.damage, self.position = None, 0
        try:
            with self.path.open("rb") as file:
                yield from self._frames(file, self.path.stat().st_size)
        except OSError as error:
            raise CaptureError(f"{self.path}: cannot be read ({error.strerror or error})") from error

    def _frames(self, file: BinaryIO, size: int) -> Iterator[Frame]:
        if not self._header(file, size):
            return
        number = 0
        while self.position < size:
            found = _read_frame(file, self.position, size, number)
            if isinstance(found, str):
                torn = not _frame_follows(self.path, self.position + 1)
                self.damage = Damage(self.position, found, torn, size - self.position)
                return
            self.position = found.end
            number += 1
            yield found

    def _header(self, file: BinaryIO, size: int) -> bool:
        said, wanted = file.read(FILE_HEADER.size), file_header()
        if said == wanted:
            self.position = FILE_HEADER.size
            return True
        if size < len(wanted) and wanted.startswith(said):
            self.damage = Damage(0, "the file ends in its header", True, size)
            return False
        if not said.startswith(MAGIC):
            raise CaptureError(f"{self.path}: this is no capture; make one with `engine capture --out FILE`")
        version = int.from_bytes(said[8:10], "little")
        if crc32(said[:12]).to_bytes(4, "little") == said[12:16]:
            raise CaptureError(f"{self.path}: a capture of version {version}; this engine reads version {VERSION}")
        raise CaptureError(f"{self.path}: damaged at byte 8: the file header's checksum is wrong; go on with a copy")


def _read_frame(file: BinaryIO, offset: int, size: int, number: int) -> Frame | str:
    """The frame at ``offset``, or what is wrong with it."""
    file.seek(offset)
    header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        return "the file ends inside a frame header"
    wrong = _header_problem(header)
    if wrong:
        return wrong
    _, kind, codec, _, said, records, stored, plain, first_ns, last_ns = _FIELDS.unpack_from(header)
    if kind not in (FrameKind.SESSION, FrameKind.RECORDS) or codec != ZSTD:
        return f"a frame of kind {kind}, codec {codec}, which this engine does not read"
    if said != number:
        return f"frame {said} stands where frame {number} belongs"
    payload = file.read(stored)
    if len(payload) < stored:
        return "the file ends inside a frame"
    if crc32(payload) != _SUMS.unpack_from(header, _FIELDS.size)[1]:
        return "a frame's checksum is wrong"
    try:
        data = zstd.decompress(payload)
    except zstd.ZstdError as error:
        return f"a frame cannot be decompressed ({error})"
    if len(data) != plain:
        return f"a frame holds {len(data)} bytes, not {plain}"
    end = offset + HEADER_BYTES + stored
    return Frame(offset, end, FrameKind(kind), said, records, first_ns, last_ns, data)


def _header_problem(header: bytes) -> str:
    if not header.startswith(MARKER):
        return "no frame begins here"
    fields = header[: _FIELDS.size]
    if crc32(fields) != _SUMS.unpack_from(header, _FIELDS.size)[0]:
        return "a frame header's checksum is wrong"
    return "" if _FIELDS.unpack(fields)[7] <= MOST_BYTES else "a frame is too large to be one"


def _frame_follows(path: Path, start: int) -> bool:
    """Whether any whole frame begins at ``start`` or later."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        at = view.find(MARKER, start)
        while at >= 0:
            header = view[at : at + HEADER_BYTES]
            if len(header) == HEADER_BYTES and not _header_problem(header):
                stored = _FIELDS.unpack_from(header)[6]
                payload = view[at + HEADER_BYTES : at + HEADER_BYTES + stored]
                if len(payload) == stored and crc32(payload) == _SUMS.unpack_from(header, _FIELDS.size)[1]:
                    return True
            at = view.find(MARKER, at + 1)
    return False
