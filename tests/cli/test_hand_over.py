"""`engine flatten` beside a running engine: its wish goes to that engine, or back, and never to both."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.cli import hand_over
from engine.cli.flatten import plain
from engine.cli.hand_over import engine_of, taken_by_engine
from engine.market.inputs import Requested, Wish
from engine.settings import Settings
from state import Mode
from state.service import ServiceBook, service_file

WISH = Requested("flatten-1", Wish.FLATTEN, "engine flatten", "SPY")


def book_of(settings: Settings, *, running: bool) -> ServiceBook:
    book = ServiceBook(service_file(settings.store.path, "demo"))
    book.publish("worker", {"running": running}, 1)
    return book


def test_only_an_engine_that_has_not_ended_is_asked(tmp_path: Path) -> None:
    settings = Settings(store={"path": tmp_path / "a.db"})  # type: ignore[arg-type]
    assert engine_of(settings, Mode.DEMO) is None
    book_of(settings, running=False)
    assert engine_of(settings, Mode.DEMO) is None
    book_of(settings, running=True)
    assert engine_of(settings, Mode.DEMO) is not None
    assert engine_of(settings, Mode.LIVE) is None, "another store is another engine"


def test_the_engine_takes_it_and_nobody_else_does(tmp_path: Path) -> None:
    settings = Settings(store={"path": tmp_path / "a.db"})  # type: ignore[arg-type]
    book = book_of(settings, running=True)
    queue = book.requests()

    async def tick(seconds: float) -> None:
        for request in queue.take("run-1", 2):
            assert request == WISH
            queue.answer(request.id, {"verdict": "fired"}, 3)

    assert asyncio.run(taken_by_engine(book, WISH, tick)) == ""
    queue.close()


def test_what_no_engine_takes_is_taken_back(tmp_path: Path) -> None:
    settings = Settings(store={"path": tmp_path / "a.db"})  # type: ignore[arg-type]
    book = book_of(settings, running=True)
    hand_over_seconds = hand_over.TAKEN_SECONDS
    try:
        hand_over.TAKEN_SECONDS = 0.0
        assert "did not take" in asyncio.run(taken_by_engine(book, WISH))
    finally:
        hand_over.TAKEN_SECONDS = hand_over_seconds
    queue = book.requests()
    assert queue.take("run-1", 2) == [], "an engine that comes later must not do it again"
    queue.close()


def test_units_are_told_without_zeros() -> None:
    from decimal import Decimal

    assert [plain(Decimal(text)) for text in ("10.0", "100", "0.50")] == ["10", "100", "0.5"]
