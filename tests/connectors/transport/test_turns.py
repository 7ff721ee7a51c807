"""Turns: what reduces goes first, entries never take the last of the room, and what waits is certain not to be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.transport.bucket import Bucket, Budget
from connectors.transport.turns import NoTurn, Turns, asking
from engine.market.venue import Urgency
from tests.connectors.steps import Steps, settle

REDUCE, CANCEL, LOOK, CHANGE, ENTRY, ROUTINE = Urgency


class Line:
    """Requests of ten a second, ten of which can be saved up; ``sent``: their names with the second each went out."""

    def __init__(self) -> None:
        self.steps = Steps()
        self.turns = Turns(Bucket(Budget(10, 10), 0.0), self.steps.monotonic, self.steps.sleep)
        self.sent: list[tuple[str, float]] = []
        self.refused: list[str] = []

    async def one(self, name: str, urgency: Urgency, patience: float | None = None) -> None:
        with asking(urgency):
            try:
                await self.turns.turn(1, patience)
            except NoTurn:
                self.refused.append(name)
            else:
                self.sent.append((name, self.steps.now))

    def ask(self, urgency: Urgency, names: Sequence[str], patience: float | None = None) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self.one(name, urgency, patience)) for name in names]

    @property
    def order(self) -> list[str]:
        return [name for name, _ in self.sent]


def on_a_line(act: Callable[[Line], Awaitable[None]]) -> Line:
    async def run() -> Line:
        line = Line()
        await act(line)
        return line

    return asyncio.run(run())


def test_entries_leave_room_for_cancels_and_both_for_what_reduces() -> None:
    async def act(line: Line) -> None:
        line.ask(ENTRY, [f"e{n}" for n in range(12)])
        await settle()
        assert len(line.sent) == 7
        line.ask(CANCEL, [f"c{n}" for n in range(12)])
        await settle()
        assert line.order[7:] == ["c0"]
        line.ask(REDUCE, ["x", "y"])
        await settle()

    assert on_a_line(act).order[8:] == ["x", "y"]


def test_whoever_is_more_urgent_overtakes_all_that_wait() -> None:
    async def act(line: Line) -> None:
        for urgency in reversed(Urgency):
            line.ask(urgency, [f"{urgency.name}{n}" for n in range(12)])
            await settle()
        await line.steps.to(60.0)

    waited = [name.rstrip("0123456789") for name, when in on_a_line(act).sent if when > 0]
    assert waited == sorted(waited, key=lambda name: Urgency[name])
    assert len(waited) == 72 - 10


def test_an_exit_that_comes_late_waits_for_no_cancel() -> None:
    async def act(line: Line) -> None:
        line.ask(CANCEL, [f"c{n}" for n in range(140)])
        await line.steps.to(1.0)
        line.ask(REDUCE, ["exit"])
        await settle()

    assert on_a_line(act).sent[-1] == ("exit", 1.0)


def test_who_would_wait_too_long_is_told_at_once_and_takes_nothing() -> None:
    async def act(line: Line) -> None:
        line.ask(CANCEL, [f"c{n}" for n in range(20)])
        await settle()
        line.ask(ENTRY, ["entry"], patience=1.2)
        await settle()
        assert line.refused == ["entry"]
        line.ask(CANCEL, ["last"], patience=1.4)
        await line.steps.to(1.31)

    assert on_a_line(act).sent[-1] == ("last", pytest.approx(1.3))


def test_who_is_overtaken_until_it_is_too_late_is_not_sent() -> None:
    async def act(line: Line) -> None:
        line.ask(ENTRY, [f"e{n}" for n in range(8)], patience=0.5)
        await settle()
        assert line.refused == []
        line.ask(REDUCE, [f"x{n}" for n in range(20)])
        await settle()
        assert line.refused == ["e7"]
        await line.steps.to(10.0)

    assert "e7" not in on_a_line(act).order


def test_who_gives_up_leaves_its_place_to_the_next() -> None:
    async def act(line: Line) -> None:
        tasks = line.ask(CANCEL, [f"c{n}" for n in range(10)])
        await settle()
        tasks[8].cancel()
        await line.steps.to(0.11)

    assert on_a_line(act).sent[-1] == ("c9", pytest.approx(0.1))


def test_at_the_end_what_waits_is_not_sent_and_only_what_may_go_at_once_goes() -> None:
    async def act(line: Line) -> None:
        line.ask(CANCEL, [f"c{n}" for n in range(140)])
        await settle()
        line.turns.close()
        await settle()
        assert len(line.refused) == 132
        line.ask(CANCEL, ["late"])
        line.ask(REDUCE, ["exit"])
        await line.steps.to(60.0)
        assert line.refused[-1] == "late"

    assert on_a_line(act).order[8:] == ["exit"]


def test_a_request_that_needs_everything_still_goes() -> None:
    async def act(line: Line) -> None:
        with asking(ENTRY):
            await line.turns.turn(10, None)
        line.sent.append(("whole", line.steps.now))

    assert on_a_line(act).sent == [("whole", 0.0)]


Asked = st.lists(st.tuples(st.floats(0, 0.5), st.sampled_from(Urgency)), min_size=1, max_size=60)


@given(Asked)
def test_never_more_than_the_venue_lets_through_and_nobody_is_forgotten(asked: list[tuple[float, Urgency]]) -> None:
    async def act(line: Line) -> None:
        now = 0.0
        for number, (pause, urgency) in enumerate(asked):
            now += pause
            await line.steps.to(now)
            line.ask(urgency, [f"{number}"])
        await line.steps.to(now + 60.0)

    line = on_a_line(act)
    assert sorted(int(name) for name in line.order) == list(range(len(asked)))
    times = [when for _, when in line.sent]
    assert all(before <= after for before, after in pairwise(times))
    for first, start in enumerate(times):
        for last in range(first, len(times)):
            assert last - first + 1 <= 10 + 10 * (times[last] - start) + 1e-4
