"""The signal file while an engine runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.alpha.book import AlphaBook
from connectors.alpha.file import read_alpha
from connectors.alpha.models import nanos
from connectors.alpha.watch import AlphaWatch
from engine.market.events import Observation

Write = Callable[..., Path]
Row = Callable[..., dict[str, Any]]
TICKER = "KXATPMATCH-26SEP11ZVEKHA-ZVE"
OTHER = "KXTOPMODEL-26SEP28-ARG"
AS_OF = nanos(datetime(2026, 9, 10, 10, tzinfo=UTC))
HOUR = 3600 * 10**9


def told(events: list[Any], symbol: str = TICKER) -> dict[str, Observation]:
    return {event.name: event for event in events if event.symbol == symbol}


def watching(path: Path, *symbols: str) -> tuple[AlphaWatch, list[str]]:
    said: list[str] = []
    return AlphaWatch(path, symbols or (TICKER,), read_alpha(path), said.append), said


def test_a_signal_is_known_as_of_its_own_time_and_told_once(row: Row, write: Write) -> None:
    watch, _ = watching(write(row()))
    first = told(watch.pulse(AS_OF + HOUR))
    assert first["alpha.fair"].value == 0.62
    assert first["alpha.fair"].time_ns == AS_OF, "its age is counted from there"
    assert first["alpha.listed"].value is True
    assert watch.pulse(AS_OF + 2 * HOUR) == []


def test_it_is_not_believed_before_its_time_nor_after_its_end(row: Row, write: Write) -> None:
    watch, _ = watching(write(row()))
    early = told(watch.pulse(AS_OF - 1))["alpha.fair"]
    assert early.value is None
    assert "yet to come" in early.reason
    assert told(watch.pulse(AS_OF))["alpha.fair"].value == 0.62
    late = told(watch.pulse(AS_OF + 24 * HOUR))["alpha.fair"]
    assert late.value is None
    assert late.reason == "its signal expired at 2026-09-11T10:00:00Z"


def test_a_changed_file_is_taken_while_running(row: Row, write: Write) -> None:
    path = write(row())
    watch, said = watching(path)
    watch.pulse(AS_OF)
    write(row(fair_yes_probability=0.5, as_of="2026-09-10T11:00:00Z"))
    again = told(watch.pulse(AS_OF + 2 * HOUR))
    assert again["alpha.fair"].value == 0.5
    assert again["alpha.fair"].time_ns == AS_OF + HOUR
    assert "1 signal" in said[0]
    write(row(fair_yes_probability=0.5, as_of="2026-09-10T11:00:00Z"))
    assert watch.pulse(AS_OF + 2 * HOUR) == [], "the same content is no news"
    assert len(said) == 1


def test_a_broken_file_leaves_the_last_good_one_in_force_and_says_so_once(row: Row, write: Write) -> None:
    path = write(row())
    watch, said = watching(path)
    watch.pulse(AS_OF)
    path.write_text("{", encoding="utf-8")
    assert watch.pulse(AS_OF + HOUR) == []
    path.write_text("{ ", encoding="utf-8")
    watch.pulse(AS_OF + HOUR)
    assert len([words for words in said if "stay in force until they expire" in words]) == 1
    late = told(watch.pulse(AS_OF + 25 * HOUR))["alpha.fair"]
    assert late.value is None, "and then they age out"
    assert "expired" in late.reason
    write(row(as_of="2026-09-11T11:00:00Z", expiry="2026-09-12T11:00:00Z"))
    assert told(watch.pulse(AS_OF + 26 * HOUR))["alpha.fair"].value == 0.62


def test_a_file_that_is_gone_is_as_good_as_broken(row: Row, write: Write) -> None:
    path = write(row())
    watch, said = watching(path)
    watch.pulse(AS_OF)
    path.unlink()
    assert watch.pulse(AS_OF + HOUR) == []
    assert "there is no signal file" in said[0]


def test_a_wrong_row_makes_its_market_unknown_with_the_reason(row: Row, write: Write) -> None:
    watch, said = watching(write(row(), row(ticker=OTHER)), TICKER, OTHER)
    watch.pulse(AS_OF)
    write(row(), row(ticker=OTHER, confidence=3))
    unknown = told(watch.pulse(AS_OF + HOUR), OTHER)
    assert unknown["alpha.fair"].value is None
    assert "row 2" in unknown["alpha.fair"].reason and "confidence must be from 0 to 1" in unknown["alpha.fair"].reason
    assert "alpha.listed" not in unknown, "it is still listed"
    assert "row 2" in said[0]


def test_what_is_no_longer_listed_is_not_traded_and_what_is_new_is_noticed(row: Row, write: Write) -> None:
    watch, _ = watching(write(row()))
    watch.pulse(AS_OF)
    assert watch.unseen == frozenset()
    write(row(ticker=OTHER))
    gone = told(watch.pulse(AS_OF + HOUR))
    assert gone["alpha.listed"].value is False
    assert gone["alpha.fair"].reason == "the signal file does not list it"
    assert watch.unseen == {OTHER}


def test_a_book_tells_every_symbol_something(row: Row, write: Write) -> None:
    book = AlphaBook([TICKER, OTHER])
    book.take(read_alpha(write(row())))
    events = book.events(AS_OF)
    assert told(events, OTHER)["alpha.listed"].value is False
    assert told(events)["alpha.expires"].value == (AS_OF + 24 * HOUR) / 10**9
