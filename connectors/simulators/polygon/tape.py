"""The minutes that are served, recorded or made up, and the seconds that they are made of."""

from __future__ import annotations

import csv
import gzip
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from random import Random

from connectors.simulators.polygon.units import MILLION, MINUTE, NANOS, Row, at, local, millionths, weekdays_before

OPEN_MINUTES = 390
HISTORY_DAYS = 5
DEFAULT_SYMBOLS = ("SPY", "QQQ", "TSLA", "AAPL", "I:SPX", "I:NDX")
CENT = MILLION // 100
VOLATILITY = 0.0006  # of one minute
USUAL = {"SPY": 560, "QQQ": 480, "TSLA": 250, "AAPL": 230, "I:SPX": 5600, "I:NDX": 19600}
KEY_SECONDS = (0, 20, 40, 59)  # at which a minute is at its open, its two extremes and its close
FILES = ("us_stocks_sip", "us_indices", "us_options_opra")


class TapeError(ValueError):
    """Data that cannot be served. The text names the file and line, and the mend."""


class Tape:
    """Minutes by ticker, each ticker's by time. Days are those of New York."""

    def __init__(self, rows: dict[str, list[Row]]) -> None:
        self._rows = rows
        self._starts = {ticker: [row.start for row in found] for ticker, found in rows.items()}
        self._day_of: dict[str, list[int]] = {}  # by row: how many rows of its day come before it
        for ticker, found in rows.items():
            self._day_of[ticker] = _places(found)

    @property
    def tickers(self) -> list[str]:
        return sorted(self._rows)

    @property
    def last_day(self) -> date:
        return max(local(found[-1].start).date() for found in self._rows.values() if found)

    def __contains__(self, ticker: str) -> bool:
        return ticker in self._rows

    def minutes(self, ticker: str, start: int, end: int) -> list[Row]:
        """The minutes that begin in [start, end)."""
        starts = self._starts.get(ticker, [])
        return self._rows.get(ticker, [])[bisect_left(starts, start) : bisect_left(starts, end)]

    def minute(self, ticker: str, start: int) -> Row | None:
        """The minute that begins at ``start``."""
        found = self.minutes(ticker, start, start + 1)
        return found[0] if found else None

    def seconds(self, ticker: str, start: int, end: int) -> list[Row]:
        """The seconds that begin in [start, end)."""
        minutes = self.minutes(ticker, start // MINUTE * MINUTE, end)
        return [second for row in minutes for second in seconds_of(row) if start <= second.start < end]

    def last(self, ticker: str, now: int) -> Row | None:
        """The last second that is over."""
        place = bisect_left(self._starts.get(ticker, []), now)
        for row in reversed(self._rows.get(ticker, [])[max(0, place - 2) : place]):
            for second in reversed(seconds_of(row)):
                if second.start + NANOS <= now:
                    return second
        return None

    def day_so_far(self, ticker: str, start: int) -> list[Row]:
        """The minutes of the same day up to and including the one that begins at ``start``."""
        place = bisect_left(self._starts[ticker], start)
        return self._rows[ticker][place - self._day_of[ticker][place] : place + 1]


def _places(rows: Sequence[Row]) -> list[int]:
    found: list[int] = []
    day: date | None = None
    for row in rows:
        today = local(row.start).date()
        found.append(found[-1] + 1 if today == day else 0)
        day = today
    return found


@lru_cache(maxsize=1024)  # the minute under way of each ticker, which is looked at every second
def seconds_of(row: Row) -> Sequence[Row]:
    """Seconds that add up to the minute: its open, its extremes in the order of its direction, its close."""
    extremes = (row.low, row.high) if row.close >= row.open else (row.high, row.low)
    if row.volume is not None and row.volume < len(KEY_SECONDS) * MILLION:
        return [row]
    points = dict(zip(KEY_SECONDS, (row.open, *extremes, row.close), strict=True))
    busy = row.volume is None or row.volume >= 60 * MILLION
    times = range(60) if busy else KEY_SECONDS
    shares = _shares(row.volume, len(times))
    found, before = [], row.open
    for place, second in enumerate(times):
        price = points[second] if second in points else _between(points, second)
        found.append(
            Row(row.start + second * NANOS, before, max(before, price), min(before, price), price, shares[place])
        )
        before = price
    return found


def _between(points: dict[int, int], second: int) -> int:
    """On the straight line between the neighbours, on whole cents."""
    earlier = max(s for s in points if s < second)
    later = min(s for s in points if s > second)
    price = points[earlier] + (points[later] - points[earlier]) * (second - earlier) // (later - earlier)
    return min(max(price // CENT * CENT, min(points[earlier], points[later])), max(points[earlier], points[later]))


def _shares(volume: int | None, parts: int) -> list[int | None]:
    """Whole units, the rest to the first."""
    if volume is None:
        return [None] * parts
    each = volume // MILLION // parts * MILLION
    return [volume - each * (parts - 1), *[each] * (parts - 1)]


def made_up(symbols: Iterable[str], day: date, seed: int) -> Tape:
    """A few weekdays up to ``day``, 9:30 to 16:00 in New York, as random walks that follow from the seed."""
    rows: dict[str, list[Row]] = {}
    for ticker in symbols:
        random = Random(f"{seed} {ticker}")
        price = float(USUAL.get(ticker) or random.randint(20, 400))
        found: list[Row] = []
        for one in weekdays_before(day, HISTORY_DAYS):
            walk = Random(f"{seed} {ticker} {one.isoformat()}")
            price *= 1 + walk.gauss(0, 0.004)
            for minute in range(OPEN_MINUTES):
                row = _made_up_minute(walk, price, at(one, 9, 30) + minute * MINUTE, ticker.startswith("I:"))
                price = row.close / MILLION
                found.append(row)
        rows[ticker] = found
    return Tape(rows)


def _made_up_minute(random: Random, price: float, start: int, index: bool) -> Row:
    moves = [price]
    for _ in range(4):
        moves.append(max(1.0, moves[-1] * (1 + random.gauss(0, VOLATILITY / 2))))
    cents = [round(move * 100) * CENT for move in moves]
    volume = None if index else random.randint(200, 20_000) * MILLION
    return Row(start, cents[0], max(cents), min(cents), cents[-1], volume, random.randint(4, 300))


def recorded(folder: Path, symbols: Iterable[str] = ()) -> Tape:
    """All minutes below a folder in the layout of the flat files; ``symbols``: tickers to keep, none for all."""
    wanted = frozenset(symbols)
    rows: dict[str, dict[int, Row]] = {}
    paths = sorted(p for kind in FILES for p in folder.glob(f"**/{kind}/minute_aggs_v1/*/*/*.csv*"))
    if not paths:
        raise TapeError(f"{folder}: there is no {FILES[0]}/minute_aggs_v1/YYYY/MM/YYYY-MM-DD.csv.gz below it")
    for path in paths:
        _read(path, wanted, rows)
    if not rows:
        raise TapeError(f"{folder}: none of {', '.join(sorted(wanted))} is in its files")
    return Tape({ticker: [found[start] for start in sorted(found)] for ticker, found in rows.items()})


def _read(path: Path, wanted: frozenset[str], rows: dict[str, dict[int, Row]]) -> None:
    with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as stream:
        reader = csv.DictReader(stream)
        try:
            for fields in reader:
                if not wanted or fields["ticker"] in wanted:
                    row = _row(fields)
                    rows.setdefault(fields["ticker"], {})[row.start] = row
        except (KeyError, ValueError, ArithmeticError, TypeError, OSError, EOFError) as error:
            raise TapeError(f"{path}:{reader.line_num}: no minute of the flat files ({error})") from None


def _row(fields: dict[str, str]) -> Row:
    prices = [millionths(fields[name]) for name in ("open", "high", "low", "close")]
    volume = millionths(fields["volume"]) if fields.get("volume") else None
    return Row(
        int(fields["window_start"]), prices[0], prices[1], prices[2], prices[3], volume,
        int(fields.get("transactions") or 1),
    )  # fmt: skip
