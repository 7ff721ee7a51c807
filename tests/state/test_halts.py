"""The kill switch: seen by whoever looks, kept over a restart, lifted as a whole."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.market.inputs import Halted
from state import RunWriter, Store, StoreError, make_halt_file, open_store, remove_halt_file
from state.place import Place

NOW = 1_709_649_000_000_000_000
Begin = Callable[[Store], RunWriter]


def test_a_halt_of_another_process_is_seen_at_the_next_look_and_so_is_its_end(store: Store) -> None:
    running, person = store.halts, open_store(store.path).halts
    assert running.look() == ("", 0, ())
    person.halt("  too much\nnoise ", NOW)
    assert running.look().operator == "too much noise"
    assert open_store(store.path).halts.look().operator == "too much noise"
    person.resume(NOW + 1)
    assert running.look() == ("", 1, ())


def test_the_file_halts_without_the_store_and_the_first_line_says_why(store: Store) -> None:
    make_halt_file(store.path, "by hand")
    assert store.halts.look().operator == "by hand"
    store.halts.file.write_text("")
    assert "HALT is there" in store.halts.look().operator
    remove_halt_file(store.path)
    remove_halt_file(store.path)
    assert store.halts.look().operator == ""


def test_a_halt_file_that_cannot_be_read_halts_all_the_same(store: Store) -> None:
    store.halts.file.mkdir()
    assert "HALT is there (Is a directory)" in store.halts.look().operator
    with pytest.raises(StoreError, match=r"cannot be removed: .*; remove it by hand"):
        store.halts.resume(NOW)


def test_a_guards_halt_outlives_the_engine_on_its_book_until_its_time_or_a_resume(place: Place) -> None:
    store = open_store(place)
    arguments = ("paper", NOW, "t", [], [], "s", {}, {}, {}, {}, "1")
    writer = store.begin_run(*arguments, book="kalshi")  # type: ignore[arg-type]
    writer.halted(NOW, "p.loss", "enough was lost", NOW + 100)
    store.close()
    store = open_store(place)
    assert store.halts.standing("kalshi", NOW + 99).guards == (Halted(NOW + 100, "p.loss", "enough was lost"),)
    assert store.halts.standing("kalshi", NOW + 100).guards == ()
    assert store.halts.standing("another", NOW).guards == ()
    assert [alert["kind"] for alert in store.alerts("kalshi")] == ["halt"]
    assert [halt["by"] for halt in store.halts.resume(NOW + 50)] == ["p.loss"]
    assert store.halts.standing("kalshi", NOW + 51).guards == ()


def test_resume_tells_what_it_lifted(store: Store) -> None:
    store.halts.halt("", NOW)
    make_halt_file(store.path, "by hand")
    lifted = store.halts.resume(NOW)
    assert [halt["reason"] for halt in lifted] == ["no reason was given", "by hand"]
    assert store.halts.resume(NOW) == []


def test_a_second_halt_without_a_reason_keeps_the_first(store: Store) -> None:
    for why in ("the data is wrong", "", "  "):
        make_halt_file(store.path, why)
        store.halts.halt(why, NOW)
    assert store.halts.look().operator == "the data is wrong"
    assert [halt["reason"] for halt in store.halts.active(NOW)] == ["the data is wrong"]
    make_halt_file(store.path, "worse")
    assert store.halts.look().operator == "worse"
