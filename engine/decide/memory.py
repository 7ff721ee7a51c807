"""What the rules remember from tick to tick beside positions and orders, so that a restart forgets none of it.

Cooldowns, what the day's entries cost and how many there were, what the day has made or lost, how deep equity has
fallen, and what exits have done to each position. Money is carried on as profit and loss, not as a level of equity, so
that a deposit between two runs is no gain.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.decide.context import Context
from engine.decide.portfolio import Held


def remember(context: Context) -> dict[str, Any]:
    """JSON values; prices, times and counts come back as they were."""
    portfolio = context.portfolio
    equity = portfolio.equity()
    return {
        "now_ns": context.now_ns,
        "cooling": [[*key, until] for key, until in context.cooling.items() if until > context.now_ns],
        "looked": [[*key, number] for key, number in context.last_interval.items()],
        "in_window": [[*key, count] for key, count in context.entries_in_window.items()],
        "entries_today": dict(portfolio.entries_today),
        "entered_today": portfolio.entered_today,
        "realised_today": str(portfolio.realised - portfolio.realised_at_day_start),
        "made_today": equity - portfolio.equity_at_day_start,
        "below_peak": portfolio.peak_equity - equity,
        "held": [_of(key, held) for key, held in portfolio.held.items()],
    }


def _of(key: tuple[str, str], held: Held) -> list[Any]:
    return [*key, held.last, held.high, held.low, held.bars, sorted(held.fired), sorted(held.trailing)]


def recall(context: Context, told: Mapping[str, Any]) -> None:
    """Take up what ``remember`` gave, before the first tick and after positions and cash are in place.

    If the day is another by the first tick, the day's figures start anew as they always do.
    """
    portfolio, context.now_ns = context.portfolio, told["now_ns"]
    for clock in context.clocks.values():
        clock.move(told["now_ns"])
    for strategy, symbol, last, high, low, bars, fired, trailing in told["held"]:
        held = portfolio.held.get((strategy, symbol))
        if held is not None:
            held.last, held.high, held.low, held.bars = last, high, low, bars
            held.fired, held.trailing = set(fired), set(trailing)
    context.cooling.update({(s, symbol): until for s, symbol, until in told["cooling"]})
    context.last_interval.update({(s, symbol): number for s, symbol, number in told["looked"]})
    context.entries_in_window.update({(pack, symbol): count for pack, symbol, count in told["in_window"]})
    portfolio.entries_today = {symbol: int(count) for symbol, count in told["entries_today"].items()}
    portfolio.entered_today = told["entered_today"]
    portfolio.realised_at_day_start = portfolio.realised - Decimal(told["realised_today"])
    equity = portfolio.equity()
    portfolio.equity_at_day_start = equity - told["made_today"]
    portfolio.peak_equity = equity + max(told["below_peak"], 0.0)
    portfolio.version += 1
