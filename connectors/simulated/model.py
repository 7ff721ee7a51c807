"""How simulated prices move: a market that switches between regimes, and symbols that follow it.

Returns are a random walk whose drift and volatility depend on the regime (a Markov chain), scaled by a U-shaped time of
day and seasoned with a gap between sessions. The numbers are typical of US large-capitalisation shares; none is fitted.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

MINUTE_VOLATILITY = 0.18 / (252 * 390) ** 0.5  # 18 % a year
OVERNIGHT_VOLATILITY = 0.004
STEPS = 4  # price moves inside one bar


class Regime(NamedTuple):
    """``drift`` is in standard deviations per minute, ``minutes`` the mean time until the regime changes."""

    drift: float
    volatility: float
    minutes: float


REGIMES = (
    Regime(0.20, 0.9, 45.0),  # trend up
    Regime(-0.20, 1.0, 40.0),  # trend down
    Regime(0.0, 0.6, 50.0),  # quiet
    Regime(0.0, 1.7, 20.0),  # nervous
)


def time_of_day_shape(fraction: float) -> float:
    """Activity at a fraction (0..1) of the session: 1.6 at its ends, 0.7 in the middle."""
    return float(0.7 + 0.9 * abs(2 * fraction - 1) ** 3)


class Market:
    """The factor that all symbols share."""

    def __init__(self, seed: int, minutes: float) -> None:
        self._random = Random(f"{seed}:market")
        self._minutes = minutes
        self._regime = REGIMES[2]

    def gap(self) -> float:
        """Return between two sessions."""
        return self._random.gauss(0, OVERNIGHT_VOLATILITY)

    def moves(self, fraction: float) -> list[float]:
        """Returns of the steps of the next bar, at a fraction of the session."""
        if self._random.random() < self._minutes / self._regime.minutes:
            self._regime = self._random.choice([regime for regime in REGIMES if regime is not self._regime])
        scale = MINUTE_VOLATILITY * self._regime.volatility * time_of_day_shape(fraction)
        step = self._minutes / STEPS
        drift, spread = scale * self._regime.drift * step, scale * step**0.5
        return [self._random.gauss(drift, spread) for _ in range(STEPS)]


class PathBar(NamedTuple):
    """Prices of one bar before they are put on a tick grid; ``unusual`` is the size of the move, 1 on average."""

    open: float
    high: float
    low: float
    close: float
    unusual: float


class Path:
    """The price of one thing that follows the market with ``beta``, and has noise of its own: ``own_volatility`` times
    the market's."""

    def __init__(self, seed: int, name: str, price: float, beta: float, own_volatility: float, minutes: float) -> None:
        self._random = Random(f"{seed}:path:{name}")
        self._price = price
        self._beta = beta
        self._own_volatility = own_volatility
        self._minutes = minutes

    def gap(self, market_gap: float) -> None:
        """Open the next session away from the last close."""
        own = self._random.gauss(0, OVERNIGHT_VOLATILITY * self._own_volatility)
        self._price *= 1 + self._beta * market_gap + own

    def next_bar(self, market_moves: list[float], fraction: float) -> PathBar:
        """Move on by one bar."""
        own = MINUTE_VOLATILITY * self._own_volatility * time_of_day_shape(fraction) * (self._minutes / STEPS) ** 0.5
        prices = [self._price]
        for move in market_moves:
            prices.append(prices[-1] * (1 + self._beta * move + self._random.gauss(0, own)))
        self._price = prices[-1]
        usual = MINUTE_VOLATILITY * self._minutes**0.5
        return PathBar(prices[0], max(prices), min(prices), prices[-1], abs(prices[-1] / prices[0] - 1) / usual)
