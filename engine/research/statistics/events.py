"""Which trades are one observation. Legs of one event, and trades of one symbol on one day, win and lose together, so
they count once wherever chance is judged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.market.events import NANOS
from engine.research.statistics.curve import Floats
from engine.research.trades import ClosedTrade

_DAY_NS = 86_400 * NANOS
_CONTRACT = re.compile(r"[A-Z0-9.]+-\d")
_GAME = re.compile(r"\d{2}[A-Z]{3}\d{2}\d*[A-Z]")


@dataclass(frozen=True, slots=True)
class EventResults:
    """Closed trades summed by event, in the order in which the events closed. Arrays of equal length, one per event:
    ``net`` (money), ``trades`` (count as float). ``days`` is the number of UTC days on which a trade closed.
    """

    names: tuple[str, ...]
    net: Floats
    trades: Floats
    days: int


def event_of(symbol: str, closed_ns: int) -> str:
    """The event that a trade belongs to.

    Contracts of an event market are named SERIES-EVENT-MARKET (Kalshi's tickers): all markets of an event are one.
    MARKET may have dashes in it (``KXCPI-26DEC-T-0.1``, below zero). Where EVENT has one, events are taken together
    that the venue keeps apart, which makes them fewer and never more.
    Where EVENT names a game (a date and the sides, ``26JUN111410TEXKC``), all series on that game are one too.
    Anything else is its symbol on one UTC day.
    """
    if _CONTRACT.match(symbol):
        parts = symbol.split("-")
        if _GAME.match(parts[1]):
            return parts[1]
        return "-".join(parts[:2])
    return f"{symbol}@{closed_ns // _DAY_NS}"


def event_results(trades: Sequence[ClosedTrade]) -> EventResults:
    """``trades``, in any order, by event."""
    net: dict[str, float] = {}
    count: dict[str, int] = {}
    closed: dict[str, int] = {}
    for trade in trades:
        event = event_of(trade.symbol, trade.closed_ns)
        net[event] = net.get(event, 0.0) + float(trade.net)
        count[event] = count.get(event, 0) + 1
        closed[event] = max(closed.get(event, 0), trade.closed_ns)
    names = sorted(closed, key=lambda event: (closed[event], event))
    return EventResults(
        tuple(names),
        np.array([net[name] for name in names], dtype=np.float64),
        np.array([count[name] for name in names], dtype=np.float64),
        len({trade.closed_ns // _DAY_NS for trade in trades}),
    )
