"""Sessions that were kept are those that were computed; a damaged file is never believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors import calendars
from connectors.calendar_cache import load
from connectors.calendars import FIRST_DATE, LAST_DATE, calendar
from engine.market.events import NANOS

DAYS = range(366 * 30)
SPAN = f"{FIRST_DATE.year}-{LAST_DATE.year}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calendar.cache_clear()
    return tmp_path / "autotrader" / "calendars"


def days(name: str) -> list[object]:
    found = calendar(name)
    return [found.timezone, *(found.day_at((7400 + number) * 86_400 * NANOS) for number in DAYS)]


def test_what_was_kept_is_what_was_computed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed = days("XLON")
    (kept,) = folder.glob(f"XLON-{SPAN}-*.bin")
    assert load(kept) is not None
    calendar.cache_clear()

    def not_again(name: str) -> None:
        raise AssertionError(f"{name} was computed again")

    monkeypatch.setattr(calendars, "_computed", not_again)
    assert days("XLON") == computed


@pytest.mark.parametrize("harm", ["cut", "turned"])
def test_a_damaged_file_is_computed_again(folder: Path, harm: str) -> None:
    computed = days("XLON")
    (kept,) = folder.glob("*.bin")
    sound = kept.read_bytes()
    turned = bytearray(sound)
    turned[-9] ^= 1
    kept.write_bytes({"cut": sound[:-8], "turned": bytes(turned)}[harm])
    calendar.cache_clear()
    assert days("XLON") == computed
    assert kept.read_bytes() == sound


def test_a_folder_that_cannot_be_written_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    calendar.cache_clear()
    assert calendar("XLON").day_at(9000 * 86_400 * NANOS) is not None
