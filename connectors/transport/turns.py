"""Turns at a venue that lets only so many requests through in a time: the most urgent goes first, and what is less
urgent leaves a part of the room alone, so that what reduces a position never stands behind what opens one.

Nothing is sent before its turn, so that what is still waiting is certain not to have been done.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from math import inf
from typing import NamedTuple, Protocol

from engine.market.venue import Urgency

# The part of the room that is left alone: by new entries for cancels, and by both for what reduces.
LEFT_FOR_CANCELS = 0.3
LEFT_FOR_REDUCING = 0.2
LEFT_AT_LEAST = 2  # requests of one's own size
NO_SECONDS = 1e-6  # what rounding leaves of a wait that is over
_LEFT = {Urgency.REDUCE: 0.0, Urgency.CANCEL: LEFT_FOR_REDUCING, Urgency.LOOK: LEFT_FOR_REDUCING}


class _Asking(NamedTuple):
    urgency: Urgency = Urgency.ROUTINE
    patience: float | None = None


_NOTHING_SAID = _Asking()
_ASKING: ContextVar[_Asking] = ContextVar("asking", default=_NOTHING_SAID)


@contextmanager
def asking(urgency: Urgency, patience: float | None = None) -> Iterator[None]:
    """Requests made inside are so urgent, and reads wait so many seconds for their turn; None: as long as it takes."""
    before = _ASKING.set(_Asking(urgency, patience))
    try:
        yield
    finally:
        _ASKING.reset(before)


@contextmanager
def waiting(patience: float) -> Iterator[None]:
    """As before, and reads wait no longer than so many seconds for their turn."""
    with asking(_ASKING.get().urgency, patience):
        yield


@contextmanager
def verdict() -> Iterator[None]:
    """Reads of what became of a request. What reduces hangs on its own; the others must not take the room in which the
    account is read, which tells of all of them at once."""
    now = _ASKING.get()
    with asking(now.urgency if now.urgency is Urgency.REDUCE else Urgency.ROUTINE, now.patience):
        yield


def read_patience() -> float | None:
    """How long (s) a read that is made now may wait for its turn."""
    return _ASKING.get().patience


class NoTurn(Exception):
    """A request was not sent, because its turn would come too late: in ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not sent, its turn would come only in {seconds:.1f} s")
        self.seconds = seconds


class Meter(Protocol):
    """Counts what a venue lets through, in units of its own. ``most``: units that it lets through at once."""

    @property
    def most(self) -> float: ...

    def wait(self, cost: float, now: float, keep: float = 0.0) -> float:
        """Seconds until ``cost`` units may be taken so that ``keep`` are left, if no one else takes any."""
        ...

    def take(self, cost: float) -> None:
        """Take units that may be taken now."""
        ...


@dataclass(order=True, slots=True)
class _Waiting:
    """``ends``: when it gives up (steady seconds); ``turn`` is told None when it may go, and otherwise in how many
    seconds it might have."""

    urgency: Urgency
    number: int
    cost: float = field(compare=False)
    ends: float = field(compare=False)
    turn: asyncio.Future[float | None] = field(compare=False)


class Turns:
    """The turns of one meter. ``monotonic`` gives steady seconds, by which ``sleep`` waits, too."""

    def __init__(
        self, meter: Meter, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._meter, self._monotonic, self._sleep = meter, monotonic, sleep
        self._queue: list[_Waiting] = []
        self._numbers = count()
        self._alarm: asyncio.Task[None] | None = None
        self._due = inf
        self._closed = False

    async def turn(self, cost: float, patience: float | None) -> None:
        """Wait until a request may go, and take its units. NoTurn, and nothing taken, when that is not within
        ``patience`` seconds (None: however long), or when nothing waits any more."""
        ends = inf if patience is None else self._monotonic() + patience
        if self._closed:
            ends = -inf
        turn = asyncio.get_running_loop().create_future()
        me = _Waiting(_ASKING.get().urgency, next(self._numbers), cost, ends, turn)
        insort(self._queue, me)
        self.changed()
        try:
            seconds = await turn
        finally:
            if me in self._queue:
                self._queue.remove(me)
                self.changed()
        if seconds is not None:
            raise NoTurn(seconds)

    def changed(self) -> None:
        """The meter is another one than it was, or those who wait are: let go what may go, and give up what is late."""
        now = self._monotonic()
        while self._queue and self._seconds(self._queue[0], 0.0, now) <= NO_SECONDS:
            first = self._queue.pop(0)
            if not first.turn.done():
                self._meter.take(first.cost)
                first.turn.set_result(None)
        ahead, staying = 0.0, []
        for one in self._queue:
            seconds = self._seconds(one, ahead, now)
            if now + seconds > one.ends and not one.turn.done():
                one.turn.set_result(seconds)
            else:
                staying.append(one)
                ahead += one.cost
        self._queue = staying
        self._set_alarm(now)

    def close(self) -> None:
        """What waits is not sent, and from now on only what may go at once."""
        self._closed = True
        for one in self._queue:
            one.ends = -inf
        self.changed()

    def _seconds(self, one: _Waiting, ahead: float, now: float) -> float:
        return self._meter.wait(ahead + one.cost, now, self._left_alone(one.urgency, one.cost))

    def _left_alone(self, urgency: Urgency, cost: float) -> float:
        """Units that a request must leave; never so many that it could not go at all."""
        share = _LEFT.get(urgency, LEFT_FOR_CANCELS)
        if not share:
            return 0.0
        most = self._meter.most
        return max(min(max(most * share, LEFT_AT_LEAST * cost), most - cost), 0.0)

    def _set_alarm(self, now: float) -> None:
        if not self._queue:
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm, self._due = None, inf
            return
        due = now + self._seconds(self._queue[0], 0.0, now)
        if self._alarm is not None and self._due <= due:
            return  # it looks then, and sets itself anew
        if self._alarm is not None:
            self._alarm.cancel()
        self._due = due
        self._alarm = asyncio.create_task(self._ring(due - now))

    async def _ring(self, seconds: float) -> None:
        await self._sleep(seconds)
        self._alarm, self._due = None, inf
        self.changed()
