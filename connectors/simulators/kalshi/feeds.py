"""Index values: crypto rates, commodities, currencies, yields. Made up, and a function of seed and time alone.

Each value is a level times the exponential of fractal noise: straight lines between random nodes, the nodes of each
octave twice as far apart and drawn with the square root of that as deviation. It moves as a random walk does, over
seconds as over days, and any moment can be asked for without the ones before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

FAST_MS = 200
SECOND_MS = 1_000
WINDOW = 60  # ticks of an average
QUARTER_MS = 15 * 60 * SECOND_MS
UNIT = 100_000_000  # values are integers of 1e-8

_OCTAVES = 22  # from 0.2 seconds to about five days
_SPREAD = 0.00002  # deviation of the log value in the first octave


@dataclass(frozen=True, slots=True)
class Index:
    """``level`` is about what it is worth, ``places`` how many decimal places its source gives."""

    name: str
    level: float
    places: int


CRYPTO = {
    index.name: index
    for index in (
        Index("AAVEUSD_RTI", 180.0, 2), Index("ADAUSD_RTI", 0.62, 4), Index("BCHUSD_RTI", 520.0, 2),
        Index("BNBUSD_RTI", 880.0, 2), Index("BRTI", 91_000.0, 2), Index("DOGEUSD_RTI", 0.18, 5),
        Index("DOTUSD_RTI", 3.1, 4), Index("ETHUSD_RTI", 3_050.0, 2), Index("HBARUSD_RTI", 0.15, 5),
        Index("HYPEUSD_RTI", 38.0, 3), Index("LINKUSD_RTI", 14.2, 3), Index("LTCUSD_RTI", 95.0, 2),
        Index("NEARUSD_RTI", 2.2, 4), Index("SHIBUSD_RTI", 0.0000091, 8), Index("SOLUSD_RTI", 140.0, 2),
        Index("SUIUSD_RTI", 1.7, 4), Index("VVVUSD_RTI", 1.4, 4), Index("WLDUSD_RTI", 0.7, 4),
        Index("XLMUSD_RTI", 0.26, 5), Index("XRPUSD_RTI", 2.1, 4), Index("ZECUSD_RTI", 410.0, 2),
    )
}  # fmt: skip
FAST = ("BRTI", "DOGEUSD_RTI", "ETHUSD_RTI", "SOLUSD_RTI", "XRPUSD_RTI")
UNDERLYINGS = {
    index.name: index
    for index in (
        Index("Commodities.Index.BRENT/USD", 68.0, 5), Index("Commodities.Index.COPPER/USD", 5.1, 5),
        Index("Commodities.Index.CU/USD", 5.1, 5), Index("Commodities.Index.NATGAS/USD", 4.1, 5),
        Index("Commodities.Index.PYTHOIL/USD", 64.0, 5), Index("Commodities.Index.WTI1M/USD", 63.0, 5),
        Index("Equity.Index.US30/USD", 46_500.0, 2), Index("FX.AUD/USD", 0.65, 5), Index("FX.EUR/USD", 1.16, 5),
        Index("FX.GBP/USD", 1.32, 5), Index("FX.NZD/USD", 0.57, 5), Index("FX.USD/BRL", 5.35, 5),
        Index("FX.USD/CAD", 1.4, 5), Index("FX.USD/CHF", 0.8, 5), Index("FX.USD/INR", 88.5, 4),
        Index("FX.USD/JPY", 155.0, 3), Index("FX.USD/MXN", 18.4, 5), Index("FX.USD/NOK", 10.1, 5),
        Index("FX.USD/SEK", 9.5, 5), Index("InterestRate.US10Y", 4.1, 4), Index("InterestRate.US2Y", 3.6, 4),
        Index("InterestRate.US30Y", 4.7, 4), Index("InterestRate.US5Y", 3.7, 4),
        Index("Metal.Index.1OZGOLD/USD", 4_080.0, 3), Index("Metal.Index.GOLD/USD", 4_080.0, 3),
        Index("Metal.Index.SILVER/USD", 50.0, 4), Index("Metal.XAG/USD", 50.0, 4), Index("Metal.XAU/USD", 4_080.0, 3),
        Index("Metal.XPD/USD", 1_400.0, 3), Index("Metal.XPT/USD", 1_550.0, 3),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Average:
    """``value`` in 1e-8 over ``size`` ticks from ``start_ms`` to before ``end_ms``."""

    value: int
    size: int
    start_ms: int
    end_ms: int


class Feeds:
    """Times are Unix milliseconds."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def value(self, index: Index, time_ms: int) -> int:
        """In 1e-8, rounded to the places that the index has."""
        return _value(f"{self._seed} {index.name}", index, time_ms)

    def trailing(self, index: Index, time_ms: int) -> Average:
        """The sixty one-second ticks before this one."""
        ticks = range(time_ms - WINDOW * SECOND_MS, time_ms, SECOND_MS)
        return self._average(index, ticks, time_ms - WINDOW * SECOND_MS, time_ms)

    def closing(self, index: Index, time_ms: int) -> Average | None:
        """The ticks of the last minute before a quarter of an hour, up to this one; None outside that minute."""
        close = -(-time_ms // QUARTER_MS) * QUARTER_MS
        start = close - WINDOW * SECOND_MS
        if time_ms <= start:
            return None
        return self._average(index, range(start + SECOND_MS, time_ms + 1, SECOND_MS), start, time_ms + 1)

    def _average(self, index: Index, ticks: range, start_ms: int, end_ms: int) -> Average:
        total = sum(self.value(index, tick) for tick in ticks)
        return Average((2 * total + len(ticks)) // (2 * len(ticks)), len(ticks), start_ms, end_ms)


@lru_cache(maxsize=8192)
def _value(key: str, index: Index, time_ms: int) -> int:
    drift = 0.0
    period = FAST_MS
    for octave in range(_OCTAVES):
        place, part = divmod(time_ms, period)
        left, right = _node(key, octave, place), _node(key, octave, place + 1)
        drift += math.sqrt(period / FAST_MS) * (left + (right - left) * part / period)
        period *= 2
    unit: int = 10 ** (8 - index.places)
    return max(1, round(index.level * math.exp(_SPREAD * drift) * UNIT / unit)) * unit


@lru_cache(maxsize=16384)
def _node(key: str, octave: int, place: int) -> float:
    """A standard normal draw (Box and Muller) that belongs to this node."""
    digest = blake2b(f"{key} {octave} {place}".encode(), digest_size=16).digest()
    first, second = (int.from_bytes(part, "big") for part in (digest[:8], digest[8:]))
    return math.sqrt(-2 * math.log((first + 1) / 2**64)) * math.cos(2 * math.pi * second / 2**64)
