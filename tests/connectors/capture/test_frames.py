"""A capture that was cut anywhere or changed anywhere: whole frames before are read, and the damage is named."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from struct import unpack
from zlib import crc32

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.capture.errors import CaptureError
from connectors.capture.frames import FILE_HEADER, Frame, FrameKind, FrameReader, encode_frame, file_header
from connectors.capture.writer import CaptureFile

if sys.version_info >= (3, 14):
    from compression.zstd import decompress
else:
    from backports.zstd import decompress

PAYLOADS = [b"the first", b"", b"a third one, " * 40, bytes(range(256)) * 3]


def build() -> bytes:
    frames = [encode_frame(FrameKind.RECORDS, n, 1, n, n + 1, data) for n, data in enumerate(PAYLOADS)]
    return file_header() + b"".join(frames)


WHOLE = build()


def ends() -> list[int]:
    """Where each frame ends, from where on it is whole."""
    at, found = FILE_HEADER.size, []
    for number, data in enumerate(PAYLOADS):
        at += len(encode_frame(FrameKind.RECORDS, number, 1, number, number + 1, data))
        found.append(at)
    return found


ENDS = ends()


def read(path: Path) -> tuple[list[Frame], FrameReader]:
    reader = FrameReader(path)
    return list(reader), reader


def test_a_cut_at_every_byte_leaves_the_whole_frames_and_says_where(tmp_path: Path) -> None:
    path = tmp_path / "cut.cap"
    for size in range(len(WHOLE)):
        path.write_bytes(WHOLE[:size])
        frames, reader = read(path)
        whole = [end for end in ENDS if end <= size]
        assert [frame.data for frame in frames] == PAYLOADS[: len(whole)]
        last = whole[-1] if whole else FILE_HEADER.size
        if size == last:
            assert reader.damage is None
        else:
            damage = reader.damage
            assert damage is not None
            assert damage.torn
            assert (damage.offset, damage.lost) == ((last, size - last) if size > FILE_HEADER.size else (0, size))


def test_going_on_after_a_cut_at_every_byte_loses_nothing_that_was_whole(tmp_path: Path) -> None:
    path = tmp_path / "cut.cap"
    for size in range(0, len(WHOLE), 7):
        path.write_bytes(WHOLE[:size])
        whole = sum(1 for end in ENDS if end <= size)
        file = CaptureFile(path)
        file.append(FrameKind.RECORDS, 1, 9, 9, b"afterwards")
        file.close()
        frames, reader = read(path)
        assert [frame.data for frame in frames] == [*PAYLOADS[:whole], b"afterwards"]
        assert reader.damage is None
        assert (file.cut is None) == (size in (0, FILE_HEADER.size, *ENDS))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(FILE_HEADER.size, len(WHOLE) - 1), mask=st.integers(1, 255))
def test_a_changed_byte_is_found_where_it_is(tmp_path: Path, at: int, mask: int) -> None:
    path = tmp_path / "flipped.cap"
    data = bytearray(WHOLE)
    data[at] ^= mask
    path.write_bytes(data)
    frames, reader = read(path)
    hit = next(number for number, end in enumerate(ENDS) if at < end)
    assert [frame.data for frame in frames] == PAYLOADS[:hit]
    damage = reader.damage
    assert damage is not None
    assert damage.offset == ([FILE_HEADER.size, *ENDS])[hit]
    assert damage.offset <= at
    assert damage.torn == (hit == len(PAYLOADS) - 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, FILE_HEADER.size - 1), mask=st.integers(1, 255))
def test_a_changed_byte_in_the_file_header_is_refused(tmp_path: Path, at: int, mask: int) -> None:
    path = tmp_path / "flipped.cap"
    data = bytearray(WHOLE)
    data[at] ^= mask
    path.write_bytes(data)
    with pytest.raises(CaptureError, match=r"flipped\.cap"):
        read(path)


def test_damage_before_the_end_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "damaged.cap"
    data = bytearray(WHOLE)
    data[ENDS[0] + 30] ^= 1
    path.write_bytes(data)
    with pytest.raises(CaptureError, match=f"damaged at byte {ENDS[0]} .*capture into another file"):
        CaptureFile(path)
    assert path.read_bytes() == bytes(data)


def test_a_frame_that_is_missing_in_the_middle_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "gap.cap"
    path.write_bytes(WHOLE[: ENDS[0]] + WHOLE[ENDS[1] :])
    frames, reader = read(path)
    assert len(frames) == 1
    assert reader.damage is not None
    assert "frame 2 stands where frame 1 belongs" in reader.damage.why


def test_zeros_after_a_power_cut_are_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "zeros.cap"
    path.write_bytes(WHOLE[: ENDS[1]] + bytes(500))
    file = CaptureFile(path)
    file.close()
    assert file.cut is not None
    assert (file.cut.offset, file.cut.lost) == (ENDS[1], 500)
    assert path.read_bytes() == WHOLE[: ENDS[1]]


def test_another_version_and_another_kind_of_file_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "other.cap"
    front = file_header()[:8] + (9).to_bytes(2, "little") + bytes(2)
    path.write_bytes(front + crc32(front).to_bytes(4, "little"))
    with pytest.raises(CaptureError, match="a capture of version 9; this engine reads version 1"):
        read(path)
    path.write_text("ticker,close\n", encoding="utf-8")
    with pytest.raises(CaptureError, match="this is no capture"):
        CaptureFile(path)
    assert path.read_text(encoding="utf-8") == "ticker,close\n"


def test_two_processes_cannot_capture_into_one_file(tmp_path: Path) -> None:
    first = CaptureFile(tmp_path / "one.cap")
    with pytest.raises(CaptureError, match="another process is capturing into it"):
        CaptureFile(tmp_path / "one.cap")
    first.close()
    CaptureFile(tmp_path / "one.cap").close()


def test_the_bytes_are_those_of_the_documentation(short_capture: Path) -> None:
    """A reader of its own, from docs/capture.md and nothing else."""
    data = short_capture.read_bytes()
    assert data[:8] == bytes.fromhex("9341544341500D0A")
    assert (data[8:10], data[10:12]) == (b"\x01\x00", b"\x00\x00")
    assert int.from_bytes(data[12:16], "little") == crc32(data[:12])
    at, number, kinds = 16, 0, []
    while at < len(data):
        head = data[at : at + 48]
        marker, kind, codec, zero, said, count, stored, plain, first, last, own, of_payload = unpack(
            "<4sBBHIIIIqqII", head
        )
        payload = data[at + 48 : at + 48 + stored]
        assert (marker, codec, zero, said) == (b"\xabATf", 1, 0, number)
        assert (own, of_payload) == (crc32(head[:40]), crc32(payload))
        found = decompress(payload)
        assert len(found) == plain
        assert first <= last
        if kind == 1:
            told = json.loads(found)
            assert (told["venue"], count) == ("kalshi", 1)
        else:
            unpacker = msgpack.Unpacker()
            unpacker.feed(found)
            records = list(unpacker)
            assert len(records) == count
            kinds += [record[0] for record in records]
            trades = [record for record in records if record[0] == 7]
            assert {(t[4], t[5], t[6]) for t in trades} <= {(4500, 300, True)}
        at, number = at + 48 + stored, number + 1
    assert (kinds.count(2), kinds.count(7), kinds[-1]) == (4, 4, 15)

