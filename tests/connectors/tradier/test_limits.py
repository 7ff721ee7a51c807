"""Tradier's windows by a clock that is moved: what its answers say counts, and what reduces goes first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from connectors.tradier.errors import RateLimited
from connectors.tradier.limits import Group, RateLimits
from connectors.transport.turns import asking
from engine.market.venue import Urgency
from tests.connectors.steps import Steps, settle

START_NS = 1_790_000_000 * 10**9


class Desk:
    """``sent``: what went out in the trade window, with its second."""

    def __init__(self, allowed: int = 60) -> None:
        self.steps = Steps()
        self.limits = RateLimits(dict.fromkeys(Group, allowed), self.steps.monotonic, self.now_ns, self.steps.sleep)
        self.sent: list[tuple[str, float]] = []
        self.refused: list[RateLimited] = []

    def now_ns(self) -> int:
        return START_NS + int(self.steps.now * 1e9)

    async def one(self, name: str, urgency: Urgency, patience: float | None) -> None:
        with asking(urgency):
            try:
                await self.limits.turn(Group.TRADE, patience)
            except RateLimited as error:
                self.refused.append(error)
                return
        self.sent.append((name, self.steps.now))

    async def ask(self, urgency: Urgency, name: str, times: int = 1, patience: float | None = None) -> None:
        for _ in range(times):
            asyncio.get_running_loop().create_task(self.one(name, urgency, patience))
        await settle()

    def headers(self, used: int, left: float, allowed: int = 60) -> dict[str, str]:
        ends = str((self.now_ns() + int(left * 1e9)) // 10**6)
        return {"X-Ratelimit-Allowed": str(allowed), "X-Ratelimit-Used": str(used), "X-Ratelimit-Expiry": ends}

    def count(self, name: str) -> int:
        return sum(one == name for one, _ in self.sent)


def on_a_desk(act: Callable[[Desk], Awaitable[None]], allowed: int = 60) -> Desk:
    async def run() -> Desk:
        desk = Desk(allowed)
        await act(desk)
        return desk

    return asyncio.run(run())


def test_a_position_is_closed_within_the_window_in_which_140_entries_are_cancelled() -> None:
    async def act(desk: Desk) -> None:
        await desk.ask(Urgency.CANCEL, "cancel", 140)
        await desk.steps.to(3.0)
        assert desk.count("cancel") == 48
        await desk.ask(Urgency.REDUCE, "exit", 12)
        assert desk.count("exit") == 12 and desk.steps.now == 3.0
        await desk.steps.to(60.0)
        assert desk.count("cancel") == 96
        await desk.steps.to(120.0)
        assert desk.count("cancel") == 140

    on_a_desk(act)


def test_entries_leave_room_for_cancels() -> None:
    async def act(desk: Desk) -> None:
        await desk.ask(Urgency.ENTRY, "entry", 60)
        await desk.ask(Urgency.CANCEL, "cancel", 10)
        assert (desk.count("entry"), desk.count("cancel")) == (42, 6)

    on_a_desk(act)


@pytest.mark.parametrize("allowed", [1, 2, 3, 5])
def test_with_few_requests_a_minute_entries_still_go_and_leave_some(allowed: int) -> None:
    async def act(desk: Desk) -> None:
        await desk.ask(Urgency.ENTRY, "entry", 10)
        await desk.ask(Urgency.REDUCE, "exit", 10)

    desk = on_a_desk(act, allowed)
    assert desk.count("entry") == max(allowed - 2, 1)
    assert desk.count("entry") + desk.count("exit") == allowed


def test_what_an_answer_says_counts_and_what_is_still_under_way_besides() -> None:
    async def act(desk: Desk) -> None:
        await desk.ask(Urgency.REDUCE, "exit", 10)
        desk.limits.landed(Group.TRADE)
        desk.limits.heard(Group.TRADE, desk.headers(41, 20.0))  # another process has its part of it
        await desk.ask(Urgency.REDUCE, "more", 20)
        assert desk.count("more") == 60 - 41 - 9
        await desk.steps.to(19.9)
        assert desk.count("more") == 10
        await desk.steps.to(20.0)
        assert desk.count("more") == 20

    on_a_desk(act)


def test_after_a_quota_violation_nothing_goes_before_it_is_over_and_then_what_reduces() -> None:
    async def act(desk: Desk) -> None:
        await desk.ask(Urgency.CANCEL, "cancel")
        assert desk.limits.refused(Group.TRADE, (desk.now_ns() + 30 * 10**9) // 10**6) == pytest.approx(30.0)
        await desk.ask(Urgency.ENTRY, "entry", 60)
        await desk.ask(Urgency.CANCEL, "cancel", 60)
        await desk.ask(Urgency.REDUCE, "exit", 3)
        await desk.ask(Urgency.REDUCE, "hasty", patience=5.0)
        assert [error.wait_seconds for error in desk.refused] == [pytest.approx(30.0)]
        await desk.steps.to(29.0)
        assert len(desk.sent) == 1
        await desk.steps.to(31.0)

    sent = [name for name, _ in on_a_desk(act).sent]
    assert sent[1:] == ["exit"] * 3 + ["cancel"] * 45


def test_what_waits_when_the_run_ends_is_said_not_to_be_sent() -> None:
    async def act(desk: Desk) -> None:
        await desk.ask(Urgency.CANCEL, "cancel", 50)
        desk.limits.close()
        await settle()

    desk = on_a_desk(act)
    assert desk.count("cancel") == 48
    assert all("not sent, as the trade requests" in str(error) for error in desk.refused) and len(desk.refused) == 2
