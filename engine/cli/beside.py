"""What stands beside every run: the event log, figures for the service, and wishes that come from it.

None of it may stop a run: where a file fails, that is said once and the run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.cli.clock import machine_ns
from engine.cli.features.recording import Recording, recording
from engine.decide.actions import Decision
from engine.decide.requests import order_id
from engine.decide.tick import DataNote, Decider
from engine.execute.eventlog import EventRecorder
from engine.execute.figures import RunFigures
from engine.execute.loop import Recorder
from engine.market.events import Tick
from engine.market.inputs import InputLog, Requested
from engine.market.meter import REQUESTS
from engine.market.orders import BrokerReport, Leg, Order
from engine.service.desk import WORKER
from engine.settings import Settings
from state import RunWriter, Store, StoreError
from state.events import EventLog
from state.service import ServiceBook, service_file


def events_file(settings: Settings) -> Path:
    """Where the event log is."""
    return settings.events.path or settings.store.path.with_name("events.jsonl")


def event_log(settings: Settings) -> EventLog:
    """The event log as the settings say."""
    return EventLog(events_file(settings), settings.events.max_bytes, settings.events.keep)


class Beside:
    """``recorders`` go into the loop, last; ``before_tick`` and ``every_second`` are called by the run. ``ready``: says
    whether the next tick will be decided on; until then no wish is taken."""

    def __init__(
        self, settings: Settings, store: Store, writer: RunWriter, decider: Decider, mode: str,
        tell: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.ready: Callable[[], bool] = lambda: True
        self._tell, self._told = tell, set[str]()
        self._log = event_log(settings)
        self._figures = RunFigures(decider)
        self._run, self._account, self._packs = writer.run_id, writer.book.name, decider.context.plan.ruleset.trading
        self._desk: Desk | None = None
        self._book: ServiceBook | None = None
        self.recorders: list[Recorder] = [EventRecorder(self._keep, writer.run_id, mode, decider), self._figures]
        try:
            self._book = ServiceBook(service_file(settings.store.path, mode))
            self._desk = Desk(self._book, store, writer, decider)
        except StoreError as error:
            self._say(f"the service cannot reach this run: {error}")
        else:
            self.recorders.append(self._desk)
        self._recording: Recording | None = recording(settings, store, mode, writer.run_id, self._say)

    def waiting(self) -> bool:
        """Whether somebody has asked for something that no tick has taken."""
        try:
            return self._desk is not None and self.ready() and self._desk.queue.waiting()
        except StoreError:
            return False

    def before_tick(self) -> None:
        """Take what people ask for, just before the tick at which it is decided on."""
        if self._figures.seen == 1:
            self.every_second()  # from the first tick on prices are known
        if self._desk is not None and self.ready():
            self._safely(self._desk.take)
        self._figures.began()

    def every_second(self) -> None:
        """Write events down and publish figures."""
        self._safely(self._log.flush)
        if self._book is not None:
            book = self._book
            self._safely(lambda: book.publish(WORKER, self._told_figures(running=True), machine_ns()))
        if self._recording is not None:
            self._recording.look()

    def close(self) -> None:
        """The run decides nothing more."""
        self._safely(self._log.flush)
        if self._book is not None and self._desk is not None:
            book = self._book
            self._safely(lambda: book.publish(WORKER, self._told_figures(running=False), machine_ns()))
            self._desk.queue.close()

    def ended(self) -> None:
        """The run has ended in the store, too."""
        if self._recording is not None:
            self._recording.ended()

    def _told_figures(self, *, running: bool) -> dict[str, Any]:
        requests = [[provider, outcome, count] for (provider, outcome), count in REQUESTS.counts().items()]
        return {
            "run": self._run, "book": self._account, "packs": self._packs, "running": running, "requests": requests,
            **self._figures.to_json(),
        }  # fmt: skip

    def _keep(self, event: Mapping[str, Any]) -> None:
        self._safely(lambda: self._log.tell(event))

    def _safely(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StoreError as error:
            self._say(str(error))

    def _say(self, words: str) -> None:
        if words not in self._told:
            self._told.add(words)
            self._tell(words)


class Alone:
    """In place of ``Beside`` for a dry run: it tells nobody of itself and takes nobody's wishes."""

    def __init__(self) -> None:
        self.ready: Callable[[], bool] = lambda: False
        self.recorders: list[Recorder] = []

    def waiting(self) -> bool:
        return False

    def before_tick(self) -> None:
        """Nobody asks for anything."""

    def every_second(self) -> None:
        """Nothing is published."""

    def close(self) -> None:
        """Nothing is open."""

    def ended(self) -> None:
        """Nothing is waited for."""


class Desk:
    """Takes wishes, hands them to the rules' engine, and answers when the tick is over. A recorder.

    A wish is marked as taken, on disk, before anything is decided on it, and never handed over again: whatever dies
    when, its orders are placed once or not at all.
    """

    def __init__(self, book: ServiceBook, store: Store, log: RunWriter, decider: Decider) -> None:
        self.queue = book.requests()
        self._run, self._decider = log.run_id, decider
        self._log: InputLog = log
        self._open: dict[str, tuple[Requested, list[Decision]]] = {}
        self._updates: dict[str, str] = {}
        for request in self.queue.unanswered():
            self.queue.lost(request.id, _what_is_known(store, request), machine_ns())

    def take(self) -> None:
        """What waits becomes input of the run."""
        for request in self.queue.take(self._run, machine_ns()):
            self._log.input(request)
            self._open[request.id] = (request, [])
            self._decider.request(request)

    def decision(self, decision: Decision, decider: Decider) -> None:
        if decision.request in self._open:
            self._open[decision.request][1].append(decision)

    def orders(self, orders: Sequence[Order]) -> None:
        """They are in the decisions."""

    def report(self, report: BrokerReport, decider: Decider) -> None:
        if self._open:
            self._updates |= {update.client_id: f"{update.state}: {update.reason}" for update in report.updates
                              if update.state.value == "refused"}  # fmt: skip

    def note(self, note: DataNote) -> None:
        """Not about wishes."""

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        done = {id: pair for id, pair in self._open.items() if pair[1]}
        for request_id, (_, decisions) in done.items():
            del self._open[request_id]
            try:
                self.queue.answer(request_id, self._answer(decisions), machine_ns())
            except StoreError:
                continue  # it stays taken; the next run says what became of it
        self._updates.clear()

    def _answer(self, decisions: list[Decision]) -> dict[str, Any]:
        first = decisions[0]
        orders = [*first.wanted, *(o for d in decisions[1:] for o in d.orders)]
        refused = [self._updates[o.client_id] for o in orders if o.client_id in self._updates]
        return {
            "run": self._run, "time_ns": first.time_ns, "verdict": "refused" if refused else first.verdict.value,
            "guard": first.guard, "reason": "; ".join(refused) or first.reason, "guards": first.guards,
            "orders": [_order(order) for order in orders],
        }  # fmt: skip


def _order(order: Order) -> dict[str, Any]:
    return {
        "id": order.client_id, "symbol": order.symbol, "side": order.side.value, "quantity": str(order.quantity),
        "type": order.type.value, "leg": order.leg.value, "limit": _text(order.limit), "stop": _text(order.stop),
        "parent": order.parent,
    }  # fmt: skip


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _what_is_known(store: Store, request: Requested) -> dict[str, Any]:
    """What became of a wish whose engine ended before it answered: its orders' ids say whether they were wanted."""
    wanted = order_id(request.id, request.symbol, Leg.ENTRY)
    try:
        row = store.order(wanted)
    except StoreError:
        return {
            "verdict": "lost", "orders": [],
            "reason": "the engine ended before it wrote an order down for this; ask again if it is still wanted",
        }  # fmt: skip
    return {
        "verdict": "fired", "orders": [{"id": row["client_id"], "symbol": row["symbol"], "state": row["state"]}],
        "reason": "the order was written down before the engine ended; its state is in the store",
    }  # fmt: skip
