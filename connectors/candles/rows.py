"""Rows of a candle file, checked: the first thing that is wrong is said with file, line and field."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from connectors.candles.files import read_rows
from connectors.replay.files import ByteCount
from engine.market.events import NANOS, Bar, SourceError

MINUTE: Final = 60
CENTS: Final = 100
PRICES: Final = ("open", "high", "low", "close")
EARLIEST, LATEST = 1_500_000_000, 9_000_000_000  # seconds: the venue is younger, and milliseconds are larger


class Candle(NamedTuple):
    """One minute of one market: prices are cents of YES, None when nothing traded; ``start`` is UTC seconds."""

    ticker: str
    start: int
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float

    @property
    def known_ns(self) -> int:
        """The end of the minute."""
        return (self.start + MINUTE) * NANOS

    @property
    def bar(self) -> Bar | None:
        """In dollars; None when nothing traded."""
        if self.open is None or self.high is None or self.low is None or self.close is None:
            return None
        prices = (self.open / CENTS, self.high / CENTS, self.low / CENTS, self.close / CENTS)
        return Bar(self.ticker, self.start * NANOS, MINUTE, *prices, self.volume)


def read_candles(path: Path, count: ByteCount | None = None) -> Iterator[Candle]:
    """The candles of one file, each market's in rising time; SourceError for the first row that cannot be used."""
    before: dict[str, int] = {}
    for place, fields in read_rows(path, count):
        candle = _candle(place, fields)
        last = before.get(candle.ticker)
        if last is not None and candle.start <= last:
            what = "comes twice" if candle.start == last else "goes back in time"
            raise SourceError(f"{place}: timestamp {candle.start}: {candle.ticker} {what}; sort the file by time")
        before[candle.ticker] = candle.start
        yield candle


def _candle(place: str, fields: dict[str, str]) -> Candle:
    if not fields["ticker"]:
        raise SourceError(f"{place}: ticker is empty")
    start = _time(place, fields)
    volume = _number(place, "volume", fields["volume"])
    said = [name for name in PRICES if fields[name]]
    if not said:
        if volume:
            raise SourceError(f"{place}: open is empty, but the volume is {fields['volume']}")
        return Candle(fields["ticker"], start, None, None, None, None, 0.0)
    missing = next((name for name in PRICES if name not in said), None)
    if missing is not None:
        raise SourceError(f"{place}: {missing} is empty, and {said[0]} is not")
    if not volume:
        raise SourceError(f"{place}: volume is {fields['volume'] or 'empty'}, but there are prices")
    opened, high, low, close = (_cents(place, name, fields[name]) for name in PRICES)
    if high < low:
        raise SourceError(f"{place}: high {fields['high']} is below low {fields['low']}")
    for name, price in (("open", opened), ("close", close)):
        if not low <= price <= high:
            span = f"low {fields['low']} to high {fields['high']}"
            raise SourceError(f"{place}: {name} {fields[name]} lies outside {span}")
    return Candle(fields["ticker"], start, opened, high, low, close, volume)


def _time(place: str, fields: dict[str, str]) -> int:
    text = fields["timestamp"]
    wanted = f"{place}: timestamp {text!r}: seconds since 1970 (UTC) of a whole minute are wanted"
    try:
        seconds = int(text)
    except ValueError:
        raise SourceError(wanted) from None
    if not EARLIEST <= seconds <= LATEST or seconds % MINUTE:
        raise SourceError(wanted)
    words = fields.get("datetime")
    if words and words != f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}":
        raise SourceError(
            f"{place}: datetime {words!r} is not timestamp {text} in UTC "
            f"({datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}); one of the two is wrong"
        )
    return seconds


def _cents(place: str, name: str, text: str) -> float:
    value = _number(place, name, text)
    if not 0 < value < CENTS:
        raise SourceError(f"{place}: {name} {text}: a price in cents, above 0 and below 100, is wanted")
    if round(value * CENTS) != value * CENTS:
        raise SourceError(f"{place}: {name} {text}: a price has at most two decimals of a cent")
    return value


def _number(place: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise SourceError(f"{place}: {name} {text!r} is not a number") from None
    if not math.isfinite(value) or value < 0:
        raise SourceError(f"{place}: {name} {text} is not a number of 0 or more")
    return value
