"""A made-up venue: events whose takers know something of the outcome, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from engine.market.events import NANOS
from engine.market.trades import PublicTrade
from engine.research.flow.samples import MarketFacts

HOUR = 3600 * NANOS
START = 1_760_000_000 * NANOS
Tape = tuple[list[PublicTrade], dict[str, MarketFacts]]


def made_up(events: int, knowing: float, seed: int = 1, trades: int = 40) -> Tape:
    """One market an event, an event every hour, each open for four hours. A taker buys the side that will win with
    probability ``knowing``; the price stays where the odds are."""
    random = Random(seed)
    found: list[PublicTrade] = []
    markets: dict[str, MarketFacts] = {}
    for number in range(events):
        ticker, opened = f"KXMADE-{number:03d}-YES", START + number * HOUR
        odds = random.uniform(0.25, 0.75)
        wins = random.random() < odds
        for n in range(trades):
            right = random.random() < knowing
            price = round(min(max(odds + random.gauss(0, 0.01), 0.02), 0.98), 2)
            time_ns = opened + (n + 1) * 4 * HOUR // (trades + 2)
            found.append(
                PublicTrade(ticker, time_ns, price, float(random.randint(1, 40)), right == wins, f"{ticker}/{n}")
            )
        markets[ticker] = MarketFacts(
            ticker, ends_ns=opened + 4 * HOUR, result=float(wins), settled_ns=opened + 4 * HOUR
        )
    return found, markets


@pytest.fixture(scope="session")
def tape() -> Callable[..., Tape]:
    return made_up
