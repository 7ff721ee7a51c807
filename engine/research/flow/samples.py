"""Samples for the fit from trades: looks at each market at even times, labelled with what came of it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from engine.market.events import NANOS
from engine.market.trades import PublicTrade
from engine.research.flow.calibration import Calibration, Line
from engine.research.flow.features import FlowSettings, features, log_odds
from engine.research.flow.fit import Sample
from engine.research.flow.model import belief


class MarketFacts(NamedTuple):
    """What is known of a market beside its trades. ``result``: what YES paid, 0 to 1, known at ``settled_ns``; None
    where it is not known. ``ends_ns``: when it was expected to end."""

    event: str
    domain: str = ""
    ends_ns: int | None = None
    result: float | None = None
    settled_ns: int | None = None


class Domain(NamedTuple):
    """The calibration that applies: a table and the domain of markets that do not say theirs."""

    table: Calibration
    name: str

    def line(self, market: MarketFacts, at_ns: int) -> Line | None:
        """The table's line; None where the market's end is not known."""
        if market.ends_ns is None:
            return None
        return self.table.line(market.domain or self.name, (market.ends_ns - at_ns) / NANOS / 3600)


def by_market(trades: Iterable[PublicTrade]) -> dict[str, list[PublicTrade]]:
    """Trades of each market, oldest first, each once by its id."""
    found: dict[str, dict[tuple[str, int, float, float, bool], PublicTrade]] = {}
    for trade in trades:
        known = (trade.trade_id, 0, 0.0, 0.0, False) if trade.trade_id else ("", *trade[1:5])
        found.setdefault(trade.ticker, {})[known] = trade
    return {
        ticker: sorted(unique.values(), key=lambda t: (t.time_ns, t.trade_id)) for ticker, unique in found.items()
    }


def samples_of(
    trades: Mapping[str, Sequence[PublicTrade]], markets: Mapping[str, MarketFacts], settings: FlowSettings,
    until_ns: int, every: float, ahead: float | None = None, domain: Domain | None = None,
) -> list[Sample]:  # fmt: skip
    """Looks every so many seconds, for as long as the window before them has trades, up to ``until_ns``, to which the
    trades are complete. With ``ahead`` (seconds) the label is the price of the trades in as long a stretch that begins
    so much later, else the market's result. Looks without a label are left out.

    Whether and how a market was looked at depends on nothing that came after the look.
    """
    found: list[Sample] = []
    step, window = int(every * NANOS), int(settings.window * NANOS)
    for ticker, own in trades.items():
        market = markets.get(ticker, MarketFacts(ticker))
        first, last = own[0].time_ns // step + 1, min(own[-1].time_ns + window, until_ns) // step
        for at_ns in range(first * step, last * step + 1, step):
            label = _outcome(market, at_ns) if ahead is None else _price_later(own, at_ns, int(ahead * NANOS), until_ns)
            sample = None if label is None else _sample(own, market, at_ns, settings, domain, label)
            if sample is not None:
                found.append(sample)
    return sorted(found, key=lambda s: (s.at_ns, s.event))


def _sample(
    own: Sequence[PublicTrade], market: MarketFacts, at_ns: int, settings: FlowSettings, domain: Domain | None,
    label: tuple[float, int],
) -> Sample | None:  # fmt: skip
    seen = features(own, at_ns, settings)
    line = Line() if domain is None else domain.line(market, at_ns)
    if seen is None or line is None:
        return None
    odds = log_odds(seen.price)
    pull = belief(seen, settings) * seen.imbalance
    return Sample(market.event, at_ns, odds, line.shift(odds), pull, *label)


def _outcome(market: MarketFacts, at_ns: int) -> tuple[float, int] | None:
    if market.result is None or market.settled_ns is None or at_ns >= market.settled_ns:
        return None
    return market.result, market.settled_ns


def _price_later(
    own: Sequence[PublicTrade], at_ns: int, ahead_ns: int, until_ns: int
) -> tuple[float, int] | None:
    begins, ends = at_ns + ahead_ns, at_ns + 2 * ahead_ns
    if ends > until_ns:
        return None  # the stretch is not over yet
    later = own[bisect_left(own, begins, key=_time) : bisect_left(own, ends, key=_time)]
    if not later:
        return None
    size = sum(t.contracts for t in later)
    return sum(t.contracts * t.price for t in later) / size, ends


def _time(trade: PublicTrade) -> int:
    return trade.time_ns
