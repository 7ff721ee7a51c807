"""What cannot be written ends a capture, never the run that is captured; and when frames are written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.capture.errors import CaptureError
from connectors.capture.reader import Capture
from connectors.capture.writer import FULL_BYTES
from engine.market.events import NANOS

Make = Callable[..., Any]


def full_disk(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Half of a frame is written ``after`` whole ones, and then the disk is full."""
    write, calls = os.write, 0

    def failing(descriptor: int, data: Any) -> int:
        nonlocal calls
        calls += 1
        if calls > after + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data if calls <= after else bytes(data)[: len(data) // 2])

    monkeypatch.setattr(os, "write", failing)


def test_a_full_disk_ends_a_capture_with_the_reason(captured: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    run = captured()
    full_disk(monkeypatch, 0)
    run.pulse()
    with pytest.raises(CaptureError, match=r"test\.cap: cannot be written \(No space left on device\)"):
        run.writer.flush()
    run.file.close()


def test_a_run_goes_on_without_its_capture_and_hears_it_once(captured: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with captured() as run:
        run.writer._on_failure = said.append
        run.pulse()
        run.writer.flush()
        full_disk(monkeypatch, 0)
        for _ in range(5):
            run.now += NANOS
            run.book(run.A, {"0.4000": "1.00"}, {})
            run.pass_on()
            run.pulse()
        run.writer.end({})
    assert len(run.ticks) == 1 + 5 + 1  # the pulses, and the book when it was new
    assert len(said) == 1
    assert "nothing more is captured, and the run goes on" in said[0]
    monkeypatch.undo()
    kept = Capture(run.path)
    assert [frame.records for frame in kept.frames()] == [1, 1]
    assert kept.damage is not None
    assert kept.damage.torn


def test_a_number_that_no_capture_can_keep_ends_it_too(captured: Make) -> None:
    said: list[str] = []
    with captured() as run:
        run.writer._on_failure = said.append
        run.book(run.A, {"0.40005": "1.00"}, {})
        with pytest.raises(ValueError, match="at most four decimals"):
            run.pass_on()  # no such price can come from the venue's connector
    assert "0.40005 has more than 4 decimals" in said[0]


def test_frames_are_written_once_a_second_and_when_full(captured: Make) -> None:
    with captured() as run:
        run.connect()
        run.pass_on()
        run.pulse()
        before = run.path.stat().st_size
        run.now += NANOS
        run.pulse()
        assert run.path.stat().st_size > before
        before = run.path.stat().st_size
        while len(run.writer.packer.data) < FULL_BYTES - 200:
            run.trade(run.A, "0.4500", "3.00", "yes")
            run.pass_on()
            assert run.path.stat().st_size == before
        for _ in range(10):
            run.trade(run.A, "0.4500", "3.00", "yes")
            run.pass_on()
        assert run.path.stat().st_size > before


def test_a_folder_that_is_not_there_is_said(captured: Make, tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"none/x\.cap: cannot be written \(No such file or directory\)"):
        captured((), tmp_path / "none" / "x.cap")
