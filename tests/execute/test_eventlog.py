"""The event log: every signal with what became of it, whole lines, files moved aside when they are full."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from state import StoreError
from state.events import EventLog, read_events


def test_a_full_file_is_moved_aside_and_nothing_is_lost_until_the_last_is_dropped(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "deep" / "events.jsonl", max_bytes=100, keep=2)
    for number in range(30):
        log.tell({"event": "x", "number": number})
        log.flush()
    files = sorted(p.name for p in (tmp_path / "deep").iterdir())
    assert files == ["events.jsonl", "events.jsonl.1", "events.jsonl.2"]
    assert all(p.stat().st_size <= 100 for p in (tmp_path / "deep").iterdir())
    numbers = [event["number"] for _, event in read_events(tmp_path / "deep" / "events.jsonl", 2) if event]
    assert numbers == list(range(numbers[0], 30)) and len(numbers) >= 8


def test_many_events_at_once_keep_to_the_size(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl", max_bytes=1000, keep=1000)
    for number in range(2000):
        log.tell({"number": number})
    log.flush()
    assert all(p.stat().st_size <= 1000 for p in tmp_path.iterdir())
    numbers = [event["number"] for _, event in read_events(tmp_path / "events.jsonl", 1000) if event]
    assert numbers == list(range(2000))


def test_a_line_that_is_no_event_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"event": "a"}\n{"event": \n[1]\n')
    found = list(read_events(path, 0))
    assert [event for _, event in found] == [{"event": "a"}, None, None]
    assert found[1][0] == f"{path}:2"


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log = EventLog(tmp_path / "file" / "events.jsonl", max_bytes=1000, keep=1)
    log.tell({"event": "a"})
    with pytest.raises(StoreError, match="cannot be used"):
        log.flush()


def test_what_is_told_is_json(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl", max_bytes=1000, keep=1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        log.tell({"price": float("nan")})
    log.tell({"word": "é"})
    log.flush()
    assert json.loads((tmp_path / "events.jsonl").read_text(encoding="utf-8")) == {"word": "é"}
