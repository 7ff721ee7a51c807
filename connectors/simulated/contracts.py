"""Simulated event contracts around given fair probabilities: quotes, books and a settlement, from a seed.

The odds of each contract wander from where the fair probability puts them, and its market makers err around those odds,
so that a rule with the fair probability in hand finds edges, some of which are gone by the time it has bought. Made up
for trying rules and the machinery; it says nothing about whether any of them would earn money.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from math import exp, log
from random import Random

from connectors.alpha.file import Alpha
from connectors.alpha.models import Signal
from engine.market.events import NANOS, MarketEvent, Observation, Quote, SourceError, Tick

MINUTES_A_DAY = 390
STEP_NS = 60 * NANOS
TRUTH_STEP = 0.03  # standard deviation of the log-odds' own walk, a minute
ERROR = 0.35  # standard deviation of the market makers' error, in log-odds
MEMORY = 0.985  # of that error, from minute to minute
EXAMPLE = {
    "KXSIMMATCH-24MAR05A-ONE": (0.55, 0.8),
    "KXSIMMATCH-24MAR05A-TWO": (0.45, 0.8),
    "KXSIMMATCH-24MAR05B-ONE": (0.30, 0.7),
    "KXSIMMODEL-24MAR05-ALPHA": (0.62, 0.6),
    "KXSIMMODEL-24MAR05-BETA": (0.20, 0.9),
    "KXSIMRAIN-24MAR05-YES": (0.75, 0.4),
}
EXAMPLE_START = datetime(2024, 3, 5, 14, 30, tzinfo=UTC)


def example_signals() -> Alpha:
    """Made-up signals for made-up contracts: (fair probability, confidence) of EXAMPLE."""
    until = EXAMPLE_START + timedelta(days=1)
    return Alpha({
        ticker: Signal(
            ticker=ticker, fair_yes_probability=fair, confidence=confidence, as_of=EXAMPLE_START, expiry=until,
            source="example",
        )
        for ticker, (fair, confidence) in EXAMPLE.items()
    })  # fmt: skip


class ContractSource:
    """Minute ticks of simulated contracts. ``fairs``: probability of YES by ticker, above 0 and below 1; ``start``: the
    first tick is a minute after it. At the end of the last of ``days`` every contract settles.
    """

    def __init__(self, fairs: Mapping[str, float], start: datetime, *, days: int = 1, seed: int = 1) -> None:
        if not fairs:
            raise SourceError("a simulation of contracts needs at least one ticker")
        self._fairs = dict(sorted(fairs.items()))
        self._start_ns = int(start.timestamp()) * NANOS
        self._minutes = days * MINUTES_A_DAY
        self._seed = seed

    def ticks(self) -> Iterator[Tick]:
        """Always the same ticks for the same arguments."""
        contracts = [_Contract(ticker, fair, self._seed) for ticker, fair in self._fairs.items()]
        for minute in range(1, self._minutes + 1):
            time_ns = self._start_ns + minute * STEP_NS
            left = self._minutes - minute
            events: list[MarketEvent] = []
            for contract in contracts:
                events += contract.settle(time_ns) if left == 0 else contract.move(time_ns, left)
            yield Tick(time_ns, events)


class _Contract:
    def __init__(self, ticker: str, fair: float, seed: int) -> None:
        self._ticker = ticker
        self._random = Random(f"{seed}:contract:{ticker}")
        self._truth = log(fair / (1 - fair))
        self._error = self._random.gauss(0, ERROR)
        self._volume = 0.0

    def move(self, time_ns: int, minutes_left: int) -> list[MarketEvent]:
        """The next minute: a quote, and the facts that a venue of contracts tells with it."""
        draw = self._random
        self._truth += draw.gauss(0, TRUTH_STEP)
        self._error = MEMORY * self._error + draw.gauss(0, ERROR * (1 - MEMORY**2) ** 0.5)
        middle = _chance(self._truth + self._error)
        spread = draw.choice((1, 2, 2, 3))
        bid = min(max(round(middle * 100) - spread // 2, 1), 98)
        ask = min(bid + spread, 99)
        sizes = float(draw.randint(20, 400)), float(draw.randint(20, 400))
        self._volume += draw.randint(0, 60)
        quote = Quote(self._ticker, time_ns, bid / 100, sizes[0], ask / 100, sizes[1])
        return [quote, *self._facts(quote, time_ns, minutes_left)]

    def _facts(self, quote: Quote, time_ns: int, minutes_left: int) -> Iterator[Observation]:
        bid, ask = quote.bid or 0.0, quote.ask or 0.0
        told: dict[str, float | str | bool] = {
            "yes.bid": bid, "yes.ask": ask, "yes.mid": (bid + ask) / 2,
            "yes.bid_size": quote.bid_size or 0.0, "yes.ask_size": quote.ask_size or 0.0,
            "no.bid": 1 - ask, "no.ask": 1 - bid, "no.mid": 1 - (bid + ask) / 2,
            "no.bid_size": quote.ask_size or 0.0, "no.ask_size": quote.bid_size or 0.0,
            "market.spread": ask - bid, "market.status": "active", "market.tradable": True, "market.why_not": "",
            "market.hours_to_close": minutes_left / 60, "market.volume": self._volume,
        }  # fmt: skip
        for name, value in told.items():
            yield Observation(self._ticker, time_ns, name, round(value, 10) if isinstance(value, float) else value)

    def settle(self, time_ns: int) -> list[MarketEvent]:
        """The outcome, drawn with the odds as they are now."""
        paid = 1.0 if self._random.random() < _chance(self._truth) else 0.0
        told: dict[str, float | str | bool] = {
            "market.tradable": False, "market.why_not": "the market is determined", "market.status": "determined",
            "market.hours_to_close": 0.0, "market.result": "yes" if paid else "no", "market.settlement": paid,
        }  # fmt: skip
        return [Observation(self._ticker, time_ns, name, value) for name, value in told.items()]


def _chance(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))
