"""The signal file as a source of signals: it lists the markets that its rows name, and is looked at once a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from connectors.alpha.file import Alpha
from connectors.alpha.watch import AlphaWatch
from engine.market.events import Observation
from engine.market.signals import MarketListing


class AlphaSource:
    """Implements ``engine.market.signals.SignalSource``. ``first`` is what the file at ``path`` said when it was read.

    It knows its tickers itself, so that it wants to be shown no market.
    """

    name = "alpha"
    series: Collection[str] = ()

    def __init__(self, path: Path, first: Alpha) -> None:
        self._path, self._first = path, first
        self._watch: AlphaWatch | None = None

    def show(self, listed: Sequence[MarketListing], now_ns: int) -> None:
        """Nothing of it is needed."""

    @property
    def tickers(self) -> Collection[str]:
        """The markets of the rows in force."""
        return (self._first if self._watch is None else self._watch.alpha).signals

    def follow(self, symbols: Collection[str], tell: Callable[[str], None]) -> None:
        """From now on the file is looked at."""
        self._first = self._first if self._watch is None else self._watch.alpha
        self._watch = AlphaWatch(self._path, symbols, self._first, tell)

    @property
    def unseen(self) -> Collection[str]:
        """Markets that the file lists and that are not followed."""
        return () if self._watch is None else self._watch.unseen

    def pulse(self, now_ns: int) -> Sequence[Observation]:
        """A new file, a signal whose time has come, one that expired."""
        return () if self._watch is None else self._watch.pulse(now_ns)

    async def keep(self) -> None:
        """A file needs no work beside the run."""
        await asyncio.Event().wait()
