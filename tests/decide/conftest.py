"""A whole engine in memory: rules as text, a paper broker without costs, bars as numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.calendars import calendar
from connectors.paper import PaperBroker, PaperSettings
from engine.decide.actions import Decision
from engine.decide.tick import DataNote, Decider
from engine.execute.loop import Loop
from engine.market.events import NANOS, Bar, Quote, Tick
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.orders import BrokerReport, Fill, Order, OrderUpdate
from engine.plan.plan import make_plan
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

PACK = """\
kind: pack
name: p
venue: paper
timezone: America/New_York
calendar: XNYS
universe: [SPY]
symbols: {SPX: SPY}
instruments: {SPX: {kind: index}}
"""
FREE = PaperSettings(fee_per_unit=Decimal(0), fee_minimum=Decimal(0), slippage_bps=Decimal(0))


@dataclass
class Seen:
    """Everything that happened, in order."""

    decisions: list[Decision] = field(default_factory=list)
    placed: list[Order] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    updates: list[OrderUpdate] = field(default_factory=list)
    notes: list[DataNote] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def decision(self, decision: Decision, decider: Decider) -> None:
        self.decisions.append(decision)

    def orders(self, orders: Sequence[Order]) -> None:
        self.placed += orders
        self.log += [f"written {o.client_id}" for o in orders]

    def report(self, report: BrokerReport, decider: Decider) -> None:
        self.fills += report.fills
        self.updates += report.updates
        self.log += [f"{u.state} {u.client_id}" for u in report.updates]

    def note(self, note: DataNote) -> None:
        self.notes.append(note)

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        pass


class Engine:
    """Feed it bars, look at what it did."""

    def __init__(
        self, rules: str, symbols: Sequence[str] = ("SPY",), start: str = "2024-03-05 10:00", pack: str = PACK
    ) -> None:
        ruleset = link([PackFiles("p", [load_text("pack.yaml", pack), load_text("rules.yaml", rules)])])
        assert not ruleset.findings, ruleset.findings
        kinds = {s: InstrumentKind.INDEX if s == "SPX" else InstrumentKind.EQUITY for s in symbols}
        instruments = {s: Instrument(s, kinds[s]) for s in symbols}
        self.decider = Decider(make_plan(ruleset, symbols), instruments, {"XNYS": calendar("XNYS")}, Decimal(100_000))
        self.broker = PaperBroker(FREE, instruments)
        self.seen = Seen()
        self.loop = Loop(self.decider, self.broker, [self.seen])
        local = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo("America/New_York"))
        self.start_ns = int(local.timestamp()) * NANOS
        self.minute = 0

    def bar(self, close: float, *, high: float | None = None, low: float | None = None, open_: float | None = None,
            volume: float | None = None, symbol: str = "SPY", quote: tuple[float, float] | None = None,
            also: Sequence[Any] = ()) -> list[Decision]:  # fmt: skip
        """One minute of one symbol; the decisions that it led to."""
        opened = close if open_ is None else open_
        bar = Bar(
            symbol, self.start_ns + self.minute * 60 * NANOS, 60, opened, max(high or close, opened, close),
            min(low or close, opened, close), close, volume,
        )  # fmt: skip
        self.minute += 1
        events: list[Any] = [bar, *also]
        if quote is not None:
            events.insert(0, Quote(symbol, bar.known_ns, quote[0], None, quote[1], None))
        return self.tick(bar.known_ns, events)

    def tick(self, time_ns: int, events: Sequence[Any]) -> list[Decision]:
        before = len(self.seen.decisions)
        self.loop.step(Tick(time_ns, list(events)))
        return self.seen.decisions[before:]

    def bars(self, *closes: float) -> list[Decision]:
        return [decision for close in closes for decision in self.bar(close)]

    @property
    def held(self) -> dict[tuple[str, str], Any]:
        return self.decider.context.portfolio.held


@pytest.fixture(scope="session")
def engine() -> Callable[..., Engine]:
    """Builds an engine from rules."""
    return Engine
