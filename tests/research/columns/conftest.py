"""Random rules over random markets, for the two engines to run side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import pytest

from connectors.alpha.manifest import ALPHA
from connectors.calendars import calendar
from connectors.kalshi.manifest import KALSHI
from connectors.paper import FillModel, PaperBroker, PaperSettings
from connectors.polygon.manifest import OPTIONS
from engine.decide.tick import VenueFacts
from engine.market.calendar import TradingCalendar
from engine.market.columns import MarketColumns
from engine.market.events import NANOS, Bar, MarketEvent, Observation, Quote, Tick
from engine.market.instrument import Instrument, InstrumentKind, PriceBand
from engine.market.manifest import CORE
from engine.research.columns.terms import FillTerms
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text
from engine.ruleset.rules import Ruleset
from tests.research.columns import contracts
from tests.research.columns.rules import EXITS, GUARDS, LIMITS, PACK, SESSIONS, STRATEGIES

FACTS = [*CORE, *OPTIONS, *KALSHI, *ALPHA]
Texts = dict[str, str]
CALENDARS = ("XNYS", "24/7", "24/7@America/New_York", "24/7@Asia/Tokyo")
OPEN = datetime(2024, 3, 5, 9, 30, tzinfo=ZoneInfo("America/New_York"))


def ruleset_of(draw: Random, symbols: list[str], kinds: tuple[Texts, Texts, Texts], sessions: float) -> Ruleset:
    """A pack of random rules of the given strategies, exits and guards, with random parameters."""
    counts = ((1, 2, 4), (0, 0, 1, 2, 4), (0, 1, 3))
    texts = [
        kind[n] for kind, some in zip(kinds, counts, strict=True)
        for n in draw.sample(sorted(kind), min(draw.choice(some), len(kind)))
    ]
    rules = "---".join(texts).replace("FAST", str(draw.randint(2, 5))).replace("SLOW", str(draw.randint(5, 12)))
    rules = rules.replace("COOL", str(draw.randint(1, 20)))
    if draw.random() < sessions:
        rules += SESSIONS
    pack = PACK.format(universe=str(symbols), more=LIMITS if draw.random() < 0.4 else "")
    found = link([PackFiles("p", [load_text("pack.yaml", pack), load_text("rules.yaml", rules)])], FACTS)
    assert not [f for f in found.findings if f.severity == "error"], found.findings
    return found


def market_of(draw: Random, symbols: list[str], minutes: int = 150) -> list[Tick]:
    """Two mornings of minute bars with gaps, rough or smooth prices, quotes, signals and unknown volumes."""
    ticks: list[Tick] = []
    last = dict.fromkeys([*symbols, "SPY"], 100.0)
    gaps, digits, step = draw.choice((0.0, 0.0, 0.1)), draw.choice((2, 2, 4, 12)), draw.choice((0.03, 0.08, 0.3))
    quotes, signals, volumes = (draw.choice((0.0, 0.3)) for _ in range(3))
    small = draw.random() < 0.3
    begin = int(OPEN.timestamp()) * NANOS
    for start in (begin + (day * 1440 + n) * 60 * NANOS for day in (0, 1) for n in range(-5, minutes)):
        events: list[MarketEvent] = []
        for symbol in last:
            if draw.random() < gaps:
                continue
            opened = round(last[symbol] + (draw.gauss(0, step) if draw.random() < 0.05 else 0.0), digits)
            close = last[symbol] = round(opened + draw.gauss(0, step), digits)
            high = round(max(opened, close) + draw.choice((0, 0.02, 0.1)), digits)
            low = round(min(opened, close) - draw.choice((0, 0.02, 0.1)), digits)
            volume = None if symbol == "IDX" or draw.random() < volumes else draw.choice((40.0, 130.0, 555.5))
            volume = volume if small or volume is None else volume * 100
            bar = Bar(symbol, start, 60, opened, high, low, close, volume)
            if symbol != "IDX" and draw.random() < quotes:
                at = start + draw.choice((60, 60, 59.25)) * NANOS
                bid = None if draw.random() < 0.1 else round(close - draw.choice((0.01, 0.02)), 2)
                ask = None if draw.random() < 0.1 else round(close + 0.01, 2)
                size = draw.choice((None, 5.0, 100.0))
                events.append(Quote(symbol, int(at), bid, size if bid else None, ask, size if ask else None))
                if draw.random() < 0.2:
                    continue  # a quote, and no bar
            events.append(bar)
            if draw.random() < signals:
                value = draw.choice((None, 300.0, 900.0, 1400.0))
                events.append(Observation(symbol, start + 60 * NANOS, "options.volume", value))
                ratio = draw.choice((0.5, 2.0))
                events.append(Observation(symbol, start + 60 * NANOS, "options.put_call_ratio", ratio))
        if events or draw.random() < 0.3:
            ticks.append(Tick(start + 60 * NANOS, events))
    return ticks


@dataclass
class Parts:
    """What a run is put together from, with a random account."""

    ruleset: Ruleset
    plan_symbols: list[str]
    instruments: dict[str, Instrument]
    settings: PaperSettings
    parameters: dict[str, float] = field(default_factory=dict)
    fee_rate: float = 0.07
    calendars: dict[str, TradingCalendar] = field(default_factory=lambda: {n: calendar(n) for n in CALENDARS})
    timezone: str = "America/New_York"

    @property
    def cash(self) -> Decimal:
        return self.settings.cash

    def venue_facts(self) -> VenueFacts:
        s = self.settings
        return VenueFacts(float(s.fee_per_unit), float(s.fee_minimum), self.fee_rate, slippage_ratio=0.0001)

    def broker(self, fills: str) -> PaperBroker:
        return PaperBroker(replace(self.settings, fill_model=FillModel(fills)), self.instruments)

    def fill_terms(self, fills: str) -> FillTerms:
        s = self.broker(fills).settings
        return FillTerms(fills, s.cash, s.fee_per_unit, s.fee_minimum, s.contract_rate, s.slippage_ratio, s.latency_ms,
                         s.participation, s.cash_check, s.contract_rates)  # fmt: skip


def parts_of(draw: Random, symbols: list[str]) -> Parts:
    listed = sorted({*symbols, "SPY"})
    hundred = Decimal(100)
    bands = (PriceBand(Decimal(0), hundred, Decimal("0.01")), PriceBand(hundred, Decimal(200), Decimal("0.05")))
    lot = draw.choice((Decimal(1), Decimal(1), Decimal("0.1"), Decimal(5)))
    instruments = {
        s: Instrument(
            s, InstrumentKind.INDEX if s == "IDX" else InstrumentKind.EQUITY, lot_size=lot,
            bands=bands if draw.random() < 0.2 else (),
        )
        for s in listed
    }  # fmt: skip
    return Parts(ruleset_of(draw, symbols, (STRATEGIES, EXITS, GUARDS), 0.4), listed, instruments, settings_of(draw))


def contract_parts_of(draw: Random) -> Parts:
    """Rules for contracts, some of those for shares among them."""
    kinds = contracts.STRATEGIES, contracts.EXITS, contracts.GUARDS
    if draw.random() < 0.3:
        shared = {name: STRATEGIES[name] for name in ("pyramid", "by_the_clock")}
        kinds = {**contracts.STRATEGIES, **shared}, {**contracts.EXITS, **EXITS}, {**contracts.GUARDS, **GUARDS}
    listed = draw.sample(sorted(contracts.CONTRACTS), draw.choice((1, 2, 3)))
    rates = {s: draw.choice((Decimal("0.035"), Decimal("0.07"))) for s in contracts.CONTRACTS if draw.random() < 0.3}
    settings = replace(
        settings_of(draw), cash=draw.choice((Decimal(1000), Decimal("29.99"), Decimal(8))), contract_rates=rates
    )
    return Parts(
        ruleset_of(draw, listed, kinds, 0.05), listed, contracts.instruments_of(draw), settings,
        fee_rate=draw.choice((0.07, float("nan"))),
    )  # fmt: skip


def settings_of(draw: Random) -> PaperSettings:
    return PaperSettings(
        cash=draw.choice((Decimal(100_000), Decimal("1999.99"), Decimal(4000))),
        fee_per_unit=draw.choice((Decimal("0.005"), Decimal(0))), fee_minimum=draw.choice((Decimal(1), Decimal(0))),
        slippage_bps=draw.choice((Decimal(1), Decimal(0))), latency_ms=draw.choice((0, 250, 4000, 70_000)),
        cash_check=draw.random() < 0.7,
    )  # fmt: skip


World = Callable[[int], tuple[Parts, MarketColumns]]


@pytest.fixture(scope="session")
def world() -> World:
    """Rules, an account and a market from a seed."""

    def make(seed: int) -> tuple[Parts, MarketColumns]:
        draw = Random(seed)
        symbols = draw.choice((["SPY"], ["SPY", "QQQ"], ["IDX", "SPY"]))
        return parts_of(draw, symbols), MarketColumns.of(market_of(draw, symbols))

    return make


@pytest.fixture(scope="session")
def contract_world() -> World:
    """The same of contracts that pay $1."""

    def make(seed: int) -> tuple[Parts, MarketColumns]:
        draw = Random(seed)
        parts = contract_parts_of(draw)
        if draw.random() < 0.5:
            return parts, MarketColumns.of(contracts.market_of(draw))
        return in_new_york(parts), MarketColumns.of(contracts.market_of(draw, contracts.CHANGE_NS))

    return make


@pytest.fixture
def change_of_clocks() -> tuple[Parts, MarketColumns]:
    """Contracts bought early in the morning, in a night in which that hour comes twice."""
    draw, symbols = Random(1), sorted(contracts.CONTRACTS)
    ruleset = ruleset_of(draw, symbols, ({"early": contracts.STRATEGIES["early"]}, {}, {}), 0.0)
    parts = Parts(ruleset, symbols, contracts.instruments_of(draw), PaperSettings())
    return in_new_york(parts), MarketColumns.of(contracts.market_of(draw, contracts.CHANGE_NS))


def in_new_york(parts: Parts) -> Parts:
    """The same by the clocks of New York."""
    calendar = "24/7@America/New_York"
    return replace(parts, instruments={s: replace(i, calendar=calendar) for s, i in parts.instruments.items()})


@pytest.fixture(scope="session")
def bars_of() -> Callable[..., MarketColumns]:
    """Minutes of SPY, each of one price."""

    def make(*prices: float) -> MarketColumns:
        begin = int(OPEN.timestamp()) * NANOS
        starts = (begin + n * 60 * NANOS for n in range(len(prices)))
        return MarketColumns.of([
            Tick(start + 60 * NANOS, [Bar("SPY", start, 60, price, price, price, price, None)])
            for start, price in zip(starts, prices, strict=True)
        ])  # fmt: skip

    return make


@pytest.fixture(scope="session")
def parts_with() -> Callable[..., Parts]:
    """An account and the given rules, on SPY; ``more``: the rules of further packs."""

    def make(rules: str, **more: str) -> Parts:
        files = []
        for name, text in {"p": rules, **more}.items():
            pack = PACK.format(universe="[SPY]", more="").replace("name: p\n", f"name: {name}\n")
            files.append(PackFiles(name, [load_text(f"{name}/pack.yaml", pack), load_text(f"{name}/rules.yaml", text)]))
        found = link(files, FACTS)
        assert not [f for f in found.findings if f.severity == "error"], found.findings
        return Parts(found, ["SPY"], {"SPY": Instrument("SPY")}, PaperSettings())

    return make
