"""The facts of a market's prices, as quotes give them, and those that such data cannot give."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal

from connectors.kalshi.fees import TAKER_RATE
from connectors.kalshi.manifest import KALSHI
from connectors.kalshi.teller import FEE_RATE, TAKER_RATE_NAME
from engine.market.events import MarketEvent, Observation, Quote

NAMES = frozenset(fact.name for fact in KALSHI) | {FEE_RATE}
RATE = float(TAKER_RATE)


def prices(ticker: str, now_ns: int, bid: float | None, ask: float | None, sizes: str) -> list[MarketEvent]:
    """Quote and facts of both sides. ``bid`` and ``ask`` are dollars of YES, None for an empty side; ``sizes`` says why
    they are unknown."""
    empty = "one side of the book is empty"
    both = bid is not None and ask is not None
    mid = (bid + ask) / 2 if bid is not None and ask is not None else None
    told = (
        ("yes.bid", bid, "nobody bids for YES"),
        ("yes.ask", ask, "nobody offers YES"),
        ("yes.mid", mid, empty),
        ("no.bid", _rest(ask), "nobody bids for NO"),
        ("no.ask", _rest(bid), "nobody offers NO"),
        ("no.mid", _rest(mid), empty),
        ("market.spread", _exact(ask) - _exact(bid) if both else None, empty),
        *((f"{side}.{what}_size", None, sizes) for side in ("yes", "no") for what in ("bid", "ask")),
    )
    seen = [
        Observation(ticker, now_ns, name, None if value is None else float(value), "" if value is not None else why)
        for name, value, why in told
    ]
    return [Quote(ticker, now_ns, bid, None, ask, None), *seen]


def trading(ticker: str, now_ns: int) -> list[MarketEvent]:
    """That the market can be traded."""
    told: tuple[tuple[str, str | bool], ...] = (
        ("market.status", "active"), ("market.tradable", True), ("market.why_not", ""),
    )  # fmt: skip
    return [Observation(ticker, now_ns, name, value) for name, value in told]


def charges(ticker: str, now_ns: int) -> list[MarketEvent]:
    """The published fee of takers, which the paper broker charges, too."""
    return [Observation(ticker, now_ns, name, RATE) for name in (TAKER_RATE_NAME, FEE_RATE)]


def untold(ticker: str, now_ns: int, told: Collection[str], names: Iterable[str], why: str) -> list[MarketEvent]:
    """That the other facts are unknown, and why."""
    return [Observation(ticker, now_ns, n, None, why) for n in sorted(set(names) & NAMES - set(told))]


def wanted(events: Iterable[MarketEvent], names: Collection[str], always: Collection[str]) -> list[MarketEvent]:
    """Those events that rules or broker look at."""
    return [e for e in events if not isinstance(e, Observation) or e.name in names or e.name in always]


def _exact(dollars: float | None) -> Decimal:
    return Decimal(repr(dollars))


def _rest(dollars: float | None) -> Decimal | None:
    return None if dollars is None else 1 - _exact(dollars)
