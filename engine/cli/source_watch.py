"""The sources of signals of one run, kept apart from each other: a fault of one is told once and stays its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from engine.cli.clock import now_ns, sleep
from engine.cli.sources import SOURCES
from engine.cli.venues.port import VenueDesk
from engine.market.events import Observation
from engine.market.signals import Prepared, SignalSource
from engine.market.venue import VenueError
from engine.settings import Settings

T = TypeVar("T")
Tell = Callable[[str], None]
Sleep = Callable[[float], Awaitable[None]]


def _nobody(words: str) -> None:
    pass


class WatchedSource:
    """A source whose faults end it and nothing else.

    After one, ``failed`` says what it was, its facts are told to be unknown, and it is asked no more in this run: its
    rules enter nothing, while exits that need nothing of it go on.
    """

    def __init__(self, source: SignalSource, scan_seconds: float) -> None:
        self.source, self.scan_seconds = source, scan_seconds
        self.name, self.failed = source.name, ""
        self._alert: Tell = _nobody
        self._known: set[tuple[str, str]] = set()

    @property
    def about(self) -> str:
        kind = SOURCES.get(self.name)
        return kind.about if kind is not None else f"the source {self.name}"

    @property
    def series(self) -> Collection[str]:
        return self._try(lambda: self.source.series, ())

    async def show(self, desk: VenueDesk) -> None:
        """Show it the open markets of its series; VenueError when they cannot be read."""
        if self.series:
            listed = await desk.open_markets(self.series)
            self._try(lambda: self.source.show(listed, now_ns()), None)

    @property
    def tickers(self) -> list[str]:
        return self._try(lambda: list(self.source.tickers), [])

    @property
    def unseen(self) -> set[str]:
        return self._try(lambda: set(self.source.unseen), set())

    @property
    def ready(self) -> bool:
        """Whether nothing is to be waited for before one look at the market."""
        source = self.source
        return self._try(lambda: source.ready, True) if isinstance(source, Prepared) else True

    def follow(self, symbols: Collection[str], tell: Tell, alert: Tell) -> None:
        """From now on ``tell`` hears what the source says, and ``alert`` what became of it, also of what was before."""
        self._alert = alert
        if self.failed:
            alert(self.failed)
        self._try(lambda: self.source.follow(symbols, tell), None)

    def pulse(self, now: int) -> Sequence[Observation]:
        nothing: list[Observation] = []
        seen = self._try(lambda: list(self.source.pulse(now)), nothing)
        for one in seen:
            (self._known.discard if one.value is None else self._known.add)((one.symbol, one.name))
        if self.failed:
            seen = [Observation(symbol, now, name, None, self.failed) for symbol, name in sorted(self._known)]
            self._known.clear()
        return seen

    async def keep(self) -> None:
        """Its work beside the run."""
        try:
            if not self.failed:
                await self.source.keep()
        except Exception as error:
            self._fail(error)

    def _try(self, ask: Callable[[], T], otherwise: T) -> T:
        if self.failed:
            return otherwise
        try:
            return ask()
        except Exception as error:
            self._fail(error)
            return otherwise

    def _fail(self, error: Exception) -> None:
        if not self.failed:
            self.failed = (
                f"{self.about} failed ({type(error).__name__}: {error}): what it says is unknown from now on, and its "
                "rules enter nothing until the next run"
            )
            self._alert(self.failed)


class Sources:
    """All sources of a run. They outlive it when it goes on as a new one with other markets."""

    def __init__(self, sources: Iterable[WatchedSource]) -> None:
        self.watched = list(sources)

    @classmethod
    def named(cls, names: Iterable[str], settings: Settings) -> Sources:
        """The sources of these names; UserError where one cannot be made."""
        kinds = [SOURCES[name] for name in names]
        return cls(WatchedSource(kind.make(settings), kind.scan_seconds(settings)) for kind in kinds)

    def anew(self) -> Sources:
        """The same for the next run, in which those that failed are tried again."""
        return Sources(WatchedSource(watched.source, watched.scan_seconds) for watched in self.watched)

    @property
    def scan_seconds(self) -> float | None:
        """How soon other markets may be listed; None where no source is shown any."""
        return min((watched.scan_seconds for watched in self.watched if watched.series), default=None)

    async def show(self, desk: VenueDesk) -> None:
        """Show each what is open; VenueError when that cannot be read."""
        for watched in self.watched:
            await watched.show(desk)

    def listed(self) -> dict[str, list[str]]:
        """Markets by the name of the source that lists them."""
        return {watched.name: watched.tickers for watched in self.watched}

    def follow(self, symbols: Mapping[str, Collection[str]], tell: Tell, alert: Tell) -> None:
        """``symbols`` by the name of the source whose facts of them are wanted."""
        for watched in self.watched:
            watched.follow(symbols.get(watched.name, ()), tell, alert)

    def relisting(self, known: Collection[str], asked: Collection[str]) -> list[str]:
        """In words, the sources that list markets which are not followed. ``known``: those that the venue does not
        have; ``asked``: the only ones that may count, where there are any."""
        return [
            watched.about for watched in self.watched
            if any(ticker not in known and (not asked or ticker in asked) for ticker in watched.unseen)
        ]  # fmt: skip

    def pulse(self, now: int) -> list[Observation]:
        """What has become known by now of all of them."""
        return [seen for watched in self.watched for seen in watched.pulse(now)]

    def ready(self) -> bool:
        """Whether none is to be waited for before one look at the market."""
        return all(watched.ready for watched in self.watched)

    async def keep(self, desk: VenueDesk, tell: Tell, sleep: Sleep = sleep) -> None:
        """Their work beside the run, and their series listed anew now and then; until it is cancelled."""
        works = [work for w in self.watched for work in (w.keep(), _scan(w, desk, tell, sleep))]
        await asyncio.gather(*works)


async def _scan(watched: WatchedSource, desk: VenueDesk, tell: Tell, sleep: Sleep) -> None:
    while watched.series:
        await sleep(watched.scan_seconds)
        try:
            await watched.show(desk)
        except VenueError as error:
            tell(f"the open markets for {watched.about} could not be read: {error}")
