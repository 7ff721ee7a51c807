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

PACK = """\
kind: pack
name: p
venue: paper
timezone: America/New_York
calendar: XNYS
universe: {universe}
symbols: {{IDX: SPY}}
instruments:
  IDX: {{kind: index}}
{more}"""
STRATEGIES = {
    "cross": """
kind: strategy
name: cross
params: {fast: {default: FAST}, slow: {default: SLOW}}
let: {fast_ema: "ema(close, fast)", slow_ema: "ema(close, slow)"}
when: ["fast_ema crosses above slow_ema", "not position.open"]
then: {buy: {size: "risk_size($50, stop_distance = 2 * atr(5))",
             bracket: {stop: close - 2 * atr(5), target: close + 3 * atr(5)}}}
""",
    "patient": """
kind: strategy
name: patient
priority: 1
cooldown: COOLm
when: ["close < sma(close, SLOW)", "rising(close)", "not position.open"]
then: {buy: {symbol: execution_symbol, size: 25, limit: "or_else(mid, last) - $0.01", within: 3m, fallback: market,
             bracket: {stop: close - $0.2, target: close + $0.15}}}
""",
    "brief": """
kind: strategy
name: brief
when: ["rsi(close, 5) > 60", "not position.open"]
then: {sell: {symbol: execution_symbol, size: 12, limit: close + $0.01, within: 90s, bracket: {stop: close + $0.3}}}
""",
    "breaks": """
kind: strategy
name: breaks
cooldown: 5m
when: ["close >= highest(close, FAST)", "not position.open"]
then: {buy: {size: 7.9, stop: high + $0.02, within: 4m, bracket: {stop: close - $0.15}}}
""",
    "breaks_limited": """
kind: strategy
name: breaks_limited
cooldown: 5m
when: ["close <= lowest(close, FAST)", "not position.open"]
then: {sell: {size: 9, stop: low - $0.01, limit: low - $0.06, within: 10m, bracket: {target: close - $0.2}}}
""",
    "pyramid": """
kind: strategy
name: pyramid
when: ["close > close[1]", "close[1] > close[2]", "position.quantity < 40"]
then: {buy: {size: 10 + position.quantity / 4, bracket: {stop: close - $0.25}}}
""",
    "by_the_clock": """
kind: strategy
name: by_the_clock
on: every(5m)
when: ["session.minutes > 20", "time_of_day < 15:00", "close > open", "not position.open"]
then: {buy: {symbol: execution_symbol, size: 5, bracket: {stop: close * 0.998, target: close * 1.002}}}
""",
    "on_quotes": """
kind: strategy
name: on_quotes
on: quote
cooldown: 2m
when: ["spread_ratio < 4bps", "age(bid) < 5m", "not position.open"]
then: {buy: {size: 6, limit: bid, within: 5m, bracket: {stop: bid - $0.1, target: ask + $0.1}}}
""",
    "on_signals": """
kind: strategy
name: on_signals
on: signal(options)
when: ["options.volume > 500", "options.put_call_ratio < 1", "not position.open"]
then: {buy: {size: options.volume / 100, bracket: {stop: close - $0.3}}}
""",
    "higher": """
kind: strategy
name: higher
on: bar(5m)
cooldown: 30m
when: ["on(5m, close) > on(5m, ema(close, 3))", "not position.open"]
then: {buy: {size: 3}}
""",
    "chosen": """
kind: strategy
name: chosen
universe: close > sma(close, 10)
when: ["close > open", "close - open > or_else(spread, $0.03)", "not position.open"]
cooldown: 12m
then: {buy: {size: 4, bracket: {stop: close - 3 * atr(5)}}}
""",
    "sustained": """
kind: strategy
name: sustained
when: ["close > sma(close, 5) for 4m", "not position.open"]
cooldown: 15m
then: {buy: {size: 20, bracket: {target: close + $0.1}}}
""",
}
EXITS = {
    "back": """
kind: exit
name: back
unknown: hold
when: ema(close, 3) crosses below ema(close, 7)
then: {close: all}
""",
    "half": """
kind: exit
name: half
once: true
unknown: hold
when: position.gain > $0.05
then: {close: 50%, stop: position.entry}
""",
    "some": """
kind: exit
name: some
unknown: hold
when: rsi(close, 5) < 35
then: {close: 3, limit: close, within: 3m, fallback: market}
""",
    "losing_sight": """
kind: exit
name: losing_sight
unknown: close
when: volume > 1000000
then: {close: all}
""",
    "enough": """
kind: exit
name: enough
priority: 3
unknown: hold
when: position.gain_ratio > 0.2% or position.bars > 25 or position.age > 50m
then: {close: all, limit: close, within: 2m, fallback: market}
""",
    "trail": """
kind: exit
name: trail
unknown: hold
when: position.gain > $0.02
then: {trail: {by: $0.06}}
""",
    "trail_share": """
kind: exit
name: trail_share
unknown: hold
when: close > 0
then: {trail: {by: 0.1%, after: position.profit > $1}}
""",
    "from_entry": """
kind: exit
name: from_entry
unknown: hold
when: close < position.at_entry(close - atr(5)) for 2m or position.high - position.low > position.at_entry(4 * atr(5))
then: {close: all}
""",
    "turn": """
kind: exit
name: turn
unknown: hold
when: position.gain crosses below $0.00
then: {stop: position.low}
""",
    "end": """
kind: exit
name: end
priority: 0
unknown: close
when: session.minutes_left <= 200
then: {close: all}
""",
}
GUARDS = {
    "few": """
kind: guard
name: few
for: entries
require: positions.count + orders.open < 3
else: {block: enough is held}
""",
    "capped": """
kind: guard
name: capped
for: entries
require: order.notional < $900
else: {cap: {notional: $900}}
""",
    "not_much": """
kind: guard
name: not_much
for: entries
require: order.quantity <= 11
else: {cap: {quantity: 10.5}}
""",
    "deep": """
kind: guard
name: deep
for: entries
require: pnl.drawdown < 0.05% and pnl.today > -$9
else: {halt: until tomorrow, because: enough was lost}
""",
    "pause": """
kind: guard
name: pause
for: entries
require: pnl.total > -$3
else: {halt: 20m, because: a pause}
""",
    "flee": """
kind: guard
name: flee
for: entries
require: entries.today < 9
else: {flatten: all}
""",
    "keep": """
kind: guard
name: keep
for: exits
require: position.age > 2m or position.gain > $0.00
else: {block: too early}
""",
    "risky": """
kind: guard
name: risky
for: all
require: or_else(order.risk < $30, true) and order.side in ["buy", "sell"] and order.symbol in ["SPY", "QQQ"]
else: {block: too risky}
""",
    "rich": """
kind: guard
name: rich
for: entries
require: account.cash - order.notional > $500 and entries.in_symbol_today < 12
else: {block: too little would be left}
""",
    "realised": """
kind: guard
name: realised
for: entries
require: pnl.realized_today > -$6 and positions.in_symbol < 2 and orders.open_in_symbol < 1
else: {halt: until session end, because: enough was lost}
""",
}
SESSIONS = """
---
kind: session
name: morning
hours: 09:35 - 11:00
limits: {entries: 6, positions: 3}
---
kind: session
name: later
calendar: XNYS
hours: [10:30-12:10, 14:00-15:30]
limits: {entries_per_symbol: 4, positions_per_symbol: 2, orders: 2}
"""
LIMITS = "limits: {quantity: 15, notional: $1200}\n"
FACTS = [*CORE, *OPTIONS, *KALSHI, *ALPHA]
Texts = dict[str, str]
OPEN = datetime(2024, 3, 5, 9, 30, tzinfo=ZoneInfo("America/New_York"))


def ruleset_of(draw: Random, symbols: list[str], kinds: tuple[Texts, Texts, Texts], sessions: float) -> Ruleset:
    """A pack of random rules of the given strategies, exits and guards, with random parameters."""
    counts = ((1, 2, 4), (0, 0, 1, 2, 4), (0, 1, 3))
    texts = [
        kind[n] for kind, some in zip(kinds, counts, strict=True) for n in draw.sample(sorted(kind), draw.choice(some))
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
    calendars: dict[str, TradingCalendar] = field(default_factory=lambda: {n: calendar(n) for n in ("XNYS", "24/7")})
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
        return contract_parts_of(draw), MarketColumns.of(contracts.market_of(draw))

    return make


@pytest.fixture(scope="session")
def parts_with() -> Callable[[str], Parts]:
    """An account and the given rules, on SPY."""

    def make(rules: str) -> Parts:
        pack = PACK.format(universe="[SPY]", more="")
        files = PackFiles("p", [load_text("pack.yaml", pack), load_text("rules.yaml", rules)])
        found = link([files], FACTS)
        assert not [f for f in found.findings if f.severity == "error"], found.findings
        return Parts(found, ["SPY"], {"SPY": Instrument("SPY")}, PaperSettings())

    return make
