"""Recorded signals: how many there were of each kind, and how prices went on after them. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

GENERATED: Final = "generated"
MINUTE_NS: Final = 60_000_000_000
LATEST_NS: Final = 5 * MINUTE_NS  # how long after the horizon a price may still stand for it
ALL: Final = "ALL"

Event = Mapping[str, Any]


@dataclass(slots=True)
class Prices:
    """Last prices of one symbol in order of time: when each was known (UTC ns), and the price (money a unit)."""

    times_ns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def at(self, time_ns: int) -> float | None:
        """The first price known at an instant or soon after it; None where the market was silent or the data ends."""
        found = bisect_left(self.times_ns, time_ns)
        if found == len(self.times_ns) or self.times_ns[found] > time_ns + LATEST_NS:
            return None
        return self.values[found]


@dataclass(frozen=True, slots=True)
class Expectancy:
    """Returns after signals of one setup of a pack with one outcome, signed by the side that was to be traded, before
    costs.

    ``mean`` and ``deviation`` are in basis points (one price to the other), ``error`` is the standard error of the
    mean; None where fewer than one, or two, are known. ``unknown``: signals after which no price is known.
    """

    pack: str
    setup: str
    outcome: str
    signals: int
    known: int
    mean: float | None
    deviation: float | None
    error: float | None
    hit_rate: float | None

    @property
    def unknown(self) -> int:
        return self.signals - self.known


def summarize(events: Iterable[Event]) -> dict[tuple[str, str], dict[str, int]]:
    """How many signals each (pack, setup) had, by outcome: setups of one name in two packs are two."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for event in events:
        if event.get("event") == "signal":
            counts.setdefault(_whose(event), Counter())[str(event["outcome"])] += 1
    return {whose: dict(sorted(counter.items())) for whose, counter in sorted(counts.items())}


def last_signals(events: Iterable[Event], limit: int) -> list[Event]:
    """The last so many signals that were recorded, each once, with what became of it."""
    found = [event for event in events if event.get("event") == "signal" and event["outcome"] != GENERATED]
    return found[-limit:]


def expectancies(
    signals: Sequence[Event], prices: Mapping[tuple[str, str], Prices], horizon_ns: int
) -> list[Expectancy]:
    """How prices went on for ``horizon_ns`` after each signal: by pack, setup and outcome, then all of each outcome
    (the setup `ALL` of no pack).

    ``prices`` by (run, symbol); data that is no run's is under the run "".
    """
    returns: dict[tuple[str, str, str], list[float | None]] = {}
    for signal in signals:
        found = _return(signal, prices, horizon_ns)
        for pack, setup in (_whose(signal), ("", ALL)):
            returns.setdefault((pack, setup, str(signal["outcome"])), []).append(found)
    return [_expectancy(*key, returns[key]) for key in sorted(returns, key=lambda key: (not key[0], key))]


def _whose(signal: Event) -> tuple[str, str]:
    """Pack and setup."""
    return str(signal["strategy"]).partition(".")[0], str(signal["setup"])


def _return(signal: Event, prices: Mapping[tuple[str, str], Prices], horizon_ns: int) -> float | None:
    symbol = str(signal["symbol"])
    known = prices.get((str(signal["run"]), symbol)) or prices.get(("", symbol))
    if known is None:
        return None
    time_ns, price = int(signal["time_ns"]), signal.get("price")
    before = float(price) if price else known.at(time_ns)
    after = known.at(time_ns + horizon_ns)
    if before is None or after is None or before <= 0:
        return None
    sign = -1.0 if signal.get("side") == "sell" else 1.0
    return sign * (after - before) / before * 10_000


def _expectancy(pack: str, setup: str, outcome: str, returns: Sequence[float | None]) -> Expectancy:
    known = [value for value in returns if value is not None]
    count = len(known)
    mean = math.fsum(known) / count if count else None
    deviation = error = None
    if mean is not None and count > 1:
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in known) / (count - 1))
        error = deviation / math.sqrt(count)
    hits = sum(value > 0 for value in known) / count if count else None
    return Expectancy(pack, setup, outcome, len(returns), count, mean, deviation, error, hits)
