"""The facts ``stats.*`` that gates may ask for: each figure with its value, or why it is unknown.

Unknown does not pass a gate, so whatever cannot be computed closes it. Chance is drawn from `SEED`: the same trades
always get the same verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from engine.research.statistics import trade_statistics
from engine.research.statistics.bootstrap import MIN_EVENTS, expectancy_interval
from engine.research.statistics.break_even import break_even_win_rate
from engine.research.statistics.concentration import BEST_TRADES, Shares, net_without_best, shares
from engine.research.statistics.events import EventResults, event_results
from engine.research.statistics.placebo import placebo_p_value
from engine.research.statistics.sequential import anytime_lower_bound
from engine.research.statistics.sharpe import Moments, deflated_sharpe, moments, probabilistic_sharpe
from engine.research.statistics.trades import NO_TRADES, TradeStatistics
from engine.research.statistics.trials import MIN_TRIAL_EVENTS, Trials
from engine.research.trades import ClosedTrade

SEED = 20_240_229
NO_TRIALS = "the ledger holds no trial of this pack; run `engine sweep`, which writes down every set that it tries"
_FLAT = "results of events vary too little"


class Figure(NamedTuple):
    """``value`` None is unknown, for ``reason``."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Shown:
    """What a gate judges: closed trades in the order in which they closed, the account's deepest fall as a share of
    its peak, the share of fills whose costs are all kept, and all that was tried before (None: nothing is known).
    """

    trades: Sequence[ClosedTrade]
    drawdown: Figure
    cost_coverage: Figure
    trials: Trials | None = None

    @cached_property
    def figures(self) -> TradeStatistics:
        return trade_statistics(self.trades)

    @cached_property
    def events(self) -> EventResults:
        return event_results(self.trades)

    @cached_property
    def by_event(self) -> Shares:
        return shares(dict(zip(self.events.names, self.events.net.tolist(), strict=True)))

    @cached_property
    def moments(self) -> Moments | None:
        return moments(self.events.net) if len(self.events.net) >= MIN_EVENTS else None

    def figure(self, name: str) -> Figure:
        """The fact ``name`` (``stats.trades``). Raises KeyError for one that is not there."""
        return FIGURES[name](self)

    def holdout_expectancy(self, count: int) -> Figure:
        """Mean net result of the last ``count`` trades, money."""
        if count <= 0 or len(self.trades) < count:
            return Figure(None, f"there are {len(self.trades)} closed trades")
        return Figure(float(sum(trade.net for trade in self.trades[-count:])) / count)


def _of_trades(name: str) -> Callable[[Shown], Figure]:
    def figure(shown: Shown) -> Figure:
        value = getattr(shown.figures, name)
        return Figure(None, shown.figures.unknown[name]) if value is None else Figure(float(value))

    return figure


def _few(shown: Shown, otherwise: str = _FLAT) -> str:
    """Why a figure of chance is unknown."""
    events = len(shown.events.net)
    return f"there are {events} events, and it takes {MIN_EVENTS}" if events < MIN_EVENTS else otherwise


def _expectancy_low(shown: Shown) -> Figure:
    found = expectancy_interval(shown.events, SEED)
    return Figure(None, _few(shown)) if found is None else Figure(found.low)


def _expectancy_anytime(shown: Shown) -> Figure:
    found = anytime_lower_bound(shown.events)
    return Figure(None, _few(shown)) if found is None else Figure(found)


def _break_even(shown: Shown) -> Figure:
    found = break_even_win_rate(shown.trades)
    return Figure(None, "it takes a winning and a losing trade") if found is None else Figure(found)


def _without_best(shown: Shown) -> Figure:
    if len(shown.trades) <= BEST_TRADES:
        return Figure(None, f"there are {len(shown.trades)} closed trades")
    return Figure(net_without_best(shown.trades))


def _of_events(name: str) -> Callable[[Shown], Figure]:
    def figure(shown: Shown) -> Figure:
        value = getattr(shown.by_event, name)
        return Figure(None, "no event won or lost anything" if shown.trades else NO_TRADES) if value is None \
            else Figure(value)  # fmt: skip

    return figure


def _event_sharpe(shown: Shown) -> Figure:
    return Figure(None, _few(shown)) if shown.moments is None else Figure(shown.moments.sharpe)


def _probabilistic(shown: Shown) -> Figure:
    return Figure(None, _few(shown)) if shown.moments is None else Figure(probabilistic_sharpe(shown.moments))


def _deflated(shown: Shown) -> Figure:
    if shown.moments is None:
        return Figure(None, _few(shown))
    if shown.trials is None or shown.trials.count < 1:
        return Figure(None, NO_TRIALS)
    variance = shown.trials.chance_variance
    if variance is None:
        return Figure(None, f"none of {shown.trials.count} trials traded {MIN_TRIAL_EVENTS} events")
    return Figure(deflated_sharpe(shown.moments, shown.trials.count, variance))


def _overfitting(shown: Shown) -> Figure:
    if shown.trials is None or shown.trials.count < 1:
        return Figure(None, NO_TRIALS)
    found = shown.trials.overfitting
    return Figure(None, found) if isinstance(found, str) else Figure(found.probability)


def _placebo(shown: Shown) -> Figure:
    found = placebo_p_value(shown.events, SEED)
    return Figure(None, _few(shown, "nothing was won or lost")) if found is None else Figure(found)


def _trials(shown: Shown) -> Figure:
    return Figure(None, NO_TRIALS) if shown.trials is None else Figure(float(shown.trials.count))


FIGURES: Mapping[str, Callable[[Shown], Figure]] = {
    "stats.trades": lambda shown: Figure(float(len(shown.trades))),
    "stats.events": lambda shown: Figure(float(len(shown.events.net))),
    "stats.days": lambda shown: Figure(float(shown.events.days)),
    "stats.expectancy": _of_trades("expectancy"),
    "stats.expectancy_low": _expectancy_low,
    "stats.expectancy_low_anytime": _expectancy_anytime,
    "stats.profit_factor": _of_trades("profit_factor"),
    "stats.win_rate": _of_trades("win_rate"),
    "stats.break_even_win_rate": _break_even,
    "stats.max_drawdown": lambda shown: shown.drawdown,
    "stats.cost_coverage": lambda shown: shown.cost_coverage,
    "stats.largest_ticker_share": _of_trades("largest_ticker_share"),
    "stats.largest_event_share": _of_events("largest"),
    "stats.effective_events": _of_events("effective"),
    "stats.net_without_best": _without_best,
    "stats.event_sharpe": _event_sharpe,
    "stats.probabilistic_sharpe": _probabilistic,
    "stats.trials": _trials,
    "stats.deflated_sharpe": _deflated,
    "stats.overfitting": _overfitting,
    "stats.placebo_p": _placebo,
}
"""Every fact of the scope STATS that trades say; a test holds it against the manifest."""
