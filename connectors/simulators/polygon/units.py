"""Prices and volumes are integers of a millionth, so that seconds add up to their minute exactly; times are UTC ns."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

NANOS = 1_000_000_000
MILLIS = 1_000_000
MINUTE = 60 * NANOS
MILLION = 1_000_000
NEW_YORK = ZoneInfo("America/New_York")


class Row(NamedTuple):
    """A window of trading. ``volume`` is None for an index; ``trades`` counts them."""

    start: int
    open: int
    high: int
    low: int
    close: int
    volume: int | None
    trades: int = 1


def millionths(text: str) -> int:
    """A number of a file; ValueError when it is none, or has more than six places."""
    scaled = Decimal(text) * MILLION
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise ValueError(f"{text} is no number of at most six places")
    return int(scaled)


def shown(value: int) -> int | float:
    """A number of an answer: whole where it can be."""
    return value // MILLION if value % MILLION == 0 else value / MILLION


def local(time_ns: int) -> datetime:
    """The wall-clock time in New York."""
    return datetime.fromtimestamp(time_ns // NANOS, UTC).astimezone(NEW_YORK)


def at(day: date, hour: int, minute: int = 0) -> int:
    """An instant of a day in New York."""
    return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).timestamp()) * NANOS


def weekdays_before(day: date, count: int) -> list[date]:
    """The last ``count`` weekdays up to and including ``day``, the earliest first."""
    found: list[date] = []
    while len(found) < count:
        if day.weekday() < 5:
            found.append(day)
        day -= timedelta(days=1)
    return found[::-1]


def weekday_until(day: date) -> date:
    """``day`` itself, or the last weekday before it."""
    return weekdays_before(day, 1)[0]
