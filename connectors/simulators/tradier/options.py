"""Made-up options: expiries on Fridays and each of the next days, strikes around the price, Black-Scholes prices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import erf, exp, log, pi, sqrt
from typing import NamedTuple

from connectors.simulators.tradier.prices import INDICES, NANOS, ZONE, regular_hours

VOLATILITY = 0.18
RATE = 0.04
STRIKES_AROUND = 12
DAILY = 5  # expiries on each of so many trading days ahead, then on Fridays
FRIDAYS = 8
FRIDAY = 4
YEAR_SECONDS = 365 * 86_400
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Contract:
    """``kind`` is C or P. ``symbol`` is its OCC symbol."""

    underlying: str
    expires: date
    kind: str
    strike: Decimal

    @property
    def root(self) -> str:
        return f"{self.underlying}W" if self.underlying in INDICES else self.underlying.replace("/", "")

    @property
    def symbol(self) -> str:
        return f"{self.root}{self.expires:%y%m%d}{self.kind}{int(self.strike * 1000):08d}"


class Greek(NamedTuple):
    """The worth of an option and what it depends on; ``theta`` a day, ``vega`` and ``rho`` a hundredth."""

    price: float
    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float


def read(symbol: str, underlyings: list[str]) -> Contract | None:
    """The contract of an OCC symbol; None where it is none of these underlyings'."""
    body, head = symbol[-15:], symbol[:-15]
    for name in underlyings:
        try:
            expires = datetime.strptime(body[:6], "%y%m%d").date()
            found = Contract(name, expires, body[6], Decimal(int(body[7:])) / 1000)
        except (ValueError, IndexError):
            return None
        if found.root == head or name == head:
            return found
    return None


def expiries(today: date) -> list[date]:
    """From today on."""
    found: list[date] = []
    day = today
    while len(found) < DAILY:
        if regular_hours(day) is not None:
            found.append(day)
        day += timedelta(days=1)
    fridays = 0
    while fridays < FRIDAYS:
        if day.weekday() == FRIDAY:
            fridays += 1
            found.append(day if regular_hours(day) is not None else day - timedelta(days=1))
        day += timedelta(days=1)
    return list(dict.fromkeys(found))


def strikes(price: Decimal) -> list[Decimal]:
    """Around a price."""
    step = Decimal("0.5") if price < 25 else Decimal(1) if price < 200 else Decimal(5) if price < 2000 else Decimal(25)
    middle = (price / step).to_integral_value() * step
    return [middle + step * n for n in range(-STRIKES_AROUND, STRIKES_AROUND + 1) if middle + step * n > 0]


def worth(contract: Contract, spot: Decimal, now_ns: int) -> Greek:
    """By Black and Scholes (1973), with one volatility and one rate for all."""
    end = datetime(contract.expires.year, contract.expires.month, contract.expires.day, 16, tzinfo=ZONE).timestamp()
    years = max(end - now_ns / NANOS, 1.0) / YEAR_SECONDS
    s, k, sign = float(spot), float(contract.strike), 1 if contract.kind == "C" else -1
    root = VOLATILITY * sqrt(years)
    d1 = (log(s / k) + (RATE + VOLATILITY**2 / 2) * years) / root
    d2, discount = d1 - root, exp(-RATE * years)
    density = exp(-(d1**2) / 2) / sqrt(2 * pi)
    price = sign * (s * _normal(sign * d1) - k * discount * _normal(sign * d2))
    theta = -s * density * VOLATILITY / (2 * sqrt(years)) - sign * RATE * k * discount * _normal(sign * d2)
    return Greek(
        max(price, 0.01), sign * _normal(sign * d1), density / (s * root), theta / 365, s * density * sqrt(years) / 100,
        sign * k * years * discount * _normal(sign * d2) / 100,
    )  # fmt: skip


def _normal(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2
