"""Whether a result is one lucky pick: shares of single symbols or events in the absolute result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engine.research.trades import ClosedTrade

BEST_TRADES = 5
"""So many trades are left out to see whether the rest still makes money."""


@dataclass(frozen=True, slots=True)
class Shares:
    """With a_k = |net_k| / sum |net_j| over groups k (symbols, events, days):

    - ``largest`` = max a_k and ``largest_group``, whose it is.
    - ``hhi`` = sum a_k^2, from 1/groups (even) to 1 (one group is all): the Herfindahl-Hirschman index
      (O. C. Herfindahl 1950; A. O. Hirschman, "The Paternity of an Index", American Economic Review 54(5), 1964).
    - ``effective`` = 1 / hhi, the number of equal groups that would be as concentrated (M. A. Adelman, Review of
      Economics and Statistics 51(1), 1969).

    All None when nothing was won or lost.
    """

    largest: float | None
    largest_group: str | None
    hhi: float | None
    effective: float | None


def profit_by(trades: Iterable[ClosedTrade], group: Callable[[ClosedTrade], str]) -> dict[str, float]:
    """Net money by group, in the order in which groups first appear."""
    found: dict[str, float] = {}
    for trade in trades:
        key = group(trade)
        found[key] = found.get(key, 0.0) + float(trade.net)
    return found


def shares(net: dict[str, float]) -> Shares:
    """Concentration of net money by group."""
    whole = sum(abs(value) for value in net.values())
    if not whole > 0:
        return Shares(None, None, None, None)
    parts = {key: abs(value) / whole for key, value in net.items()}
    largest = max(parts, key=lambda key: parts[key])
    hhi = sum(part * part for part in parts.values())
    return Shares(parts[largest], largest, hhi, 1 / hhi)


def net_without_best(trades: Sequence[ClosedTrade], count: int = BEST_TRADES) -> float:
    """Net money of all trades but the ``count`` best ones; it should still be above zero."""
    nets = sorted((float(trade.net) for trade in trades), reverse=True)
    return sum(nets[count:])
