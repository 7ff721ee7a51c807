"""Prices of the practice day: made up from a seed, or those of a file of minute bars. One price for ten seconds.

The same seed gives the same prices on every day and machine; they say nothing about any market.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from math import exp
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from connectors.calendars import calendar

ZONE = ZoneInfo("America/New_York")
NANOS = 1_000_000_000
STEP_SECONDS = 10
STEPS_A_MINUTE = 60 // STEP_SECONDS
FIRST_HOUR, HOURS = 4, 16
STEPS = HOURS * 3600 // STEP_SECONDS
ANCHOR = date(2020, 1, 1)
CENT = Decimal("0.01")
INDICES = frozenset({"SPX", "NDX", "VIX", "RUT"})
BASES: Mapping[str, float] = {
    "SPY": 500.0, "QQQ": 430.0, "IWM": 200.0, "AAPL": 190.0, "MSFT": 410.0, "TSLA": 240.0, "NVDA": 120.0, "AMD": 150.0,
    "AMZN": 180.0, "F": 12.0, "BRK/B": 420.0, "SPX": 5000.0, "NDX": 18000.0, "VIX": 16.0,
}  # fmt: skip


class TapeError(ValueError):
    """A file of bars that cannot be played. The text names file, line and field."""


class Sessions(NamedTuple):
    """When regular hours begin and end, UTC nanoseconds."""

    open_ns: int
    close_ns: int


class Step(NamedTuple):
    """The price of ten seconds, and how many units traded."""

    price: Decimal
    volume: int


class Bar(NamedTuple):
    """Of ``start_ns``, UTC."""

    start_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


class World(Protocol):
    """Where prices come from."""

    @property
    def symbols(self) -> Sequence[str]: ...

    def path(self, symbol: str, day: date) -> Sequence[Step | None]:
        """The steps of a day from 04:00 on in New York; None where nothing trades."""
        ...


@dataclass(frozen=True)
class Seeded:
    """Made-up prices."""

    seed: int
    symbols: Sequence[str] = tuple(BASES)

    def path(self, symbol: str, day: date) -> Sequence[Step | None]:
        return _seeded_path(self.seed, symbol, day)


@lru_cache(maxsize=600)
def _seeded_path(seed: int, symbol: str, day: date) -> Sequence[Step | None]:
    hours = regular_hours(day)
    if hours is None:
        return (None,) * STEPS
    chance = Random(f"{seed} {symbol} {day}")
    price, begins = _levels(seed, symbol)[(day - ANCHOR).days], first_ns(day)
    steps: list[Step | None] = []
    for number in range(STEPS):
        regular = hours.open_ns <= begins + number * STEP_SECONDS * NANOS < hours.close_ns
        price *= 1 + chance.gauss(0, 0.00025 if regular else 0.00006)
        steps.append(Step(_cents(price), int(chance.expovariate(1 / (6000 if regular else 150)))))
    return steps


@lru_cache(maxsize=100)
def _levels(seed: int, symbol: str) -> Sequence[float]:
    """Where each day since the anchor begins."""
    chance, price, found = Random(f"{seed} {symbol} days"), BASES[symbol], []
    for _ in range(366 * 15):
        price *= exp(chance.gauss(0, 0.008))
        price += (BASES[symbol] - price) * 0.01  # it comes back, so that no symbol is worthless after years
        found.append(price)
    return found


class Taped:
    """The bars of a file: ``ticker,t_ms_utc,o,h,l,c,v`` with a header, plain or .gz; minutes by their start."""

    def __init__(self, path: Path) -> None:
        self._days: dict[tuple[str, date], list[Step | None]] = {}
        opened = gzip.open if path.suffix == ".gz" else open
        try:
            with opened(path, "rt", encoding="utf-8", newline="") as file:
                for row in (reader := csv.DictReader(file)):
                    self._add(row, f"{path}, line {reader.line_num}")
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise TapeError(f"{path}: {error}") from None
        self.symbols: Sequence[str] = sorted({symbol for symbol, _ in self._days})
        self.days = sorted({day for _, day in self._days})
        if not self.days:
            raise TapeError(f"{path} has no bars; it needs the columns ticker,t_ms_utc,o,h,l,c,v")

    def path(self, symbol: str, day: date) -> Sequence[Step | None]:
        return self._days.get((symbol, day), [None] * STEPS)

    def _add(self, row: Mapping[str, str | None], where: str) -> None:
        try:
            begins = datetime.fromtimestamp(int(row["t_ms_utc"] or "") / 1000, UTC).astimezone(ZONE)
            names = ("o", "h", "l", "c")
            opened, high, low, close = (Decimal(row[name] or "").quantize(CENT) for name in names)
            symbol, volume = row["ticker"] or "", int(Decimal(row["v"] or "0"))
        except KeyError as error:
            raise TapeError(f"{where}: there is no column {error.args[0]}") from None
        except (ValueError, InvalidOperation):
            raise TapeError(f"{where}: a number that cannot be read") from None
        minute = (begins.hour - FIRST_HOUR) * 60 + begins.minute
        if not 0 <= minute < HOURS * 60:
            return
        steps = self._days.setdefault((symbol, begins.date()), [None] * STEPS)
        turns = (low, high) if close >= opened else (high, low)
        middle = ((opened + close) / 2).quantize(CENT)
        for number, price in enumerate((opened, turns[0], middle, turns[1], middle, close)):
            steps[minute * STEPS_A_MINUTE + number] = Step(price, volume // STEPS_A_MINUTE)


def regular_hours(day: date) -> Sessions | None:
    """Regular hours of the stock exchanges; None on a day without."""
    noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=ZONE).timestamp()) * NANOS
    found = calendar("XNYS").day_at(noon)
    return None if found is None else Sessions(found.open_ns, found.close_ns)


def trading_day_before(day: date) -> date:
    """The last trading day that is not after ``day``."""
    while regular_hours(day) is None:
        day -= timedelta(days=1)
    return day


def first_ns(day: date) -> int:
    """When the steps of a day begin: 04:00 in New York."""
    return int(datetime(day.year, day.month, day.day, FIRST_HOUR, tzinfo=ZONE).timestamp()) * NANOS


def day_of(time_ns: int) -> date:
    """The date in New York."""
    return datetime.fromtimestamp(time_ns // NANOS, ZONE).date()


def bars(world: World, symbol: str, day: date, until_ns: int, minutes: int = 1) -> list[Bar]:
    """The bars of a day that are over at ``until_ns``."""
    steps, begins, found = world.path(symbol, day), first_ns(day), []
    width = minutes * STEPS_A_MINUTE
    for at in range(0, STEPS, width):
        start = begins + at * STEP_SECONDS * NANOS
        if start + width * STEP_SECONDS * NANOS > until_ns:
            break
        part = [step for step in steps[at : at + width] if step is not None]
        if part:
            prices = [step.price for step in part]
            volume = sum(step.volume for step in part)
            found.append(Bar(start, prices[0], max(prices), min(prices), prices[-1], volume))
    return found


def _cents(price: float) -> Decimal:
    return Decimal(repr(price)).quantize(CENT)
