"""The back-test: the shared loop over recorded data with a paper broker, three times for the fill bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Protocol

from engine.decide.tick import Decider
from engine.execute.loop import Loop
from engine.market.events import MarketSource
from engine.market.orders import Broker
from engine.research.budgets import outside_budget
from engine.research.recorder import StatisticsRecorder
from engine.research.results import BacktestResult, PriceSeries, Row, headline
from engine.research.statistics import curve_statistics

CENTRAL = "central"
OTHER_BOUNDS = ("pessimistic", "optimistic")
BLOCK_TICKS = 256


class Parts(Protocol):
    """What a back-test is put together from; the command line provides it, because connectors live outside."""

    def source(self) -> MarketSource:
        """The data, from the start."""
        ...

    def decider(self) -> Decider:
        """A fresh decider."""
        ...

    def broker(self, fills: str) -> Broker:
        """A fresh paper broker with the fill assumption ``pessimistic``, ``central`` or ``optimistic``."""
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
) -> tuple[BacktestResult, list[PriceSeries]]:
    """Run the data once with central fills and once for each bound.

    ``clock`` gives seconds and only times the run. ``progress`` is told now and then which pass is under way and
    the source that it reads. Raises SourceError for data that cannot be used.
    """
    began = clock()
    recorder, loop = _run(parts, CENTRAL, progress, keep_prices)
    seconds = clock() - began
    bounds: dict[str, Row] = {CENTRAL: _headline(recorder, described)}
    for fills in OTHER_BOUNDS:
        bounds[fills] = _headline(_run(parts, fills, progress, False)[0], described)
    return result_of(recorder, loop, described, seconds, bounds), recorder.prices()


def result_of(
    recorder: StatisticsRecorder, loop: Loop, described: Described, seconds: float, bounds: Mapping[str, Row]
) -> BacktestResult:
    """What a finished run gives; ``bounds`` by fill assumption, empty where only one was run."""
    ruleset = loop.decider.context.plan.ruleset
    firing = outside_budget(ruleset, recorder.fired, recorder.times, described.timezone)
    return BacktestResult(
        described.pack, described.data, described.parameters, recorder.started_ns, recorder.ended_ns,
        recorder.book.bars, loop.ticks, seconds, loop.hash.hexdigest(), recorder.order_count, recorder.fill_count,
        recorder.book.trades, recorder.times, recorder.equity, described.cash, described.timezone,
        dict(recorder.rejected), {rule: dict(counts) for rule, counts in recorder.verdicts.items()},
        bounds, dict(recorder.notes), recorder.book.bars_exposed, recorder.buy_and_hold(), firing,
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
    """Every tick of ``source``; ``notice`` is called now and then."""
    ticks = source.ticks()
    while block := list(islice(ticks, BLOCK_TICKS)):
        loop.run(block)
        notice()


def _headline(recorder: StatisticsRecorder, described: Described) -> Row:
    curve = curve_statistics(recorder.times, recorder.equity, described.cash, described.timezone)
    return headline(recorder.book.trades, curve)



