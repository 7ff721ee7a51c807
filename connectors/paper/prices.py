"""At which price, if at all, an order fills inside a bar or on a quote. Pure functions of prices.

The rules are those of docs/paper-broker.md: a touch is not a fill, the open of a bar comes before everything else in
it and its close after, and what a bar leaves open is decided against the order, except in the optimistic bound.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from connectors.paper.settings import FillModel
from connectors.paper.working import Working
from engine.market.events import Bar

_NOISE = 1e-6  # of a tick: 100.30 - 0.01 must count as 100.29


class Standing(Enum):
    """Since when an order is in the market: before the bar's open, since a fill inside the bar, or placed inside it."""

    WHOLE = "whole"
    BORN = "born"
    LATE = "late"


class Terms(NamedTuple):
    """What a fill is judged by.

    ``half_spread`` and ``tick`` are money per unit, ``slippage`` a share of price, ``lot`` units, ``participation`` a
    share of a bar's volume.
    """

    model: FillModel
    tick: float
    half_spread: float
    slippage: float
    lot: Decimal
    participation: Decimal


def market_price(reference: float, buys: bool, terms: Terms) -> float:
    """``reference`` made worse by half the spread and the slippage."""
    worse = terms.half_spread + reference * terms.slippage
    return reference + worse if buys else reference - worse


def beyond_stop(price: float, order: Working) -> bool:
    """Whether a stop is reached at ``price``."""
    return price >= order.stop if order.buys else price <= order.stop


def fills_limit(price: float, order: Working, terms: Terms) -> bool:
    """Whether trading at ``price`` is enough for a resting limit to count as filled."""
    touched = terms.model is FillModel.CENTRAL and price == order.limit
    return not touched and _meets_limit(price, order, terms)


def limit_at_open(order: Working, bar: Bar, terms: Terms) -> float | None:
    """Price of a limit that fills at the open: on arrival what is there, later the limit and nothing better.

    Who trades through a resting limit pays its price; only the optimist gets the open of a gap.
    """
    if order.met:
        if not fills_limit(bar.open, order, terms):
            return None
        return bar.open if terms.model is FillModel.OPTIMISTIC else order.limit
    there = market_price(bar.open, order.buys, terms._replace(slippage=0.0))
    return there if fills_limit(there, order, terms) else None


def limit_inside(order: Working, bar: Bar, terms: Terms, standing: Standing, ends: bool) -> float | None:
    """Price of a limit that fills after the open. ``ends``: its time runs out before the bar does.

    The range of the bar counts for an order that was there all along. For one that came later only the close is known
    to follow, for one that went earlier nothing but the open. The optimist takes the range in any case.
    """
    if terms.model is FillModel.OPTIMISTIC or (standing is Standing.WHOLE and not ends):
        reached = bar.low if order.buys else bar.high
    elif ends:
        return None
    else:
        reached = bar.close
    return order.limit if fills_limit(reached, order, terms) else None


def stop_inside(order: Working, bar: Bar, standing: Standing, ends: bool) -> float | None:
    """Price at which a stop is reached after the open, before costs; None when it is not known to be."""
    if ends:
        return None
    if standing is Standing.LATE:
        return bar.close if beyond_stop(bar.close, order) else None
    extreme = bar.high if order.buys else bar.low
    # Of a leg born inside the bar: an open beyond the stop explains the extreme, and came before the leg.
    told = bar.close if standing is Standing.BORN and beyond_stop(bar.open, order) else extreme
    return order.stop if beyond_stop(told, order) else None


def late_price(order: Working, bar: Bar, terms: Terms) -> float:
    """Price of an order that goes to market at an unknown moment inside ``bar``.

    The close is a price that was to be had; the pessimist takes the bar's worst, the optimist its best. A limit that
    had not filled by then says that the market was not better than the limit.
    """
    worst, best = (bar.high, bar.low) if order.buys else (bar.low, bar.high)
    if terms.model is FillModel.OPTIMISTIC:
        return best
    price = worst if terms.model is FillModel.PESSIMISTIC else bar.close
    if order.limit and not order.waits:
        price = max(price, order.limit) if order.buys else min(price, order.limit)
    return market_price(price, order.buys, terms)


def limit_on_quote(other: float, order: Working, terms: Terms) -> float | None:
    """Price of a limit when the other side of the book is at ``other``; being met there is a fill, not a touch."""
    if not _meets_limit(other, order, terms):
        return None
    return order.limit if order.met and terms.model is not FillModel.OPTIMISTIC else other


def _meets_limit(price: float, order: Working, terms: Terms) -> bool:
    """Whether ``price`` is as good as the limit; the pessimist wants a tick more."""
    better = order.limit - price if order.buys else price - order.limit
    return better >= (terms.tick * (1 - _NOISE) if terms.model is FillModel.PESSIMISTIC else 0.0)
