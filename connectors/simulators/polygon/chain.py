"""A made-up options chain around the price of an underlying: Black-Scholes prices, a smile, volume that grows.

F. Black and M. Scholes, "The Pricing of Options and Corporate Liabilities", Journal of Political Economy 81, 1973.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from math import erf, exp, log, pi, sqrt
from random import Random

from connectors.simulators.polygon.units import NANOS, at

DAYS = (0, 1, 2, 3, 4, 7, 14, 30)
STRIKES_EACH_WAY = 20
YEAR_SECONDS = 365 * 86_400
DEEP = 0.97  # calls and puts whose delta is beyond it carry no Greeks


@dataclass(frozen=True, slots=True)
class Option:
    """One contract and its figures. ``volume`` is of today."""

    ticker: str
    kind: str
    expiration: date
    strike: float
    volatility: float
    price: float
    delta: float
    gamma: float
    theta: float
    vega: float
    volume: int
    open_interest: int
    bid: float
    ask: float


def expirations(day: date) -> list[date]:
    """Weekdays on which contracts end."""
    found = [day + timedelta(days=days) for days in DAYS]
    return sorted({one for one in found if one.weekday() < 5})


def chain(underlying: str, price: float, anchor: float, now: int, day: date, seed: int) -> Iterator[Option]:
    """All contracts. ``anchor`` sets the strikes, so that they are the same all day."""
    root = underlying.removeprefix("I:")
    root = f"{root}W" if underlying == "I:SPX" else root
    step = _step(anchor)
    middle = round(anchor / step) * step
    opened, closed = at(day, 9, 30), at(day, 16)
    passed = min(1.0, max(0.0, (now - opened) / (closed - opened)))
    for expiration in expirations(day):
        seconds = max(600.0, (at(expiration, 16) - now) / NANOS)
        for number in range(-STRIKES_EACH_WAY, STRIKES_EACH_WAY + 1):
            strike = middle + number * step
            for kind in ("call", "put"):
                random = Random(f"{seed} {root} {expiration} {strike} {kind}")
                yield _option(root, kind, expiration, strike, price, seconds / YEAR_SECONDS, passed, random)


def _option(
    root: str, kind: str, expiration: date, strike: float, price: float, years: float, passed: float, random: Random
) -> Option:  # fmt: skip
    away = log(strike / price)
    volatility = 0.16 - 0.25 * away + 2.0 * away * away + random.uniform(-0.004, 0.004)
    volatility = max(0.05, volatility)
    value, delta, gamma, theta, vega = black_scholes(kind, price, strike, years, volatility)
    busy = exp(-((away / 0.02) ** 2)) / (1 + years * 60)
    total = int(random.randint(500, 6_000) * busy) + random.randint(0, 5)
    half = max(0.01, value * 0.01)
    return Option(
        f"O:{root}{expiration:%y%m%d}{kind[0].upper()}{round(strike * 1000):08d}", kind, expiration, strike,
        round(volatility, 6), round(value, 2), delta, gamma, theta, vega, int(total * passed),
        random.randint(100, 20_000), max(0.0, round(value - half, 2)), round(value + half, 2),
    )  # fmt: skip


def black_scholes(
    kind: str, price: float, strike: float, years: float, volatility: float
) -> tuple[float, float, float, float, float]:
    """Price, delta, gamma, theta a day and vega a point, without interest and dividends."""
    root = volatility * sqrt(years)
    d1 = log(price / strike) / root + root / 2
    d2 = d1 - root
    density = exp(-d1 * d1 / 2) / sqrt(2 * pi)
    call = price * _normal(d1) - strike * _normal(d2)
    value = call if kind == "call" else call - price + strike
    delta = _normal(d1) if kind == "call" else _normal(d1) - 1
    theta = -price * density * volatility / (2 * sqrt(years)) / 365
    return max(0.01, value), delta, density / (price * root), theta, price * density * sqrt(years) / 100


def _normal(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2


def _step(price: float) -> float:
    """The distance of strikes: about a quarter of a percent, on a usual grid."""
    for step in (0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0):
        if step >= price * 0.0024:
            return step
    return 100.0
