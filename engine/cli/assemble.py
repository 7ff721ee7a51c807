"""Puts a run together: rules, data, broker. The only place where engine, connectors and state meet."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.alpha.book import WithSignals
from connectors.alpha.file import Alpha
from connectors.days import DayRange
from connectors.kalshi.fees import TAKER_RATE
from connectors.paper import FillModel, PaperBroker
from connectors.paper import PaperSettings as BrokerSettings
from connectors.replay import ReplaySource
from connectors.simulated import DerivedSource, MergedSource, SimulatedSource
from engine.cli.clock import now_ns as now_ns
from engine.cli.data import VenueData, venue_data
from engine.cli.errors import UserError
from engine.cli.examples import Example
from engine.cli.sources import SOURCES, asking, sources_of
from engine.cli.zones import calendars_of, days_of, zone_of
from engine.decide.tick import Decider, VenueFacts
from engine.language.diagnostics import did_you_mean
from engine.language.written import written
from engine.market.calendar import TradingCalendar
from engine.market.events import NANOS, MarketSource
from engine.market.instrument import Instrument, InstrumentKind, contract
from engine.plan.compiled import compiled_kernel
from engine.plan.plan import Plan, execution_symbol, make_plan
from engine.research.columns.terms import FillTerms
from engine.ruleset.parameters import ParameterError, read_settings
from engine.ruleset.rules import Ruleset, Strategy
from engine.settings.models import PaperSettings, Settings

SHOWN_SYMBOLS = 8
PROXY_RATIOS = {("SPX", "SPY"): 0.1, ("NDX", "QQQ"): 0.025}  # an index and the fund that follows it
INDICES = frozenset({"SPX", "NDX", "RUT", "DJI", "VIX"})
DEFAULT_CALENDAR = "XNYS"
SIMULATION_START = date(2024, 3, 5)


@dataclass(frozen=True, slots=True)
class DataChoice:
    """Which market data a run reads. ``symbols`` empty: what the rules name. ``first`` and ``last`` are days by the
    clocks of the run, both included; of a simulated market ``first`` is the exchange's.

    ``session``: of a capture, which one alone.
    """

    source: str
    root: Path | None
    symbols: tuple[str, ...]
    first: date | None
    last: date | None
    seed: int
    days: int
    session: int | None = None


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
    contracts_at_venue: bool = False  # a venue tells what its contracts cost
    contract_rates: Mapping[str, Decimal] = field(default_factory=dict)  # what takers of contracts pay that differ
    recorded: VenueData | None = None
    alpha: Alpha | None = None  # the signals that rules trade on
    examples: Mapping[str, Example] = field(default_factory=dict)  # what stands in for other sources

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
        rate = math.nan if self.contracts_at_venue else float(TAKER_RATE)
        slippage = float(paper.slippage_bps) / 10_000
        return VenueFacts(float(paper.fee_per_unit), float(paper.fee_minimum), rate, slippage)

    def broker(self, fills: str) -> PaperBroker:
        settings = replace(broker_settings(self.settings.paper, fills), contract_rates=self.contract_rates)
        return PaperBroker(settings, self.instruments)

    def fact_names(self) -> frozenset[str]:
        """The facts that the rules read."""
        programs = (plan.program for plan in self.plan().symbols.values())
        return frozenset(key.name for program in programs for key in program.inputs if key.what in ("fact", "time"))

    def reading(self, prefix: str) -> list[str]:
        """Symbols of which the rules read a fact that begins so."""
        return [
            symbol for symbol, plan in self.plan().symbols.items()
            if any(key.what in ("fact", "time") and key.name.startswith(prefix) for key in plan.program.inputs)
        ]  # fmt: skip

    def lists(self, instruments: Mapping[str, Instrument], rates: Mapping[str, Decimal]) -> None:
        """What is traded is as its venue says: on its own grids and calendars, contracts at its own fees."""
        self.contract_rates = rates
        self.contracts_at_venue = any(i.kind is InstrumentKind.BINARY for i in instruments.values())
        self.instruments, self.calendars = calendars_of(self.ruleset, instruments)

    def fill_terms(self, fills: str) -> FillTerms:
        settings = self.broker(fills).settings
        return FillTerms(
            fills, settings.cash, settings.fee_per_unit, settings.fee_minimum, settings.contract_rate,
            settings.slippage_ratio, settings.latency_ms, settings.participation, settings.cash_check,
            settings.contract_rates,
        )  # fmt: skip

    def source(self) -> MarketSource:
        data = self.data
        if data.source == "simulated":
            return self._simulated()
        if self.recorded is not None:
            source = self.recorded.ticks_of(self.plan_symbols, self.fact_names(), self.days)
            return source if self.alpha is None else WithSignals(source, self.alpha, self.plan_symbols)
        assert data.root is not None
        wanted = [s for s in self._listed() if s not in self.proxies]
        replay = ReplaySource(data.root, wanted, self.days.begin, self.days.end)
        if not self.proxies:
            return replay
        spread = float(self.settings.paper.slippage_bps) * 2
        return DerivedSource(replay, self.proxies, spread_bps=spread, seed=data.seed)

    def _simulated(self) -> MarketSource:
        """Shares and indices from the first day on, contracts from the newest signal on."""
        data, sources = self.data, list[MarketSource]()
        contracts = [s for s, i in self.instruments.items() if i.kind is InstrumentKind.BINARY]
        others = [s for s in self.instruments if s not in contracts]
        if others:
            start = datetime.combine(data.first or SIMULATION_START, time(9, 30), tzinfo=ZoneInfo("America/New_York"))
            sources.append(SimulatedSource(others, start, days=data.days, seed=data.seed))
        signals = {} if self.alpha is None else {t: s for t, s in self.alpha.signals.items() if t in contracts}
        if self.alpha is not None and signals:
            from connectors.simulated.contracts import ContractSource

            newest = max(s.as_of_ns for s in signals.values())
            begin = datetime.fromtimestamp(-(-newest // (60 * NANOS)) * 60, UTC)
            fairs = {t: s.fair_yes_probability for t, s in signals.items()}
            made_up = ContractSource(fairs, begin, days=data.days, seed=data.seed)
            sources.append(WithSignals(made_up, self.alpha, list(signals)))
        for example in self.examples.values():
            wanted = [ticker for ticker in contracts if ticker in example.tickers]
            if wanted:
                sources.append(example.ticks(wanted, data.days, data.seed))
        return sources[0] if len(sources) == 1 else MergedSource(sources)

    def _listed(self) -> list[str]:
        return list(self.instruments)

    @property
    def cash(self) -> Decimal:
        return Decimal(self.settings.paper.cash)

    @property
    def timezone(self) -> str:
        """That of the packs, by which the rules go: what a run shows and counts by the day goes by it, too."""
        return zone_of(self.ruleset, self.settings)

    @property
    def days(self) -> DayRange:
        """The days of the data that are wanted, by the clocks of the run."""
        return days_of(self.data.first, self.data.last, self.timezone)

    def describe_data(self) -> str:
        """The input in words, for reports."""
        data = self.data
        symbols = ", ".join(self.plan_symbols[:SHOWN_SYMBOLS])
        if len(self.plan_symbols) > SHOWN_SYMBOLS:
            symbols += f" and {len(self.plan_symbols) - SHOWN_SYMBOLS} more"
        if data.source == "simulated":
            return f"simulated {symbols}, seed {data.seed}, {data.days} day(s)"
        span = f"{data.first or 'start'} to {data.last or 'end'}"
        if self.recorded is not None:
            return f"{data.root} {symbols}, {span}; {self.recorded.words}"
        derived = "".join(f"; {p} simulated as {ratio:g} × {index}" for p, (index, ratio) in self.proxies.items())
        return f"{data.root} {symbols}, {span}{derived}"

    def describe_parameters(self) -> dict[str, str]:
        """Every parameter and the value it has, as `--param` takes it."""
        kinds = {key: parameter.kind for key, parameter in self.ruleset.parameters.items()}
        return {key: written(kinds[key], value) for key, value in sorted(self.parameter_values().items())}

    def parameter_values(self) -> dict[str, float]:
        """Every parameter and the value it has, in its kind's base unit."""
        return {key: p.value for key, p in self.ruleset.parameters.items()} | self.parameters


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
        contract_rate=TAKER_RATE,
    )


def assemble(
    settings: Settings,
    ruleset: Ruleset,
    data: DataChoice,
    parameters: Sequence[str] = (),
    keep_values: bool = False,
    alpha: Alpha | None = None,
    listed: Mapping[str, Iterable[str]] | None = None,
    held: Mapping[str, Iterable[str]] | None = None,
    examples: Mapping[str, Example] | None = None,
) -> Assembly:
    """Decide on symbols, instruments and proxies.

    ``alpha``: signals that are told beside recorded or simulated data. ``listed``: markets by the source that lists
    them; None is what ``alpha`` or recorded data lists. ``held``: markets beside them that earlier runs hold something
    in, by the key of the strategy that does. ``examples``: what stands in for sources on a simulated market.
    """
    try:
        values = read_settings(ruleset, parameters)
    except ParameterError as error:
        raise UserError(f"--param {error}") from None
    asked = tuple(s.removeprefix("I:") for s in data.symbols)
    if asked:
        ruleset = with_universe(ruleset, asked)
    recorded = None
    if data.source == "replay" and data.root is not None:
        recorded = venue_data(data.root, data.session, settings.market.assumed_spread)
    if listed is None:
        listed = _listed_offline(alpha, recorded)
        if examples:
            listed = {**(listed or {}), **{name: example.tickers for name, example in examples.items()}}
    if listed is not None:
        ruleset = with_listed(ruleset, {n: _asked(tickers, asked) for n, tickers in listed.items()}, held or {})
    execution = {**settings.market.execution, **_pack_execution(ruleset)}
    for pack in ruleset.packs.values():
        pack.execution = {**settings.market.execution, **pack.execution}
    symbols = _symbols(ruleset, asked)
    available = set(recorded.instruments) if recorded is not None else _available(data, zone_of(ruleset, settings))
    proxies = _proxies(symbols, execution, available)
    if available is not None:
        _refuse_absent(asked, available | proxies.keys(), data)
        symbols = [s for s in symbols if s in available or s in proxies]
        if not symbols:
            raise UserError(
                f"{data.root} has none of the symbols of these rules; it has {', '.join(sorted(available)) or 'none'}: "
                "name some with --symbols"
            )
    assembly = Assembly(
        ruleset, symbols, values, *calendars_of(ruleset, {s: _instrument(ruleset, s) for s in symbols}), settings,
        replace(data, symbols=asked), proxies, execution, keep_values, alpha=alpha, recorded=recorded,
        examples=examples or {},
    )  # fmt: skip
    if recorded is not None:
        assembly.lists(recorded.instruments, recorded.taker_rates)
    return assembly


def _asked(listed: Iterable[str], asked: Collection[str]) -> list[str]:
    return [ticker for ticker in listed if not asked or ticker in asked]


def with_universe(ruleset: Ruleset, symbols: Sequence[str]) -> Ruleset:
    """Strategies that look at their pack's universe look at ``symbols`` instead; an own universe is narrowed to it."""
    for pack in ruleset.packs.values():
        pack.strategies = [
            replace(s, universe=tuple(symbols) if s.universe == pack.universe else _narrowed(s.universe, symbols))
            for s in pack.strategies
        ]
    return ruleset


def _listed_offline(alpha: Alpha | None, recorded: VenueData | None) -> Mapping[str, Iterable[str]] | None:
    """What the sources list where none is there to be asked; None leaves universes as they are written."""
    if alpha is not None:
        return {"alpha": alpha.signals}
    if recorded is None or not recorded.has_signals:
        return None
    # Recorded data of which it is not known who listed what: each market says itself, by its facts, whether it is.
    return recorded.listed() or dict.fromkeys(SOURCES, recorded.instruments)


def with_listed(
    ruleset: Ruleset, listed: Mapping[str, Sequence[str]], held: Mapping[str, Iterable[str]]
) -> Ruleset:
    """Strategies whose universe is what sources list look at those markets, as long as each is listed, and at what they
    hold. What a rule holds that is there no more is looked after by all of them."""
    known = {strategy.key for strategy in ruleset.strategies}
    stray = [symbol for key, symbols in held.items() if key not in known for symbol in symbols]

    def universe(strategy: Strategy) -> tuple[str, ...]:
        told = [ticker for name in sources_of(strategy) for ticker in listed.get(name, ())]
        return tuple(dict.fromkeys([*told, *held.get(strategy.key, ()), *stray]))

    wanted = {strategy.key for strategy in asking(ruleset)}
    for pack in ruleset.packs.values():
        pack.strategies = [replace(s, universe=universe(s)) if s.key in wanted else s for s in pack.strategies]
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


def _refuse_absent(asked: Sequence[str], there: Set[str], data: DataChoice) -> None:
    """A symbol that was asked for and that the data lacks is not passed over: nobody would miss it in the report."""
    absent = [symbol for symbol in asked if symbol not in there]
    if absent and len(absent) < len(asked):
        close = did_you_mean(absent[0], sorted(there))
        hint = f"did you mean {close}?" if close else "leave it out, or name a --data that has it"
        span = f" from {data.first or 'start'} to {data.last or 'end'}" if data.first or data.last else ""
        raise UserError(f"--symbols: {data.root} has nothing of {', '.join(absent)}{span}; {hint}")


def _available(data: DataChoice, timezone: str) -> set[str] | None:
    """Symbols that the data has; None where any can be made up."""
    if data.source == "simulated" or data.root is None:
        return None
    days = days_of(data.first, data.last, timezone)
    return set(ReplaySource(data.root, None, days.begin, days.end).symbols_available())


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
    if any(symbol in strategy.universe for strategy in asking(ruleset)):
        # Only a venue knows a contract's event; without one it is what stands before the last dash.
        return contract(symbol, symbol.rpartition("-")[0])
    calendars = [p.calendar for p in ruleset.packs.values() if p.calendar]
    kind = InstrumentKind.INDEX if symbol in INDICES else InstrumentKind.EQUITY
    return Instrument(symbol, kind, calendar=calendars[0] if calendars else DEFAULT_CALENDAR)
