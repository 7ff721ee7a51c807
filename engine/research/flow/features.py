"""What trades up to an instant say: taker-signed imbalance, a size-capped price, and how many trades that rests on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import median
from typing import NamedTuple

from engine.market.events import NANOS
from engine.market.trades import PublicTrade

LEAST, MOST = 0.01, 0.99  # prices of contracts that can still be traded


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """Times in seconds. ``cap_multiple``: a trade counts with at most so many times the median size of its window, so
    that no single one makes the flow. ``anchor_trades``: how many make the price. ``half_trades``: the effective number
    of trades at which flow is half believed. ``most_move``: how far fair may lie from the price.
    """

    window: float = 6 * 3600.0
    half_life: float = 1800.0
    cap_multiple: float = 5.0
    anchor_trades: int = 50
    least_trades: int = 20
    half_trades: float = 30.0
    most_move: float = 0.05


class Features(NamedTuple):
    """``imbalance``: from -1, all takers bought NO, to 1; ``effective``: trades that it rests on, after caps and decay;
    ``price``: size-capped mean of the newest trades; ``trades``: in the window; ``last_ns``: the newest one's time."""

    imbalance: float
    effective: float
    price: float
    trades: int
    last_ns: int


def features(trades: Sequence[PublicTrade], at_ns: int, settings: FlowSettings) -> Features | None:
    """Of one market's ``trades``, oldest first, those up to ``at_ns``; None when they are too few.

    w = min(contracts, cap) 2^(-(age / half-life)), imbalance = sum(s w) / sum(w) with s = 1 where the taker bought YES
    and -1 where NO, effective = sum(w)^2 / sum(w^2) (Kish 1965).
    """
    end = bisect_right(trades, at_ns, key=_time)
    begin = bisect_right(trades, at_ns - int(settings.window * NANOS), key=_time)
    window = trades[begin:end]
    if len(window) < max(settings.least_trades, 1):
        return None
    cap = settings.cap_multiple * median(trade.contracts for trade in window)
    signed = total = squares = 0.0
    for trade in window:
        age = (at_ns - trade.time_ns) / NANOS
        weight = min(trade.contracts, cap) * 2.0 ** (-age / settings.half_life)
        signed += weight if trade.taker_yes else -weight
        total += weight
        squares += weight * weight
    price = _price(window, cap, settings)
    return Features(signed / total, total * total / squares, price, len(window), window[-1].time_ns)


def _price(window: Sequence[PublicTrade], cap: float, settings: FlowSettings) -> float:
    newest = window[-settings.anchor_trades :]
    sizes = [min(trade.contracts, cap) for trade in newest]
    mean = sum(size * trade.price for size, trade in zip(sizes, newest, strict=True)) / sum(sizes)
    return min(max(mean, LEAST), MOST)


def microprice(bid: float, bid_size: float, ask: float, ask_size: float) -> float | None:
    """(bid ask_size + ask bid_size) / (bid_size + ask_size); None for an empty or crossed book.

    Gatheral and Oomen, Zero-intelligence realized variance estimation (2010).
    """
    if not (0 < bid < ask < 1 and bid_size > 0 and ask_size > 0):
        return None
    return (bid * ask_size + ask * bid_size) / (bid_size + ask_size)


def log_odds(probability: float) -> float:
    """log(p / (1 - p)), with p kept within the prices that can be traded."""
    kept = min(max(probability, LEAST), MOST)
    return log(kept / (1 - kept))


def chance(odds: float) -> float:
    """The inverse of ``log_odds``."""
    return 1 / (1 + exp(-odds)) if odds >= 0 else exp(odds) / (1 + exp(odds))


def _time(trade: PublicTrade) -> int:
    return trade.time_ns
