"""Trades that a venue of contracts tells to everybody, each with who took."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class PublicTrade(NamedTuple):
    """One execution on the book. ``price``: of YES, dollars of the $1; ``contracts``: how many; ``taker_yes``: whether
    the taker bought YES (sold NO), which is known from the venue and not guessed."""

    ticker: str
    time_ns: int
    price: float
    contracts: float
    taker_yes: bool
    trade_id: str = ""


class TradeSource(Protocol):
    """Where public trades come from: a file, a capture, a venue."""

    def trades(self) -> Iterable[PublicTrade]:
        """All of them, in any order; block trades, which are made off the book, are not among them."""
        ...
