"""The vendor's names of things, and ours: it writes indices as ``I:SPX``, rules and stores say ``SPX``."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

INDEX_PREFIX = "I:"
OPTION_PREFIX = "O:"
# Indices that are written without the prefix; any other one is named with it (I:XAU).
KNOWN_INDICES = frozenset({"SPX", "NDX", "DJI", "VIX", "RUT", "XSP", "COMP"})


class Cluster(StrEnum):
    """A family of tickers; one websocket serves one of them."""

    STOCKS = "stocks"
    OPTIONS = "options"
    INDICES = "indices"


def ticker_of(symbol: str) -> str:
    """The vendor's ticker of a symbol: ``SPX`` is ``I:SPX``; ``I:…``, ``O:…`` and shares are as they are."""
    return INDEX_PREFIX + symbol if symbol in KNOWN_INDICES else symbol


def symbol_of(ticker: str) -> str:
    """The symbol of a ticker: without the prefix of indices."""
    return ticker.removeprefix(INDEX_PREFIX)


def cluster_of(ticker: str) -> Cluster:
    """The family of a ticker (not of a symbol)."""
    if ticker.startswith(INDEX_PREFIX):
        return Cluster.INDICES
    return Cluster.OPTIONS if ticker.startswith(OPTION_PREFIX) else Cluster.STOCKS


def by_cluster(tickers: Iterable[str]) -> dict[Cluster, list[str]]:
    """The tickers of each family, in the order given."""
    found: dict[Cluster, list[str]] = {}
    for ticker in dict.fromkeys(tickers):
        found.setdefault(cluster_of(ticker), []).append(ticker)
    return found
