"""The first step of trading-day.sh: a day of prices in which everything happens that the comparison looks for.

Run in the day's folder: ``trading-day-prices.py DAY SEED day|quick``. Writes the minutes twice: ``prices/`` in the
vendor's flat files, and ``minutes.csv`` for the practice venue. Nothing here says anything about a market.

Each symbol goes through the same round again and again: it sinks, jumps by a third of a percent within a minute, which
makes the averages cross, and then either stalls (a trade gets nowhere until its time is over) or rises to a plateau (a
part is sold, the stop follows the price) from which it falls. The levels between last many minutes, so that the same
happens to an engine that is late.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, cycle, islice
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/New_York")
MINUTES = 390
REACH = 0.00012  # how far a minute goes beyond its first and last price, as a share of it
NOISE = 0.004  # standard deviation of a price around its level, percent
JUMP = 0.25  # a minute that gains more, percent, has three times the volume
FILES = {"us_stocks_sip": ["SPY", "QQQ", "TSLA"], "us_indices": ["I:SPX", "I:NDX"]}
INDICES = {"SPX": ("SPY", 10), "NDX": ("QQQ", 41)}  # each is its fund, at so many times the price
BASE = {"SPY": 660.0, "QQQ": 595.0, "TSLA": 430.0}

Leg = tuple[int, float]  # minutes, and by how much percent of its base the price moves in them
# A jump, a rise to a plateau, and the way back below where it began.
RISE: Sequence[Leg] = ((1, 0.32), (3, 0.0), (6, 0.26), (26, 0.0), (2, -0.24), (14, -0.34))
# A jump, and nothing after it until its gain is given back.
STALL: Sequence[Leg] = ((1, 0.32), (22, 0.0), (15, -0.32))
# How long each symbol sinks at first, so that they do not all do the same at once, and its rounds.
DAY = {"SPY": (16, (RISE, STALL)), "QQQ": (24, (STALL, RISE)), "TSLA": (34, (RISE, RISE, STALL))}
# Steps, one of them every five minutes: whoever has bought is five minutes later a trailing stop's, and stays it.
STEP: Sequence[Leg] = ((1, 0.3), (1, 0.0), (2, 0.14), (11, -0.03))
QUICK = {"SPY": (5, (STEP,)), "QQQ": (10, (STEP,)), "TSLA": (15, (STEP,))}
LATE = 320  # from this minute on (14:50): a last round that ends on its plateau, so that something is held at the end
LAST: Sequence[Leg] = ((12, -0.36), (1, 0.32), (3, 0.0), (6, 0.26), (60, 0.0))


class Minute(NamedTuple):
    """One minute of one symbol; prices in dollars."""

    at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: int

    def times(self, factor: int) -> Minute:
        """The same minute of something that costs so many times as much."""
        prices = (round(price * factor, 2) for price in self[1:5])
        return Minute(self.at, *prices, self.volume)


def main(day: str, seed: str, length: str) -> None:
    chance = random.Random(f"trading day {seed}")
    opens = datetime.fromisoformat(f"{day}T09:30").replace(tzinfo=ZONE)
    rows = {fund: _minutes(_levels(fund, length), base, opens, chance) for fund, base in BASE.items()}
    for index, (fund, times) in INDICES.items():
        rows[index] = [row.times(times) for row in rows[fund]]
    _write_flat_files(day, rows)
    _write_tape(rows)
    print(f"{day}: {', '.join(sorted(rows))}, {MINUTES} minutes each, made up from seed {seed}")


def _levels(symbol: str, length: str) -> list[float]:
    """Where the price is as each minute begins, and at the end, in percent beside its base."""
    sinks, rounds = (DAY if length == "day" else QUICK)[symbol]
    legs = chain([(sinks, -0.32 if length == "day" else -0.02)], chain.from_iterable(cycle(rounds)))
    found = list(islice(_steps(legs), MINUTES + 1))
    if length == "day":
        last = _steps(LAST, found[LATE])
        found[LATE:] = islice(last, MINUTES + 1 - LATE)
    return found


def _steps(legs: Iterable[Leg], level: float = 0.0) -> Iterator[float]:
    yield level
    for minutes, move in legs:
        for number in range(1, minutes + 1):
            yield level + move * number / minutes
        level += move


def _minutes(levels: Sequence[float], base: float, opens: datetime, chance: random.Random) -> list[Minute]:
    prices = [round(base * (1 + (level + chance.gauss(0, NOISE)) / 100), 2) for level in levels]
    found = []
    for number in range(MINUTES):
        first, last = prices[number], prices[number + 1]
        high = round(max(first, last) + chance.random() * base * REACH, 2)
        low = round(min(first, last) - chance.random() * base * REACH, 2)
        busy = 3 if levels[number + 1] - levels[number] > JUMP else 1
        volume = int(chance.lognormvariate(0, 0.3) * 60_000) * busy
        found.append(Minute(opens + timedelta(minutes=number), first, high, low, last, volume))
    return found


def _write_flat_files(day: str, rows: Mapping[str, Sequence[Minute]]) -> None:
    for family, tickers in FILES.items():
        folder = Path("prices") / family / "minute_aggs_v1" / day[:4] / day[5:7]
        folder.mkdir(parents=True)
        with (folder / f"{day}.csv").open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["ticker", "volume", "open", "close", "high", "low", "window_start", "transactions"])
            for ticker in tickers:
                for at, first, high, low, last, volume in rows[ticker.removeprefix("I:")]:
                    traded = "" if ticker.startswith("I:") else volume
                    out.writerow([ticker, traded, first, last, high, low, int(at.timestamp()) * 10**9, 100])


def _write_tape(rows: Mapping[str, Sequence[Minute]]) -> None:
    with Path("minutes.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["ticker", "t_ms_utc", "o", "h", "l", "c", "v"])
        for name, found in sorted(rows.items()):
            out.writerows([name, int(at.timestamp() * 1000), *prices] for at, *prices in found)


if __name__ == "__main__":
    main(*sys.argv[1:])
