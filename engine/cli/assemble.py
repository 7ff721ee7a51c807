"""Puts a run together: rules, data, broker. The only place where engine, connectors and state meet."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.calendars import calendar
from connectors.paper import FillModel, PaperBroker
from connectors.paper import PaperSettings as BrokerSettings
from connectors.replay import ReplaySource
from connectors.simulated import DerivedSource, SimulatedSource
from engine.cli.errors import UserError
from engine.decide.tick import Decider, VenueFacts
from engine.market.calendar import TradingCalendar
from engine.market.events import MarketSource
from engine.market.instrument import Instrument, InstrumentKind
from engine.plan.compiled import compiled_kernel
from engine.plan.plan import Plan, execution_symbol, make_plan
from engine.research.columns.terms import FillTerms
from engine.ruleset.parameters import ParameterError, read_settings
from engine.ruleset.rules import Ruleset
from engine.settings.models import PaperSettings, Settings

PROXY_RATIOS = {("SPX", "SPY"): 0.1, ("NDX", "QQQ"): 0.025}  # an index and the fund that follows it
INDICES = frozenset({"SPX", "NDX", "RUT", "DJI", "VIX"})
DEFAULT_CALENDAR = "XNYS"
SIMULATION_START = date(2024, 3, 5)


@dataclass(frozen=True, slots=True)
class DataChoice:
    """Which market data a run reads. ``symbols`` empty: what the rules name. ``last`` is included."""

    source: str
    root: Path | None
    symbols: tuple[str, ...]
    first: date | None
    last: date | None
    seed: int
    days: int


@dataclass(slots=True)
class Assembly:
    """Everything that a run needs, ready to be put into the loop any number of times."""

    ruleset: Ruleset
    plan_symbols: list[str]
    parameters: dict[str, float]
    instruments: dict[str, Instrument]
    calendars: dict[str, TradingCalendar]
    settings: Settings
    data: DataChoice
    proxies: dict[str, tuple[str, float]]
    execution: dict[str, str]
    keep_values: bool = False
    contract_rate: Decimal | None = None  # what the paper broker charges for contracts that pay $1

    def plan(self) -> Plan:
        """A fresh plan: programs hold no state, but their order of symbols must be this run's."""
        return make_plan(self.ruleset, self.plan_symbols, self.parameters)

    def decider(self) -> Decider:
        return Decider(
            self.plan(), self.instruments, self.calendars, self.cash, self.venue_facts(),
            compiled_kernel(), self.keep_values,
        )  # fmt: skip

    def venue_facts(self) -> VenueFacts:
        """What rules may know of trading costs; a venue of contracts tells its rate itself."""
        paper = self.settings.paper
        slippage = float(paper.slippage_bps) / 10_000
        if self.contract_rate is not None:
            return VenueFacts(fee_rate=math.nan, slippage_ratio=slippage)
        return VenueFacts(float(paper.fee_per_unit), float(paper.fee_minimum), slippage_ratio=slippage)

    def broker(self, fills: str) -> PaperBroker:
        settings = replace(broker_settings(self.settings.paper, fills), contract_rate=self.contract_rate)
        return PaperBroker(settings, self.instruments)

    def fill_terms(self, fills: str) -> FillTerms:
        settings = self.broker(fills).settings
        return FillTerms(
            fills, settings.cash, settings.fee_per_unit, settings.fee_minimum, settings.contract_rate,
            settings.slippage_ratio, settings.latency_ms, settings.participation, settings.cash_check,
        )  # fmt: skip

    def source(self) -> MarketSource:
        data = self.data
        if data.source == "simulated":
            begin = data.first or SIMULATION_START
            start = datetime.combine(begin, time(9, 30), tzinfo=ZoneInfo("America/New_York"))
            return SimulatedSource(self._listed(), start, days=data.days, seed=data.seed)
        assert data.root is not None
        replay = ReplaySource(data.root, [s for s in self._listed() if s not in self.proxies], data.first, data.last)
        if not self.proxies:
            return replay
        spread = float(self.settings.paper.slippage_bps) * 2
        return DerivedSource(replay, self.proxies, spread_bps=spread, seed=data.seed)

    def _listed(self) -> list[str]:
        return list(self.instruments)

    @property
    def cash(self) -> Decimal:
        return Decimal(self.settings.paper.cash)

    @property
    def timezone(self) -> str:
        return self.settings.engine.timezone

    def describe_data(self) -> str:
        """The input in words, for reports."""
        data = self.data
        symbols = ", ".join(self.plan_symbols)
        if data.source == "simulated":
            return f"simulated {symbols}, seed {data.seed}, {data.days} day(s)"
        span = f"{data.first or 'start'} to {data.last or 'end'}"
        derived = "".join(f"; {p} simulated as {ratio:g} × {index}" for p, (index, ratio) in self.proxies.items())
        return f"{data.root} {symbols}, {span}{derived}"

    def describe_parameters(self) -> dict[str, str]:
        """Every parameter and the value it has, in plain text."""
        values = {key: p.value for key, p in self.ruleset.parameters.items()} | self.parameters
        return {key: f"{value:g}" for key, value in sorted(values.items())}


def broker_settings(paper: PaperSettings, fills: str) -> BrokerSettings:
    """The paper broker's settings from the file's."""
    return BrokerSettings(
        cash=paper.cash,
        fee_per_unit=paper.fee_per_unit,
        fee_minimum=paper.fee_minimum,
        slippage_bps=paper.slippage_bps,
        latency_ms=paper.latency_ms,
        participation=paper.participation,
        fill_model=FillModel(fills),
    )


def assemble(
    settings: Settings,
    ruleset: Ruleset,
    data: DataChoice,
    parameters: Sequence[str] = (),
    keep_values: bool = False,
) -> Assembly:
    """Decide on symbols, instruments and proxies."""
    try:
        values = read_settings(ruleset, parameters)
    except ParameterError as error:
        raise UserError(f"--param {error}") from None
    asked = tuple(s.removeprefix("I:") for s in data.symbols)
    if asked:
        ruleset = with_universe(ruleset, asked)
    execution = {**settings.market.execution, **_pack_execution(ruleset)}
    for pack in ruleset.packs.values():
        pack.execution = {**settings.market.execution, **pack.execution}
    symbols = _symbols(ruleset, asked)
    available = _available(data)
    proxies = _proxies(symbols, execution, available)
    if available is not None:
        symbols = [s for s in symbols if s in available or s in proxies]
        if not symbols:
            raise UserError(
                f"{data.root} has none of the symbols of these rules; it has {', '.join(sorted(available)) or 'none'}: "
                "name some with --symbols"
            )
    instruments = {s: _instrument(ruleset, s) for s in symbols}
    names = {i.calendar for i in instruments.values()} | {p.calendar for p in ruleset.packs.values() if p.calendar}
    return Assembly(
        ruleset, symbols, values, instruments, {name: calendar(name) for name in sorted(names)}, settings,
        replace(data, symbols=asked), proxies, execution, keep_values,
    )  # fmt: skip


def with_universe(ruleset: Ruleset, symbols: Sequence[str]) -> Ruleset:
    """Strategies that look at their pack's universe look at ``symbols`` instead; an own universe is narrowed to it."""
    for pack in ruleset.packs.values():
        pack.strategies = [
            replace(s, universe=tuple(symbols) if s.universe == pack.universe else _narrowed(s.universe, symbols))
            for s in pack.strategies
        ]
    return ruleset


def _narrowed(universe: Sequence[str], symbols: Sequence[str]) -> tuple[str, ...]:
    return tuple(s for s in universe if s in symbols)


def _pack_execution(ruleset: Ruleset) -> Mapping[str, str]:
    return {k: v for pack in ruleset.packs.values() for k, v in pack.execution.items()}


def _symbols(ruleset: Ruleset, asked: Sequence[str]) -> list[str]:
    """Every symbol that triggers a strategy or is ordered by one, in a fixed order."""
    found: dict[str, None] = dict.fromkeys(asked)
    for pack in ruleset.packs.values():
        for strategy in pack.strategies:
            for symbol in strategy.universe:
                found[symbol] = None
                found[execution_symbol(pack, strategy, symbol)] = None
    return sorted(found)


def _available(data: DataChoice) -> set[str] | None:
    """Symbols that the data has; None where any can be made up."""
    if data.source == "simulated" or data.root is None:
        return None
    return set(ReplaySource(data.root, None, data.first, data.last).symbols_available())


def _proxies(
    symbols: Sequence[str], execution: Mapping[str, str], available: set[str] | None
) -> dict[str, tuple[str, float]]:
    """Funds that the data lacks but whose index it has: their prices are derived from the index."""
    if available is None:
        return {}
    found: dict[str, tuple[str, float]] = {}
    for index, fund in execution.items():
        ratio = PROXY_RATIOS.get((index, fund))
        if ratio is not None and index in available and index in symbols and fund not in available:
            found[fund] = (index, ratio)
    return found


def _instrument(ruleset: Ruleset, symbol: str) -> Instrument:
    for pack in ruleset.packs.values():
        if symbol in pack.instruments:
            return pack.instruments[symbol]
    calendars = [p.calendar for p in ruleset.packs.values() if p.calendar]
    kind = InstrumentKind.INDEX if symbol in INDICES else InstrumentKind.EQUITY
    return Instrument(symbol, kind, calendar=calendars[0] if calendars else DEFAULT_CALENDAR)


def now_ns() -> int:
    """Wall-clock time; only the edge may ask."""
    return int(datetime.now(UTC).timestamp() * 1_000_000_000)


Clock = Callable[[], float]
