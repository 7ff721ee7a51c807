"""The back-test: recorded data with a paper broker, three times for the fill bounds, over columns or tick by tick."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from engine.decide.tick import Decider
from engine.execute.loop import Loop
from engine.market.columns import MarketColumns
from engine.market.events import MarketSource
from engine.market.inputs import everything_of
from engine.plan.columns import CannotCompile
from engine.research.budgets import outside_budget
from engine.research.columns.rows import CannotLayOut
from engine.research.gaps import with_gaps
from engine.research.parts import SetParts
from engine.research.recorder import StatisticsRecorder
from engine.research.results import BacktestResult, PriceSeries, Row, headline
from engine.research.sets import AUTO, COLUMNS, TICK, Engine, GaveUp, finished, not_worth_compiling
from engine.research.statistics import curve_statistics
from engine.research.trades import ClosedTrade

CENTRAL = "central"
OTHER_BOUNDS = ("pessimistic", "optimistic")


class Parts(SetParts, Protocol):
    """What a back-test is put together from; the command line provides it, because connectors live outside."""

    def source(self) -> MarketSource:
        """The data, from the start."""
        ...

    def decider(self) -> Decider:
        """A fresh decider."""
        ...


@dataclass(frozen=True, slots=True)
class Described:
    """What the result says of its input."""

    pack: str
    data: str
    parameters: Mapping[str, str]
    timezone: str
    cash: Decimal


def backtest(
    parts: Parts,
    described: Described,
    clock: Callable[[], float],
    progress: Callable[[str, MarketSource], None] = lambda fills, source: None,
    keep_prices: bool = False,
    engine: Engine = AUTO,
) -> tuple[BacktestResult, list[PriceSeries]]:
    """Run the data once with central fills and once for each bound.

    ``engine``: "columns" falls back to "tick" where something cannot be compiled, "auto" also where the data is short
    and the column engine not yet compiled on this machine; the result says why. ``clock`` gives seconds and only times
    the run. ``progress`` is told now and then which pass is under way and the source that it reads. Raises SourceError
    for data that cannot be used.
    """
    began, fallback = clock(), ""
    if engine != TICK:
        source = parts.source()
        market = MarketColumns.read(source, lambda: progress(CENTRAL, source))
        try:
            fallback = not_worth_compiling(market) if engine == AUTO else ""
            if not fallback:
                return _by_column(parts, described, market, began, clock, keep_prices)
            began = clock()
        except (CannotCompile, CannotLayOut, GaveUp) as reason:
            fallback, began = str(reason), clock()
    recorder, loop = _run(parts, CENTRAL, progress, keep_prices)
    seconds = clock() - began
    bounds: dict[str, Row] = {CENTRAL: _headline(recorder.book.trades, recorder.times, recorder.equity, described)}
    for fills in OTHER_BOUNDS:
        other, _ = _run(parts, fills, progress, False)
        bounds[fills] = _headline(other.book.trades, other.times, other.equity, described)
    result = result_of(recorder, loop, described, seconds, bounds)
    return with_gaps(replace(result, fallback=fallback), parts.instruments, parts.calendars), recorder.prices()


def _by_column(
    parts: Parts, described: Described, market: MarketColumns, began: float, clock: Callable[[], float],
    keep_prices: bool,
) -> tuple[BacktestResult, list[PriceSeries]]:  # fmt: skip
    """As ``backtest``, over columns. Raises CannotCompile, CannotLayOut and GaveUp."""
    central = finished(parts, market, CENTRAL)
    seconds, ruleset = clock() - began, parts.ruleset
    bounds: dict[str, Row] = {CENTRAL: _headline(central.trades, central.times, central.equity, described)}
    for fills in OTHER_BOUNDS:
        other = finished(parts, market, fills)
        bounds[fills] = _headline(other.trades, other.times, other.equity, described)
    times = central.times
    result = BacktestResult(
        described.pack, described.data, described.parameters, times[0] if times else 0, times[-1] if times else 0,
        central.bars, len(times), seconds, central.reader.sha256(), central.orders, central.fills, central.trades,
        times, central.equity, described.cash, described.timezone, dict(central.rejected()),
        {rule: dict(counts) for rule, counts in central.verdicts().items()}, bounds, {}, central.bars_exposed,
        central.buy_and_hold(), outside_budget(ruleset, central.fired(), times), COLUMNS,
    )  # fmt: skip
    return with_gaps(result, parts.instruments, parts.calendars), central.prices() if keep_prices else []


def result_of(
    recorder: StatisticsRecorder, loop: Loop, described: Described, seconds: float, bounds: Mapping[str, Row]
) -> BacktestResult:
    """What a finished run gives; ``bounds`` by fill assumption, empty where only one was run."""
    ruleset = loop.decider.context.plan.ruleset
    firing = outside_budget(ruleset, recorder.fired, recorder.times)
    return BacktestResult(
        described.pack, described.data, described.parameters, recorder.started_ns, recorder.ended_ns,
        recorder.book.bars, loop.ticks, seconds, loop.hash.hexdigest(), recorder.order_count, recorder.fill_count,
        recorder.book.trades, recorder.times, recorder.equity, described.cash, described.timezone,
        dict(recorder.rejected), {rule: dict(counts) for rule, counts in recorder.verdicts.items()},
        bounds, dict(recorder.notes), recorder.book.bars_exposed, recorder.buy_and_hold(), firing, TICK,
    )  # fmt: skip


def _run(
    parts: Parts, fills: str, progress: Callable[[str, MarketSource], None], keep_prices: bool
) -> tuple[StatisticsRecorder, Loop]:
    recorder = StatisticsRecorder(keep_prices)
    loop = Loop(parts.decider(), parts.broker(fills), [recorder])
    source = parts.source()
    run_through(loop, source, lambda: progress(fills, source))
    recorder.close_out(loop.decider)
    return recorder, loop


def run_through(loop: Loop, source: MarketSource, notice: Callable[[], None]) -> None:
    """All that ``source`` has; ``notice`` is called now and then."""
    loop.feed(everything_of(source), notice)


def _headline(
    trades: Sequence[ClosedTrade], times: array[int], equity: array[float], described: Described
) -> Row:
    return headline(trades, curve_statistics(times, equity, described.cash, described.timezone))
