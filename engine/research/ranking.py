"""Which signals are worth most: the edge over what a side costs, and the stake that Kelly takes from it.

The cost of a contract is its price and the taker's fee, c = a + r a (1 - a); the edge P - c; Kelly's share of the
bankroll f* = (P - c) / (1 - c), of which a fraction is staked (Kelly 1956; Thorp 2006 on fractions).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor

from engine.language.functions.risk import kelly
from engine.language.functions.venue import contract_fee


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fair probability with what YES and NO cost now (dollars of the $1); None is unknown."""

    ticker: str
    fair: float
    confidence: float
    yes_ask: float | None = None
    no_ask: float | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its better side. Without a price ``side`` says only where fair lies, and the rest is None.

    ``edge``: per contract of $1; ``stake``: money; ``contracts``: whole ones that the stake buys.
    """

    candidate: Candidate
    side: str
    price: float | None = None
    edge: float | None = None
    kelly: float | None = None
    stake: float | None = None
    contracts: int | None = None


def rank(candidates: Iterable[Candidate], bankroll: float, fraction: float, fee_rate: float) -> list[Ranked]:
    """The best first: by Kelly's share times confidence, then by edge; those without a price last, the surest first.

    ``fraction`` of Kelly and confidence make the stake of ``bankroll`` (money).
    """
    found = [_ranked(candidate, bankroll, fraction, fee_rate) for candidate in candidates]
    return sorted(found, key=_worth)


def _worth(ranked: Ranked) -> tuple[bool, float, float, str]:
    candidate = ranked.candidate
    if ranked.kelly is None or ranked.edge is None:
        return True, -candidate.confidence, -abs(candidate.fair - 0.5), candidate.ticker
    return False, -ranked.kelly * candidate.confidence, -ranked.edge, candidate.ticker


def _ranked(candidate: Candidate, bankroll: float, fraction: float, fee_rate: float) -> Ranked:
    sides = (("YES", candidate.fair, candidate.yes_ask), ("NO", 1 - candidate.fair, candidate.no_ask))
    priced = [(p - cost_of(price, fee_rate), side, p, price) for side, p, price in sides if price is not None]
    if not priced:
        return Ranked(candidate, "YES" if candidate.fair >= 0.5 else "NO")
    edge, side, probability, price = max(priced)
    cost = cost_of(price, fee_rate)
    share = kelly(probability, cost) if cost < 1 else 0.0
    stake = bankroll * fraction * candidate.confidence * share
    return Ranked(candidate, side, price, edge, share, stake, floor(stake / cost + 1e-9))


def cost_of(price: float, fee_rate: float) -> float:
    """What one contract costs with its fee, dollars of the $1."""
    return price + contract_fee(price, fee_rate)
