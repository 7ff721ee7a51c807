"""The queue between socket and reader: states take the newest value, everything else is kept, and it is bounded."""

from __future__ import annotations

import asyncio

import pytest

from connectors.kalshi.events import Body, BookChanged, BookLost, Problem, StreamEvent
from connectors.kalshi.mailbox import Mailbox


def event(body: Body, at: int = 0) -> StreamEvent:
    return StreamEvent(at, body)


def test_a_slow_reader_gets_the_newest_state_in_the_place_of_the_first_and_every_message() -> None:
    async def run() -> list[tuple[int, Body]]:
        box = Mailbox(10)
        for number, body in enumerate(
            [BookChanged("A"), Problem("1"), BookChanged("B"), BookLost("A", "x"), Problem("2"), BookChanged("A")]
        ):
            await box.put(event(body, number))
        return [(e.received_ns, e.body) for e in [await box.get() for _ in range(len(box))]]

    assert asyncio.run(run()) == [
        (5, BookChanged("A")), (1, Problem("1")), (2, BookChanged("B")), (4, Problem("2")),
    ]  # fmt: skip


def test_a_full_box_holds_the_sender_up_but_states_that_wait_are_still_renewed() -> None:
    async def run() -> None:
        box = Mailbox(2)
        await box.put(event(BookChanged("A"), 1))
        await box.put(event(Problem("1")))
        held = asyncio.create_task(box.put(event(Problem("2"))))
        await asyncio.sleep(0)
        assert not held.done()
        await box.put(event(BookChanged("A"), 2))
        assert (await box.get()).received_ns == 2
        await held
        assert [(await box.get()).body for _ in range(2)] == [Problem("1"), Problem("2")]

    asyncio.run(run())


def test_a_failure_comes_after_what_was_before_it() -> None:
    async def run() -> None:
        box = Mailbox(2)
        await box.put(event(Problem("1")))
        box.fail(RuntimeError("over"))
        assert (await box.get()).body == Problem("1")
        with pytest.raises(RuntimeError, match="over"):
            await box.get()

    asyncio.run(run())
