"""Many parameter sets over the same market data: what sweeps, walk-forward runs and placebo trials are made of.

``run_sets`` is the one way in. It runs on columns (``engine.research.columns``) and, where that cannot be, on the tick
engine, and says so in each result; both give the same results bit for bit. Everything that goes in and comes out
pickles, so that it can be sent to other processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from engine.decide.tick import Decider
from engine.execute.loop import Loop
from engine.market.columns import MarketColumns
from engine.plan.arrays import Floats, Ints
from engine.plan.columns import CannotCompile
from engine.plan.compiled import compiled_kernel
from engine.plan.plan import make_plan
from engine.research.columns.rows import CannotLayOut
from engine.research.parts import SetParts
from engine.research.recorder import StatisticsRecorder
from engine.research.statistics import local_days
from engine.research.trades import ClosedTrade

if TYPE_CHECKING:
    from engine.research.columns.result import Finished
    from engine.research.columns.run import Outcome
    from engine.research.columns.stage import Stage

Engine = Literal["auto", "columns", "tick"]
AUTO: Final = "auto"
COLUMNS: Final = "columns"
TICK: Final = "tick"
SHORT_TICKS = 20_000  # what the tick engine does in about a second


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
    engine: Literal["columns", "tick"] = "columns",
) -> list[SetResult]:
    """Run every set over the ticks from ``begin_ns`` to before ``end_ns`` (UTC nanoseconds); one result each, in order.

    ``sets``: values of parameters by key (``pack.rule.name``, in the kind's base unit). ``fills``: as for a broker.
    ``keep_curve`` keeps the worth after every tick, 8 bytes a tick and set. ``engine`` "tick" is the slow reference.
    Raises PlanError when a set's values cannot be used and SourceError for data that cannot.
    """
    chosen = market.between(begin_ns, end_ns)
    if engine == TICK:
        return [run_by_tick(parts, chosen, values, fills, keep_curve, "") for values in sets]
    try:
        return _run_by_column(parts, chosen, sets, fills, keep_curve)
    except (CannotCompile, CannotLayOut) as reason:
        return [run_by_tick(parts, chosen, values, fills, keep_curve, str(reason)) for values in sets]


def _run_by_column(
    parts: SetParts, market: MarketColumns, sets: Sequence[Mapping[str, float]], fills: str, keep_curve: bool
) -> list[SetResult]:
    from engine.research.columns.compiled import compiled_machine  # late: Numba
    from engine.research.columns.run import ColumnRun
    from engine.research.columns.stage import Stage
    from engine.research.columns.words import GAVE_UP

    stage = Stage(parts, market, sets, parts.fill_terms(fills))
    found = []
    for values, outcome in zip(sets, ColumnRun(stage, compiled_machine(), keep_curve).outcomes(), strict=True):
        if outcome.gave_up:
            found.append(run_by_tick(parts, market, values, fills, keep_curve, GAVE_UP[outcome.gave_up]))
        else:
            found.append(_result(parts, stage, values, outcome))
    return found


def not_worth_compiling(market: MarketColumns) -> str:
    """Why short data is better gone through tick by tick on a machine that has yet to compile; empty when it is not."""
    from engine.research.columns.compiled import is_compiled

    if len(market.times) >= SHORT_TICKS or is_compiled():
        return ""
    return "the data is short, and the column engine would first have to be compiled for a minute (--engine columns)"


class GaveUp(Exception):
    """The column engine met something in the middle of a run that it does not count exactly. The text says what."""


def finished(parts: SetParts, market: MarketColumns, fills: str) -> Finished:
    """One run over columns with everything that a report wants. Raises CannotCompile, CannotLayOut and GaveUp."""
    from engine.research.columns.compiled import compiled_machine
    from engine.research.columns.result import Finished
    from engine.research.columns.run import ColumnRun
    from engine.research.columns.stage import Stage
    from engine.research.columns.words import GAVE_UP

    stage = Stage(parts, market, [{}], parts.fill_terms(fills))
    (outcome,) = ColumnRun(stage, compiled_machine(), True).outcomes()
    if outcome.gave_up:
        raise GaveUp(GAVE_UP[outcome.gave_up])
    return Finished(stage, outcome, parts)


def _result(parts: SetParts, stage: Stage, values: Mapping[str, float], outcome: Outcome) -> SetResult:
    from engine.research.columns.outcome import Reader, Trades

    times = stage.market.times
    reader = Reader.of(
        outcome.tables, outcome.log, times, parts.instruments, stage.units, stage.terms, parts.ruleset.sha256
    )
    ints, floats, reasons = Trades(reader, outcome.held, outcome.holds, int(times[-1]) if len(times) else 0).arrays()
    trades = TradeColumns(
        tuple(outcome.tables.names), tuple(outcome.tables.strategies), tuple(reasons), ints[:, 0], ints[:, 1],
        ints[:, 2], ints[:, 3], ints[:, 4], ints[:, 5], *floats.T,
    )  # fmt: skip
    initial = float(parts.cash)
    equity = EquityColumns(
        initial, float(outcome.closes[-1]) if len(outcome.closes) else initial, float(outcome.figures[1]),
        float(outcome.figures[2]), stage.days, outcome.closes, outcome.curve,
    )  # fmt: skip
    run = outcome.run[0]
    return SetResult(
        dict(values), COLUMNS, "", trades, equity, int(run["orders"]), int(run["fills"]), len(times),
        partial(Reader.sha256, reader),
    )  # fmt: skip


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
    loop.feed(market.inputs())
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
        return np.array([float(value) for value in values], dtype=np.float64) + 0.0  # no negative zero

    return TradeColumns(
        symbols, strategies, reasons, ints([symbols.index(t.symbol) for t in trades]),
        ints([strategies.index(t.strategy) for t in trades]), ints([reasons.index(t.exit_reason) for t in trades]),
        ints([t.side.sign for t in trades]), ints([t.opened_ns for t in trades]), ints([t.closed_ns for t in trades]),
        floats([t.quantity for t in trades]), floats([t.entry for t in trades]), floats([t.exit for t in trades]),
        floats([t.gross for t in trades]), floats([t.fees for t in trades]), floats([t.net for t in trades]),
    )  # fmt: skip
