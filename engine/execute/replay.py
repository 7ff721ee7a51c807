"""Decides a kept run again from its inputs, and holds every decision and every order against what was kept.

There must be no difference: the rules, their parameters and the inputs determine everything. A difference is a fault
of the engine, or rules or an engine that are not those of the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from engine.decide.actions import Decision
from engine.decide.tick import DataNote, Decider
from engine.execute.loop import Loop
from engine.market.events import Bar, MarketEvent, Tick
from engine.market.inputs import Asked, Halted, History, Input, Past, Reported, Requested, Resumed, Unseen, Waits
from engine.market.orders import BrokerReport, Order


@dataclass(frozen=True, slots=True)
class Kept:
    """One decision as it was kept. ``line`` is its canonical form, which names it completely; ``values`` are the node
    values it was taken on (float64 bytes), None where none were kept."""

    number: int
    line: str
    reason: str
    values: bytes | None


@dataclass(frozen=True, slots=True)
class Difference:
    """The first thing that came out otherwise. ``number`` of the kept decision, 0 when it is none of them."""

    number: int
    time_ns: int
    what: str
    kept: str
    again: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to; ``difference`` is None when everything came out as kept."""

    ticks: int
    decisions: int
    orders: int
    difference: Difference | None


NOTHING: Final = "nothing"


class _Differs(Exception):
    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.what)
        self.difference = difference


class _Ended(Exception):
    """The journal of a run that died ends in the middle of a tick."""


def decide_again(
    decider: Decider, inputs: Iterable[Input], kept: Sequence[Kept], orders: Sequence[str], ended: bool
) -> Replayed:
    """Feed ``inputs`` to a fresh ``decider`` and compare; ``orders`` are the client ids that were sent, in order.

    ``ended``: the run came to its end, so that nothing may be missing; of one that died the last tick may be cut off.
    """
    tape = _Tape(inputs)
    checker = _Checker(kept, orders, tape, ended)
    loop = Loop(decider, _Answers(tape, ended), [checker])
    difference = None
    try:
        for item in tape:
            _feed(loop, item)
        checker.finish()
    except _Differs as differs:
        difference = differs.difference
    except _Ended:
        pass
    return Replayed(loop.ticks, checker.decided, checker.ordered, difference)


def _feed(loop: Loop, item: Input) -> None:
    if isinstance(item, Tick):
        loop.step(item)
    elif isinstance(item, History):
        loop.observe(item.tick)
    elif isinstance(item, Past | Unseen | Waits):
        loop.decider.aside(item)
    elif isinstance(item, Halted):
        loop.decider.halt(item)
    elif isinstance(item, Resumed):
        loop.decider.resume(item.by)
    elif isinstance(item, Requested):
        loop.decider.request(item)
    elif item.asked is Asked.HEARD:
        loop.hear(item.report, loop.decider.context.now_ns)
    else:
        what = f"the broker was asked to {item.asked} then, and was not asked again"
        raise _Differs(Difference(0, loop.decider.context.now_ns, what, str(item.asked), NOTHING))


class _Tape:
    """The inputs, with a look at the next one."""

    def __init__(self, inputs: Iterable[Input]) -> None:
        self._items = iter(inputs)
        self.next: Input | None = next(self._items, None)

    def __iter__(self) -> Iterator[Input]:
        while self.next is not None:
            yield self.take()

    def take(self) -> Input:
        item = self.next
        assert item is not None
        self.next = next(self._items, None)
        return item


class _Answers:
    """A broker that answers what it answered then."""

    def __init__(self, tape: _Tape, ended: bool) -> None:
        self._tape, self._ended = tape, ended

    def on_events(self, time_ns: int, events: Sequence[MarketEvent]) -> BrokerReport | None:
        item = self._tape.next
        if not isinstance(item, Reported) or item.asked is not Asked.EVENTS:
            return None
        self._tape.take()
        return item.report

    def place(self, orders: Sequence[Order], time_ns: int) -> BrokerReport:
        return self._answer(Asked.PLACE, time_ns)

    def cancel(self, client_ids: Sequence[str], time_ns: int) -> BrokerReport:
        return self._answer(Asked.CANCEL, time_ns)

    def replace(self, client_id: str, time_ns: int, stop: Decimal) -> BrokerReport:
        return self._answer(Asked.REPLACE, time_ns)

    def untouched(self, bars: Sequence[Bar]) -> int:
        return 0

    def _answer(self, asked: Asked, time_ns: int) -> BrokerReport:
        item = self._tape.next
        if isinstance(item, Reported) and item.asked is asked:
            self._tape.take()
            return item.report
        if item is None and not self._ended:
            raise _Ended
        what = f"the broker is asked to {asked} now, and was not asked then"
        raise _Differs(Difference(0, time_ns, what, NOTHING, str(asked)))


class _Checker:
    """A recorder that compares."""

    def __init__(self, kept: Sequence[Kept], orders: Sequence[str], tape: _Tape, ended: bool) -> None:
        self._kept, self._orders, self._tape, self._ended = kept, orders, tape, ended
        self.decided = self.ordered = 0

    def decision(self, decision: Decision, decider: Decider) -> None:
        line = decision.canonical().strip()
        if self.decided >= len(self._kept):
            if not self._ended and self._tape.next is None:
                raise _Ended
            raise _Differs(Difference(0, decision.time_ns, "one decision more", NOTHING, line))
        kept = self._kept[self.decided]
        again = None if decision.values is None or kept.values is None else decision.values.tobytes()
        pairs = (
            ("the decision", kept.line, line),
            ("its reason", kept.reason, decision.reason),
            ("the values it was taken on", kept.values if again is not None else None, again),
        )
        for what, then, now in pairs:
            if then != now:
                told = ("other values", line) if isinstance(then, bytes) else (str(then), str(now))
                raise _Differs(Difference(kept.number, decision.time_ns, what, *told))
        self.decided += 1

    def orders(self, orders: Sequence[Order]) -> None:
        for order in orders:
            then = self._orders[self.ordered] if self.ordered < len(self._orders) else NOTHING
            if then != order.client_id:
                number = self._kept[self.decided - 1].number
                raise _Differs(Difference(number, order.created_ns, "an order's id", then, order.client_id))
            self.ordered += 1

    def finish(self) -> None:
        """Nothing that was kept may be left over."""
        if self.decided < len(self._kept):
            kept = self._kept[self.decided]
            time_ns = int(kept.line.partition("|")[0])
            raise _Differs(Difference(kept.number, time_ns, "the decision", kept.line, NOTHING))
        if self.ordered < len(self._orders):
            raise _Differs(Difference(0, 0, "an order's id", self._orders[self.ordered], NOTHING))

    def report(self, report: BrokerReport, decider: Decider) -> None:
        """Answers are inputs; there is nothing to compare."""

    def note(self, note: DataNote) -> None:
        """Notes follow from the inputs."""

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        """Equity follows from the inputs."""
