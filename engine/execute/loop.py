"""The loop that every run shares: back-test, replay, paper and live differ only in source and broker.

At each tick the broker is shown the market first, then the rules decide, then what they want is written down and
sent. An order reaches the broker only after the recorder has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from engine.decide.actions import Cancel, Decision, DecisionHash, Place, Replace
from engine.decide.quiet import Ahead
from engine.decide.tick import DataNote, Decider
from engine.market.events import Tick
from engine.market.inputs import MarketInput
from engine.market.orders import Broker, BrokerReport, Order

BLOCK_TICKS = 256
LONGEST_WAIT = 63  # ticks, before looking ahead again where it led to nothing


class Recorder(Protocol):
    """Who keeps the record of a run: the store, the statistics, the terminal."""

    def decision(self, decision: Decision, decider: Decider) -> None:
        """A decision was taken."""
        ...

    def orders(self, orders: Sequence[Order]) -> None:
        """These orders will be sent next; they must be safe before this returns."""
        ...

    def report(self, report: BrokerReport, decider: Decider) -> None:
        """The broker filled or changed orders; the portfolio has already booked it."""
        ...

    def note(self, note: DataNote) -> None:
        """Something about the data that the user should know."""
        ...

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        """These ticks are over; ``equity`` is the account's worth (money) after each. They are several only when no
        rule acted and no order filled at any of them.
        """
        ...


class Loop:
    """Drives one run, tick by tick."""

    def __init__(self, decider: Decider, broker: Broker, recorders: Sequence[Recorder]) -> None:
        self.decider, self.broker, self.recorders = decider, broker, recorders
        self.hash = DecisionHash()
        self.ticks = 0

    def step(self, tick: Tick) -> None:
        """One tick, from market events to orders on their way."""
        self.ticks += 1
        self.decider.begin_day(tick.time_ns)
        report = self.broker.on_events(tick.time_ns, tick.events)
        if report is not None:
            self._book(report, tick.time_ns)
        decisions = self.decider.tick(tick)
        if self.decider.notes:
            self._tell_notes()
        for decision in decisions:
            self._carry_out(decision, tick.time_ns)
        for recorder in self.recorders:
            recorder.ticks((tick,), (self.decider.context.portfolio.equity(),), self.decider)

    def hear(self, report: BrokerReport, time_ns: int) -> None:
        """Book what the broker told between two ticks. The rules are asked at the next tick."""
        self._book(report, time_ns)

    def observe(self, tick: Tick) -> None:
        """As ``step``, but the rules are not asked: not everything is known yet that they decide on."""
        self.decider.begin_day(tick.time_ns)
        report = self.broker.on_events(tick.time_ns, tick.events)
        if report is not None:
            self._book(report, tick.time_ns)
        self.decider.observe(tick)

    def run(self, ticks: Sequence[Tick]) -> None:
        """As ``step`` for each of ``ticks``, only faster: what no rule can act at is passed at once."""
        ahead = self.decider.ahead(ticks)
        number = look_at = wait = 0
        while number < len(ticks):
            if number >= look_at and ahead.ready():
                passed = ahead.go(number, self.broker.untouched)
                # Rules that act at every tick leave nothing to look ahead for.
                wait = 0 if passed > number else min(2 * wait + 1, LONGEST_WAIT)
                look_at = passed + wait
                if passed > number:
                    self._pass(ticks[number:passed], ahead)
                    number = passed
            if number < len(ticks):
                self.step(ticks[number])
                number += 1

    def feed(self, inputs: Iterable[MarketInput], notice: Callable[[], None] = lambda: None) -> None:
        """All of ``inputs``, some hundred ticks at a time; ``notice`` is called after each of these parts."""
        block: list[Tick] = []
        told = False  # something that is no tick; then the next one is taken in by itself
        for item in inputs:
            if isinstance(item, Tick) and not told:
                block.append(item)
                if len(block) < BLOCK_TICKS:
                    continue
            self.run(block)
            block = []
            if isinstance(item, Tick):
                if told:
                    self.step(item)
                told = False
            else:
                self.decider.aside(item)
                told = True
            notice()
        self.run(block)
        notice()

    def _pass(self, ticks: Sequence[Tick], ahead: Ahead) -> None:
        """Ticks that have been taken in; of those that touch no order the broker needs to see the newest bars only."""
        self.ticks += len(ticks)
        self.broker.on_events(ticks[-1].time_ns, ahead.newest)
        for recorder in self.recorders:
            recorder.ticks(ticks, ahead.equity, self.decider)

    def _carry_out(self, decision: Decision, now_ns: int) -> None:
        self.hash.add(decision)
        for recorder in self.recorders:
            recorder.decision(decision, self.decider)
        for action in decision.actions:
            if isinstance(action, Place):
                for recorder in self.recorders:
                    recorder.orders(action.orders)
                self._book(self.broker.place(action.orders, now_ns), now_ns)
            elif isinstance(action, Cancel):
                self._book(self.broker.cancel(action.client_ids, now_ns), now_ns)
            else:
                self._replace(action, now_ns)

    def _replace(self, action: Replace, now_ns: int) -> None:
        report = self.broker.replace(action.client_id, now_ns, action.stop)
        self._book(report, now_ns)

    def _book(self, report: BrokerReport, now_ns: int) -> None:
        """Book a report; protective orders of a position that is gone come off the market at once."""
        if not report.fills and not report.updates:
            return
        leftover = self.decider.book(report)
        for recorder in self.recorders:
            recorder.report(report, self.decider)
        if leftover:
            self._book(self.broker.cancel(tuple(leftover), now_ns), now_ns)

    def _tell_notes(self) -> None:
        for note in self.decider.notes:
            for recorder in self.recorders:
                recorder.note(note)
        self.decider.notes.clear()
