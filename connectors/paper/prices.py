"""At which price, if at all, an order fills inside a bar or on a quote. Pure functions of prices.

Sources: the fill rules follow docs/paper-broker.md; a touch is not a fill, and what a bar leaves open is decided
against the order, except in the optimistic bound.
"""

from __future__ import annotations

from connectors.paper.settings import FillModel
from connectors.paper.working import Working
from engine.market.events import Bar

Costs = tuple[float, float]  # half the spread (money per unit), slippage as a share of price


def market_price(reference: float, buys: bool, costs: Costs) -> float:
    """``reference`` made worse by half the spread and the slippage."""
    half_spread, slippage = costs
    worse = half_spread + reference * slippage
    return reference + worse if buys else reference - worse


def limit_fill(order: Working, bar: Bar, tick: float, model: FillModel, costs: Costs, from_open: bool) -> float | None:
    """Price of a limit order's fill in ``bar``; None when it does not trade.

    ``from_open``: the order rested for the whole bar. Otherwise only the open counts, for the order was gone (or
    its parent filled) at a moment that the bar does not tell.
    """
    limit = order.limit
    arrival = market_price(bar.open, order.buys, (costs[0], 0.0))
    if order.buys:
        if arrival <= limit:
            return arrival
        reached = bar.low <= limit if model is FillModel.OPTIMISTIC else bar.low < limit
        if model is FillModel.PESSIMISTIC:
            reached = bar.low <= limit - tick
    else:
        if arrival >= limit:
            return arrival
        reached = bar.high >= limit if model is FillModel.OPTIMISTIC else bar.high > limit
        if model is FillModel.PESSIMISTIC:
            reached = bar.high >= limit + tick
    return limit if reached and from_open else None


def stop_reached(order: Working, bar: Bar) -> bool:
    """Whether a stop's price traded in ``bar``."""
    return bar.high >= order.stop if order.buys else bar.low <= order.stop


def stop_price(order: Working, bar: Bar, costs: Costs) -> float:
    """Price of a stop's market fill: the stop, or the open when the bar gapped beyond it, and slippage."""
    base = max(order.stop, bar.open) if order.buys else min(order.stop, bar.open)
    return market_price(base, order.buys, (0.0, costs[1]))


def late_market_price(order: Working, bar: Bar, model: FillModel, costs: Costs) -> float:
    """Price of an order that went to market at an unknown moment inside ``bar``.

    The close is a price that was to be had after that moment; the pessimist takes the bar's worst, the optimist its
    open.
    """
    if model is FillModel.OPTIMISTIC:
        return bar.open
    if model is FillModel.PESSIMISTIC:
        return market_price(bar.high if order.buys else bar.low, order.buys, costs)
    return market_price(bar.close, order.buys, costs)
