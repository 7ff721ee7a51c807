"""Options figures as a source of signals: looks at the chain of each symbol at an interval and tells the facts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from connectors.polygon.errors import PolygonError
from connectors.polygon.models import ContractSnapshot
from connectors.polygon.options import Figure, Volumes, expirations, figures, unknown, volumes_of
from connectors.polygon.rest import ChainFilter
from connectors.polygon.tickers import ticker_of
from engine.market.events import Observation
from engine.market.signals import MarketListing

NANOS = 1_000_000_000
STALE_INTERVALS = 3
STRIKE_SHARE = Decimal("0.1")  # strikes within a tenth of the price
LEAST_SECONDS = 1.0


class Chains(Protocol):
    """What reads chains: ``connectors.polygon.rest.PolygonRest``."""

    async def chain(self, underlying: str, wanted: ChainFilter | None = None) -> list[ContractSnapshot]:
        """All contracts that the filter lets through."""
        ...


@dataclass(frozen=True, slots=True)
class OptionsSettings:
    """``interval``: seconds between two looks at a chain; ``days``: how far away an expiration still counts."""

    interval: float = 60.0
    days: int = 7

    @property
    def stale_ns(self) -> int:
        """After so long without a new snapshot nothing is known."""
        return int(self.interval * STALE_INTERVALS * NANOS)


@dataclass(slots=True)
class _Seen:
    """The last snapshot of a symbol. ``centre``: the price around which strikes are looked at, so that the volumes of
    two snapshots are of the same contracts; None while the price is not known."""

    time_ns: int
    figures: dict[str, Figure]
    volumes: Volumes | None
    centre: Decimal | None


class OptionsSource:
    """Implements ``engine.market.signals.SignalSource``: the facts ``options.*`` of the symbols that a run follows.

    ``clock`` is the market's time in UTC nanoseconds, ``sleep`` sleeps seconds of it. A chain that cannot be read
    keeps its last figures for three intervals; then they are unknown, with the reason.
    """

    name = "options"
    series: Collection[str] = ()

    def __init__(
        self,
        rest: Chains,
        symbols: Collection[str],
        settings: OptionsSettings,
        clock: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rest, self._settings, self._clock, self._sleep = rest, settings, clock, sleep
        self._symbols = list(dict.fromkeys(symbols))
        self._tell: Callable[[str], None] = lambda words: None
        self._seen: dict[str, _Seen] = {}
        self._why: dict[str, str] = {}
        self._told: dict[str, dict[str, Figure]] = {}
        self._told_of: dict[str, int] = {}

    def show(self, listed: Sequence[MarketListing], now_ns: int) -> None:
        """Chains are found by symbol; nothing needs to be shown."""

    @property
    def tickers(self) -> Collection[str]:
        """The symbols whose chains are looked at."""
        return self._symbols

    def follow(self, symbols: Collection[str], tell: Callable[[str], None]) -> None:
        """Look at the chains of these from now on."""
        self._symbols, self._tell = list(dict.fromkeys(symbols)), tell

    @property
    def unseen(self) -> Collection[str]:
        """None: the symbols are those of the run."""
        return ()

    def pulse(self, now_ns: int) -> Sequence[Observation]:
        """Figures of new snapshots, whole; and those that have become unknown."""
        found: list[Observation] = []
        for symbol in self._symbols:
            known, of_ns = self._now(symbol, now_ns)
            told = self._told.get(symbol)
            if told is None or known != told or of_ns != self._told_of.get(symbol):
                self._told[symbol], self._told_of[symbol] = known, of_ns
                found += [Observation(symbol, now_ns, name, f.value, f.reason) for name, f in known.items()]
        return found

    def forget(self) -> None:
        """Tell everything anew, as to a listener who has heard nothing yet."""
        self._told.clear()

    def _now(self, symbol: str, now_ns: int) -> tuple[dict[str, Figure], int]:
        seen, why = self._seen.get(symbol), self._why.get(symbol, "")
        if seen is None:
            return unknown(why or "the options chain has not been read yet"), 0
        if now_ns - seen.time_ns > self._settings.stale_ns:
            return unknown(f"the last options chain is old{': ' + why if why else ''}"), 0
        return seen.figures, seen.time_ns

    async def keep(self) -> None:
        """Look at each chain at the interval, until it is cancelled."""
        while True:
            began = self._clock()
            for symbol in list(self._symbols):
                await self.look(symbol)
            spent = (self._clock() - began) / NANOS
            await self._sleep(max(LEAST_SECONDS, self._settings.interval - spent))

    async def look(self, symbol: str) -> None:
        """Read one chain now. What fails is told once, and kept as the reason of what becomes unknown."""
        first, last = expirations(self._clock(), self._settings.days)
        before = self._seen.get(symbol)
        centre = before.centre if before else None
        try:
            chain = await self._rest.chain(ticker_of(symbol), ChainFilter(first, last, *_strikes(centre)))
        except PolygonError as error:
            self._failed(symbol, error)
            return
        now_ns = self._clock()
        self._why.pop(symbol, None)
        price = next((p for c in chain if (p := c.underlying_asset.price or c.underlying_asset.value)), None)
        if centre is None:
            centre = price
            chain = [c for c in chain if price is None or abs(c.details.strike_price - price) <= price * STRIKE_SHARE]
        told = before.volumes if before else None
        if price is not None and centre is not None and abs(price - centre) > centre * STRIKE_SHARE / 2:
            centre = None  # the next look chooses its strikes anew
        volumes = volumes_of(chain, now_ns)
        self._seen[symbol] = _Seen(now_ns, figures(chain, now_ns, told), volumes if centre else None, centre)

    def _failed(self, symbol: str, error: PolygonError) -> None:
        words = str(error)
        if self._why.get(symbol) != words:
            self._tell(f"options of {symbol}: {words}")
        self._why[symbol] = words


def _strikes(price: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """The strikes to look at; all of them until the price is known."""
    if price is None:
        return None, None
    return price * (1 - STRIKE_SHARE), price * (1 + STRIKE_SHARE)
