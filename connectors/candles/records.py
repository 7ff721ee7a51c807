"""What the venue's records say of a market: when it closes and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.candles.files import read_rows
from connectors.kalshi.models.fields import instant_ns
from engine.market.events import NANOS, SETTLEMENT, MarketEvent, Observation, SourceError

RESULTS: Final = {"yes": 1.0, "no": 0.0}


@dataclass(frozen=True, slots=True)
class MarketRecord:
    """``close_ns`` is UTC; ``pays`` is dollars that one YES contract paid, None while that is not known."""

    ticker: str
    close_ns: int
    result: str
    pays: float | None

    def ended(self, now_ns: int) -> list[MarketEvent]:
        """What is told when the market has paid out."""
        if self.pays is None:
            return []
        return [
            Observation(self.ticker, now_ns, "market.status", "finalized"),
            Observation(self.ticker, now_ns, "market.tradable", False),
            Observation(self.ticker, now_ns, "market.why_not", "the market is settled"),
            Observation(self.ticker, now_ns, "market.result", self.result),
            Observation(self.ticker, now_ns, SETTLEMENT, self.pays),
        ]

    def time_left(self, now_ns: int) -> list[MarketEvent]:
        """The facts of its close at an instant."""
        hours = max(0.0, (self.close_ns - now_ns) / NANOS / 3600)
        return [
            Observation(self.ticker, now_ns, "market.close", self.close_ns / NANOS),
            Observation(self.ticker, now_ns, "market.hours_to_close", hours),
        ]


def record_of(place: str, fields: Mapping[str, object]) -> MarketRecord:
    """From ``ticker``, ``close_time``, ``result``, maybe ``settlement_value_dollars``; SourceError names ``place``."""
    ticker, result = fields.get("ticker"), fields.get("result")
    if not isinstance(ticker, str) or not ticker:
        raise SourceError(f"{place}: ticker is empty")
    if result not in ("", None, "yes", "no", "scalar"):
        raise SourceError(f"{place}: result {result!r}: yes, no, scalar or nothing is wanted")
    try:
        close_ns = instant_ns(fields.get("close_time"))
    except ValueError as error:
        raise SourceError(f"{place}: close_time: {error}") from None
    word = str(result or "")
    value = fields.get("settlement_value_dollars")
    pays = RESULTS.get(word)
    if value not in ("", None):
        pays = _dollars(place, str(value))
    return MarketRecord(ticker, close_ns, word, pays if word else None)


def read_records(paths: list[Path]) -> dict[str, MarketRecord]:
    """The records of all files by ticker; a later file goes before an earlier one. SourceError names file and line."""
    found: dict[str, MarketRecord] = {}
    for path in paths:
        for place, fields in read_rows(path):
            record = record_of(place, fields)
            found[record.ticker] = record
    return found


def _dollars(place: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise SourceError(f"{place}: settlement_value_dollars {text!r}: dollars from 0 to 1 are wanted")
    return value
