"""What only reduces goes to the engine that has the store, or to the venue, and nothing keeps it from one of them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from engine.cli.clock import machine_ns
from engine.cli.flatten import plain
from engine.cli.hand_over import Hold, asked, reduced
from engine.cli.stores import store_of
from engine.market.inputs import Requested, Wish
from engine.settings import Settings
from state import Mode, TakenError, claimed, is_taken
from state.service import ServiceBook, service_file

WISH = Requested("flatten-1", Wish.FLATTEN, "engine flatten", "SPY")


class Reducer:
    """``ask`` and ``act`` of a verb, which note what they were called for; an engine is patient for no time at all."""

    def __init__(self, settings: Settings, seconds: float = 0.0) -> None:
        self.settings, self.seconds = settings, seconds
        self.answers: list[str] = []
        self.acted: list[Hold] = []
        self.locked: list[bool] = []

    def go(self) -> str:
        return reduced(self.settings, Mode.DEMO, self.ask, self.act)

    def ask(self, book: ServiceBook) -> str | None:
        self.answers.append(asked(book, WISH, self.seconds).state)
        return "by the engine" if self.answers[-1] == "done" else None

    def act(self, hold: Hold) -> str:
        self.acted.append(hold)
        if self.settings.store.url is None:
            self.locked.append(is_taken(store_of(self.settings, Mode.DEMO)))
        return "at the venue"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store={"path": tmp_path / "a.db"})  # type: ignore[arg-type]


def told(settings: Settings, *, running: bool, seconds_ago: int = 0) -> ServiceBook:
    """The file of wishes, with what the last engine told of itself."""
    book = ServiceBook(service_file(settings.store.path, Mode.DEMO))
    book.publish("worker", {"running": running}, machine_ns() - seconds_ago * 10**9)
    return book


@contextmanager
def answering(book: ServiceBook) -> Iterator[None]:
    """An engine that takes wishes and does them."""
    stop = threading.Event()

    def work() -> None:
        queue = book.requests()
        while not stop.wait(0.005):
            for request in queue.take("run-1", machine_ns()):
                queue.answer(request.id, {"verdict": "fired"}, machine_ns())
        queue.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_an_engine_that_was_killed_is_asked_nothing_whatever_it_told_last(settings: Settings) -> None:
    book = told(settings, running=True)
    reducer = Reducer(settings)
    assert (reducer.go(), reducer.acted, reducer.answers) == ("at the venue", [Hold.ALONE], [])
    assert book.request(WISH.id) is None


def test_no_engine_can_begin_while_something_is_done_at_the_venue(settings: Settings) -> None:
    reducer = Reducer(settings)
    reducer.go()
    place = store_of(settings, Mode.DEMO)
    assert reducer.locked == [True] and not is_taken(place)
    with claimed(place), pytest.raises(TakenError, match="another engine"), claimed(place):
        pass


def test_the_engine_that_has_the_store_does_it_and_nobody_else(settings: Settings) -> None:
    book = told(settings, running=True)
    reducer = Reducer(settings, seconds=20)
    with claimed(store_of(settings, Mode.DEMO)), answering(book):
        assert reducer.go() == "by the engine"
    assert (reducer.answers, reducer.acted) == (["done"], [])


@pytest.mark.parametrize("seconds_ago", [0, 3600])
def test_what_an_engine_that_hangs_does_not_take_is_taken_back_and_done_at_the_venue(
    settings: Settings, seconds_ago: int
) -> None:
    book = told(settings, running=True, seconds_ago=seconds_ago)
    reducer = Reducer(settings)
    with claimed(store_of(settings, Mode.DEMO)):
        assert reducer.go() == "at the venue"
    assert (reducer.answers, reducer.acted) == (["withdrawn"], [Hold.TAKEN])
    queue = book.requests()
    assert queue.take("run-1", 2) == [], "an engine that wakes up must not do it again"
    queue.close()


def test_what_an_engine_took_and_did_not_answer_is_done_at_the_venue(settings: Settings) -> None:
    book = told(settings, running=True)
    book.ask(WISH, machine_ns())
    queue = book.requests()
    queue.take("run-1", machine_ns())
    queue.close()
    reducer = Reducer(settings)
    with claimed(store_of(settings, Mode.DEMO)):
        assert reducer.go() == "at the venue"
    assert (reducer.answers, reducer.acted) == (["taken"], [Hold.TAKEN])


def test_an_engine_that_ends_while_it_is_asked_leaves_the_store_to_who_reduces(settings: Settings) -> None:
    told(settings, running=True)
    reducer = Reducer(settings)
    holding = claimed(store_of(settings, Mode.DEMO))
    holding.__enter__()
    ask = reducer.ask

    def dies(book: ServiceBook) -> str | None:
        holding.__exit__(None, None, None)
        return ask(book)

    assert reduced(settings, Mode.DEMO, dies, reducer.act) == "at the venue"
    assert (reducer.acted, reducer.locked) == ([Hold.ALONE], [True])


@pytest.mark.parametrize(("seconds_ago", "answers"), [(0, ["withdrawn"]), (3600, [])])
def test_a_database_that_is_down_stops_nothing_that_reduces(
    tmp_path: Path, seconds_ago: int, answers: list[str]
) -> None:
    """Only an engine that was heard of lately is asked then."""
    pytest.importorskip("psycopg")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"postgresql://me@127.0.0.1:{free.getsockname()[1]}/db"
        settings = Settings(store={"path": tmp_path / "a.db", "url": url})  # type: ignore[arg-type]
        told(settings, running=True, seconds_ago=seconds_ago)
        reducer = Reducer(settings)
        assert (reducer.go(), reducer.acted, reducer.answers) == ("at the venue", [Hold.UNKNOWN], answers)


def test_files_that_cannot_be_used_stop_nothing_that_reduces(settings: Settings) -> None:
    service_file(settings.store.path, Mode.DEMO).write_text("no database, but long enough to be taken for one")
    reducer = Reducer(settings)
    with claimed(store_of(settings, Mode.DEMO)):
        assert (reducer.go(), reducer.acted) == ("at the venue", [Hold.TAKEN])
    gone = Settings(store={"path": settings.store.path.parent / "gone" / "a.db"})  # type: ignore[arg-type]
    reducer = Reducer(gone)
    assert (reducer.go(), reducer.acted) == ("at the venue", [Hold.UNKNOWN])


def test_what_fails_at_the_venue_is_said_and_the_store_is_free_again(settings: Settings) -> None:
    def fails(hold: Hold) -> str:
        raise ValueError(hold)

    with pytest.raises(ValueError, match="alone"):
        reduced(settings, Mode.DEMO, lambda book: None, fails)
    assert not is_taken(store_of(settings, Mode.DEMO))


def test_units_are_told_without_zeros() -> None:
    assert [plain(Decimal(text)) for text in ("10.0", "100", "0.50")] == ["10", "100", "0.5"]
