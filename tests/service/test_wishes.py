"""Where a wish goes: to the engine that runs, to the venue itself where it only reduces, and to neither twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("fastapi")

from engine.cli.beside import Desk
from engine.cli.clock import machine_ns, now_ns
from engine.cli.serve import wishes as service_wishes
from engine.cli.serve.desk import StoreDesk
from engine.cli.stores import store_of
from engine.decide.requests import order_id
from engine.execute.flatten import Cleared
from engine.market.inputs import Requested, Wish
from engine.market.orders import Leg
from engine.service.problems import ServiceError
from engine.service.tokens import Scope
from engine.settings.load import read_settings
from state import Mode, StoreError, claimed, open_store
from state.service import ServiceBook, service_file

FLATTEN = Requested("w1", Wish.FLATTEN, "me")
FOLLOWED = {"symbol": "AAPL"}


# -- on paper, where no venue has anything ---------------------------------------------------------------------------


def test_an_engine_that_does_not_answer_is_named(service: Any) -> None:
    service.seen(seconds_ago=60)
    for path in ("/api/v1/positions/flatten", "/api/v1/orders/cancel_all"):
        answer = service.client.post(path, headers=service.bearer(Scope.TRADE))
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "silent_engine")
        assert answer.headers["Retry-After"]
    service.die()
    answer = service.client.post("/api/v1/positions/flatten", headers=service.bearer(Scope.TRADE))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_engine")


# -- with a venue ------------------------------------------------------------------------------------------------------


class Venue:
    """A service for a demo store whose newest run was on Tradier, and a venue that notes what is done at it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "autotrader.toml").write_text("[service]\nwait_seconds = 0.05\n")
        loaded = read_settings(folder / "autotrader.toml", environment={})
        self.settings = loaded.settings
        self.place = store_of(self.settings, Mode.DEMO)
        self.done: list[tuple[Any, ...]] = []
        monkeypatch.setattr(service_wishes, "port_of", self._port)
        monkeypatch.setattr(service_wishes, "flatten_at_venue", lambda port, *of: self._note(port, "flatten", *of))
        monkeypatch.setattr(
            service_wishes, "cancel_at_venue",
            lambda port, *of, only, entries: self._note(port, "cancel", *of, only, entries),
        )  # fmt: skip
        with open_store(self.place, Mode.DEMO).begin_run(
            "demo", 1, "t", [], [], "s", {}, {}, {}, {}, "1", venue="tradier", book="tradier practice me"
        ) as writer:
            writer.end("done", None, {})
        self.desk = StoreDesk(loaded, Mode.DEMO)
        self.book = ServiceBook(service_file(self.settings.store.path, Mode.DEMO))

    def _port(self, settings: Any, venue: str) -> Any:
        return SimpleNamespace(venue=venue, place="practice", mode=Mode.DEMO)

    def _note(self, port: Any, *what: Any) -> Cleared:
        self.done.append((port.venue, *what))
        return Cleared()

    @contextmanager
    def engine(self, seconds_ago: int = 0) -> Iterator[None]:
        """An engine that has the store, was heard of so long ago, and hangs."""
        body = {"running": True, "book": "tradier practice me", "symbols": [FOLLOWED]}
        with claimed(self.place):
            self.book.publish("worker", body, machine_ns() - seconds_ago * 10**9)
            yield


@pytest.fixture
def venue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Venue:
    return Venue(tmp_path, monkeypatch)


@pytest.mark.parametrize("seconds_ago", [0, 60])
def test_what_reduces_is_done_at_the_venue_while_an_engine_hangs(venue: Venue, seconds_ago: int) -> None:
    with venue.engine(seconds_ago):
        told = venue.desk.wish(FLATTEN)
        assert "did not do it" in told["reason"] and venue.done == [("tradier", "flatten", None)]
        venue.desk.wish(Requested("w2", Wish.CANCEL, "me", age_ns=60))
        venue.desk.wish(Requested("w3", Wish.CANCEL, "me", orders=("abc",)))
        assert venue.done[1:] == [
            ("tradier", "cancel", None, 60, (), True), ("tradier", "cancel", None, None, ("abc",), False),
        ], "stops of what is held stay, as where an engine does it"  # fmt: skip
        queue = venue.book.requests()
        assert queue.take("woken", now_ns()) == [], "an engine that wakes up finds nothing to do again"
        queue.close()
        with pytest.raises(ServiceError) as entry:
            venue.desk.wish(Requested("w4", Wish.ENTER, "me", "AAPL"))
        assert entry.value.code == ("silent_engine" if seconds_ago else "not_taken"), "entries fail closed"


def test_what_a_hanging_engine_has_taken_is_done_at_the_venue_too(venue: Venue) -> None:
    with venue.engine():
        venue.book.ask(FLATTEN, now_ns())
        queue = venue.book.requests()
        queue.take("hangs", now_ns())
        venue.desk.wish(FLATTEN)
        assert len(venue.done) == 1
        queue.answer(FLATTEN.id, {"verdict": "fired", "orders": []}, now_ns())
        queue.close()
        assert venue.desk.wish(FLATTEN)["state"] == "done" and len(venue.done) == 1, "an answer is an answer"


def test_a_market_that_the_engine_does_not_follow_is_closed_at_the_venue(venue: Venue) -> None:
    with venue.engine():
        venue.desk.wish(FLATTEN._replace(symbol="IBM"))
        assert venue.done == [("tradier", "flatten", "IBM")] and venue.book.request(FLATTEN.id) is None
        with pytest.raises(ServiceError, match="it follows AAPL"):
            venue.desk.wish(Requested("w4", Wish.ENTER, "me", "IBM"))


def test_files_that_cannot_be_used_stop_nothing_that_reduces(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of wishes is kept busy by another program, and the store cannot be read."""
    with venue.engine():
        pass  # what it told last is all that is known of its venue
    monkeypatch.setattr("state.service.BUSY_SECONDS", 0.01)
    monkeypatch.setattr("engine.cli.serve.desk.open_store", _fails)
    with sqlite3.connect(venue.book.path) as other:
        other.execute("BEGIN IMMEDIATE")
        venue.desk.wish(FLATTEN)
        assert venue.done == [("tradier", "flatten", None)]
        with pytest.raises(ServiceError, match="another process has kept it") as note:
            venue.desk.note("me", "POST /api/v1/bracket/place", {})
        assert note.value.status == 503, "what is not only reduced fails closed"


def test_no_more_wait_for_a_hanging_engine_than_leave_threads_for_a_halt(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_wishes, "MOST_WAITING", 1)
    desk = StoreDesk(read_settings(service.settings.store.path.parents[1] / "autotrader.toml"), Mode.PAPER)
    service.seen()
    enter = Requested("w1", Wish.ENTER, "me", "AAPL")
    with desk._wishes._waiting:
        with pytest.raises(ServiceError) as busy:
            desk.wish(enter)
        assert (busy.value.status, busy.value.code) == (503, "busy") and service.book.request("w1") is None
    with pytest.raises(ServiceError) as waited:
        desk.wish(enter)
    assert waited.value.code == "not_taken"


def test_neither_a_busy_file_nor_a_reader_without_end_keeps_a_halt_from_being_one(
    tmp_path: Path, make_service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("state.service.BUSY_SECONDS", 0.01)
    service = make_service(tmp_path, per_second=0.5)
    trade = {**service.bearer(Scope.TRADE, Scope.READ), "Idempotency-Key": "k"}
    statuses = [service.client.get("/api/v1/halts", headers=trade).status_code for _ in range(3)]
    assert statuses == [200, 429, 429]
    with sqlite3.connect(service.book.path) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = service.client.post("/api/v1/halt", json={"reason": "tea"}, headers=trade)
    assert answer.status_code == 200 and service.settings.store.path.with_name("HALT").read_text() == "tea\n"


def _fails(*of: Any, **more: Any) -> Any:
    raise StoreError("the database is away")


def test_what_no_engine_does_goes_to_the_venue_of_the_newest_run_and_to_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def port(settings: Any, venue: str) -> Any:
        asked.append(venue)
        return SimpleNamespace(venue=venue, place="practice", mode=Mode.DEMO)

    monkeypatch.setattr(service_wishes, "port_of", port)
    monkeypatch.setattr(service_wishes, "flatten_at_venue", lambda port, symbol: Cleared())
    (tmp_path / "autotrader.toml").write_text("")
    loaded = read_settings(tmp_path / "autotrader.toml", environment={})
    flatten = Requested("w1", Wish.FLATTEN, "me")
    with pytest.raises(ServiceError, match="no engine has traded on a venue") as none:
        StoreDesk(loaded, Mode.DEMO).wish(flatten)
    assert (none.value.status, none.value.code) == (503, "venue_config")
    store = open_store(store_of(loaded.settings, Mode.DEMO), Mode.DEMO)
    # The clock of a practice venue may be years off: which run is the newest is not for it to say.
    for venue, began in (("kalshi", 2_000), ("tradier", 1_000)):
        store.begin_run(
            "demo", began, "t", [], [], "s", {}, {}, {}, {}, "1", venue=venue, book=f"{venue} practice me"
        ).end("done", None, {})
    store.close()
    told = StoreDesk(loaded, Mode.DEMO).wish(flatten)
    assert asked == ["tradier"] and "at tradier practice itself" in told["reason"]
    with pytest.raises(ServiceError, match="newest run of the demo store is on tradier") as other:
        StoreDesk(loaded, Mode.DEMO, "kalshi").wish(flatten)
    assert (other.value.status, other.value.code, asked) == (503, "venue_config", ["tradier"])
    monkeypatch.undo()
    with pytest.raises(ServiceError, match="AUTOTRADER__TRADIER__") as key:
        StoreDesk(loaded, Mode.DEMO).wish(flatten)
    assert (key.value.status, key.value.code) == (503, "venue_config"), "a missing key is no missing thing"


# -- the queue ---------------------------------------------------------------------------------------------------------


def test_a_wish_is_taken_once_and_never_again(tmp_path: Path) -> None:
    book = ServiceBook(tmp_path / "s.db")
    queue, late = book.requests(), book.requests()
    book.ask(Requested("a", Wish.ENTER, "me", "SPY"), 1)
    assert [r.id for r in queue.take("one", 2)] == ["a"] and late.take("two", 3) == []
    assert not book.withdraw("a", 4), "an engine has it"
    book.ask(Requested("a", Wish.ENTER, "me", "SPY"), 5)
    assert queue.take("one", 6) == [] and [r.id for r in late.unanswered()] == ["a"]
    queue.answer("a", {"verdict": "fired"}, 7)
    row = book.request("a")
    assert row is not None and (row.state, row.run, row.answer) == ("done", "one", {"verdict": "fired"})
    queue.close()
    late.close()


def test_a_wish_whose_engine_died_is_answered_by_the_next_from_what_the_store_has(service: Any) -> None:
    """Once killed before the order was written down, and once after."""
    queue = service.book.requests()
    for name in ("before", "after"):
        service.book.ask(Requested(name, Wish.ENTER, "me", "SPY"), now_ns())
    assert len(queue.take("dead", now_ns())) == 2
    queue.close()
    written = order_id("after", "SPY", Leg.ENTRY)

    class OfStore:
        """What a store has of the dead run."""

        def order(self, client_id: str) -> dict[str, str]:
            if client_id != written:
                raise StoreError("it has no such order")
            return {"client_id": client_id, "symbol": "SPY", "state": "done"}

    writer = SimpleNamespace(run_id="next", input=lambda item: None)
    decider = SimpleNamespace(request=lambda request: pytest.fail("it is never handed over again"))
    desk = Desk(service.book, OfStore(), writer, decider)  # type: ignore[arg-type]  # stand-ins
    desk.take()
    desk.queue.close()
    before, after = service.book.request("before"), service.book.request("after")
    assert before.state == after.state == "lost"
    assert before.answer["orders"] == [] and "ask again" in before.answer["reason"]
    assert [o["id"] for o in after.answer["orders"]] == [written]
    told = service.client.get("/api/v1/requests/after").json()
    assert told["state"] == "lost" and told["orders"][0]["state"] == "done"
