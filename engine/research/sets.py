"""Many parameter sets over the same market data: what sweeps, walk-forward runs and placebo trials are made of.

``run_sets`` is the one way in. It runs on columns (``engine.research.columns``) and, where that cannot be, on the tick
engine, and says so in each result; both give the same results bit for bit. Everything that goes in and comes out
pickles, so that it can be sent to other processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Protocol

import numpy as np

from engine.decide.tick import Decider, VenueFacts
from engine.execute.loop import Loop
from engine.market.calendar import TradingCalendar
from engine.market.instrument import Instrument
from engine.market.orders import Broker
from engine.plan.arrays import Floats, Ints
from engine.plan.compiled import compiled_kernel
from engine.plan.plan import make_plan
from engine.research.columns.market import MarketColumns
from engine.research.recorder import StatisticsRecorder
from engine.research.statistics import local_days
from engine.research.trades import ClosedTrade
from engine.ruleset.rules import Ruleset

COLUMNS, TICK = "columns", "tick"
Engine = Literal["columns", "tick"]
BLOCK_TICKS = 256


class SetParts(Protocol):
    """What every set has in common; ``engine.cli.assemble.Assembly`` is one. Must pickle to be sent to workers."""

    @property
    def ruleset(self) -> Ruleset: ...
    @property
    def plan_symbols(self) -> Sequence[str]:
        """The symbols of the plan, in the order in which they are looked at."""
        ...

    @property
    def parameters(self) -> Mapping[str, float]:
        """Values by key that hold for every set, beside the rules' defaults; a set's own go before them."""
        ...

    @property
    def instruments(self) -> Mapping[str, Instrument]: ...
    @property
    def calendars(self) -> Mapping[str, TradingCalendar]: ...
    @property
    def cash(self) -> Decimal:
        """Cash at the start (money)."""
        ...

    @property
    def timezone(self) -> str:
        """IANA name of the zone whose days the equity statistics count."""
        ...

    def venue_facts(self) -> VenueFacts: ...
    def broker(self, fills: str) -> Broker:
        """A fresh paper broker with the fill assumption ``pessimistic``, ``central`` or ``optimistic``."""
        ...


@dataclass(frozen=True, slots=True)
class TradeColumns:
    """Closed round trips in the order in which they closed, one entry each; what is open at the end is closed at the
    last price without fee. All arrays have the same length.

    ``symbol``, ``strategy``, ``reason``: numbers in ``symbols``, ``strategies``, ``reasons``. ``side``: 1 or -1.
    ``opened_ns``, ``closed_ns``: UTC nanoseconds. ``quantity``: units entered. ``entry``, ``exit``: average prices.
    ``gross``, ``fees``, ``net``: money, ``net = gross - fees``.
    """

    symbols: tuple[str, ...]
    strategies: tuple[str, ...]
    reasons: tuple[str, ...]
    symbol: Ints
    strategy: Ints
    reason: Ints
    side: Ints
    opened_ns: Ints
    closed_ns: Ints
    quantity: Floats
    entry: Floats
    exit: Floats
    gross: Floats
    fees: Floats
    net: Floats

    def __len__(self) -> int:
        return len(self.net)


@dataclass(frozen=True, slots=True)
class EquityColumns:
    """What the account's worth did. ``days``: local days as days since 1970-01-01, ``closes`` the worth (money) at the
    last tick of each. ``final``: at the last tick. ``max_drawdown_ratio``, ``max_drawdown``: the deepest fall from a
    running peak as a share and in money, over every tick (the initial cash is the first peak).
    ``curve``: the worth after each tick, only where it was asked for.
    """

    initial: float
    final: float
    max_drawdown_ratio: float
    max_drawdown: float
    days: Ints
    closes: Floats
    curve: Floats | None = None


@dataclass(slots=True)
class SetResult:
    """What one set came to. ``engine``: which one ran it; ``fallback``: why not the column engine, empty otherwise.

    ``orders``, ``fills``: counts. ``decisions_sha256`` is taken when it is first asked for.
    """

    parameters: Mapping[str, float]
    engine: str
    fallback: str
    trades: TradeColumns
    equity: EquityColumns
    orders: int
    fills: int
    ticks: int
    decisions: Callable[[], str] | str = field(repr=False, default="")

    @property
    def decisions_sha256(self) -> str:
        if not isinstance(self.decisions, str):
            self.decisions = self.decisions()
        return self.decisions


def run_sets(
    parts: SetParts,
    market: MarketColumns,
    sets: Sequence[Mapping[str, float]],
    fills: str = "central",
    *,
    begin_ns: int | None = None,
    end_ns: int | None = None,
    keep_curve: bool = False,
    engine: Engine = "columns",
) -> list[SetResult]:
    """Run every set over the ticks from ``begin_ns`` to before ``end_ns`` (UTC nanoseconds); one result each, in order.

    ``sets``: values of parameters by key (``pack.rule.name``, in the kind's base unit). ``fills``: as for a broker.
    ``keep_curve`` keeps the worth after every tick, 8 bytes a tick and set. ``engine`` "tick" is the slow reference.
    Raises PlanError when a set's values cannot be used and SourceError for data that cannot.
    """
    chosen = market.between(begin_ns, end_ns)
    return [run_by_tick(parts, chosen, values, fills, keep_curve, "") for values in sets]


def run_by_tick(
    parts: SetParts, market: MarketColumns, values: Mapping[str, float], fills: str, keep_curve: bool, fallback: str
) -> SetResult:
    """One set on the tick engine. ``fallback``: why it is run here."""
    plan = make_plan(parts.ruleset, parts.plan_symbols, {**parts.parameters, **values})
    decider = Decider(
        plan, parts.instruments, parts.calendars, parts.cash, parts.venue_facts(), compiled_kernel()
    )
    recorder = StatisticsRecorder()
    loop = Loop(decider, parts.broker(fills), [recorder])
    ticks = list(market.ticks())
    for begin in range(0, len(ticks), BLOCK_TICKS):
        loop.run(ticks[begin : begin + BLOCK_TICKS])
    recorder.close_out(decider)
    curve = np.frombuffer(recorder.equity, dtype=np.float64) if len(recorder.equity) else np.zeros(0)
    equity = equity_columns(market.times, curve, float(parts.cash), parts.timezone, keep_curve)
    return SetResult(
        dict(values), TICK, fallback, trade_columns(recorder.book.trades), equity, recorder.order_count,
        recorder.fill_count, loop.ticks, loop.hash.hexdigest(),
    )  # fmt: skip


def equity_columns(times: Ints, curve: Floats, initial: float, timezone: str, keep_curve: bool) -> EquityColumns:
    """The figures of a curve of the account's worth (money) at ``times`` (UTC nanoseconds)."""
    if not len(curve):
        nothing: Floats = np.zeros(0)
        return EquityColumns(initial, initial, 0.0, 0.0, np.zeros(0, dtype=np.int64), nothing, nothing)
    peaks = np.maximum(np.maximum.accumulate(curve), initial)
    falls = peaks - curve
    days = local_days(times, timezone)
    last = np.append(np.flatnonzero(np.diff(days)), len(days) - 1)
    return EquityColumns(
        initial, float(curve[-1]), float((falls / peaks).max()), float(falls.max()), days[last], curve[last],
        curve if keep_curve else None,
    )  # fmt: skip


def trade_columns(trades: Sequence[ClosedTrade]) -> TradeColumns:
    """Closed trades as columns."""
    symbols = tuple(sorted({t.symbol for t in trades}))
    strategies = tuple(sorted({t.strategy for t in trades}))
    reasons = tuple(sorted({t.exit_reason for t in trades}))

    def ints(values: Sequence[int]) -> Ints:
        return np.array(values, dtype=np.int64)

    def floats(values: Sequence[Decimal]) -> Floats:
        return np.array([float(value) for value in values], dtype=np.float64)

    return TradeColumns(
        symbols, strategies, reasons, ints([symbols.index(t.symbol) for t in trades]),
        ints([strategies.index(t.strategy) for t in trades]), ints([reasons.index(t.exit_reason) for t in trades]),
        ints([t.side.sign for t in trades]), ints([t.opened_ns for t in trades]), ints([t.closed_ns for t in trades]),
        floats([t.quantity for t in trades]), floats([t.entry for t in trades]), floats([t.exit for t in trades]),
        floats([t.gross for t in trades]), floats([t.fees for t in trades]), floats([t.net for t in trades]),
    )  # fmt: skip
