"""Sources of signals beside each other: one that fails is told once, falls silent, and takes no other with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

import pytest

from engine.cli.source_watch import Sources, WatchedSource
from engine.market.events import Observation
from engine.market.signals import MarketListing
from engine.market.venue import VenueError


class Told:
    """A source that says one number of each market and fails where it is told to."""

    def __init__(self, name: str, fails: str = "") -> None:
        self.name, self.fails = name, fails
        self.series: Collection[str] = (f"KX{name.upper()}",)
        self.listed: list[str] = []
        self._symbols: Collection[str] = ()

    def show(self, listed: Sequence[MarketListing], now_ns: int) -> None:
        self._perhaps("show")
        self.listed = [market.ticker for market in listed]

    @property
    def tickers(self) -> Collection[str]:
        return self.listed

    def follow(self, symbols: Collection[str], tell: Callable[[str], None]) -> None:
        self._perhaps("follow")
        self._symbols = symbols

    @property
    def unseen(self) -> Collection[str]:
        return [ticker for ticker in self.listed if ticker not in self._symbols]

    def pulse(self, now_ns: int) -> Sequence[Observation]:
        self._perhaps("pulse")
        return [Observation(symbol, now_ns, f"{self.name}.fair", 0.5) for symbol in self._symbols]

    async def keep(self) -> None:
        await asyncio.sleep(0)
        self._perhaps("keep")

    def _perhaps(self, what: str) -> None:
        if self.fails == what:
            raise RuntimeError(f"{what} went wrong")


class Desk:
    """Lists one market of every series; ``down``: the venue does not answer."""

    def __init__(self) -> None:
        self.down = False
        self.number = 1

    async def open_markets(self, series: Collection[str]) -> list[MarketListing]:
        if self.down:
            raise VenueError("the venue is down")
        return [
            MarketListing(f"{name}-{n}", name, name, "", "", "", 0, 1) for name in series for n in range(self.number)
        ]


def both(dice: Told, chess: Told) -> Sources:
    return Sources(WatchedSource(source, scan_seconds=60.0) for source in (dice, chess))


def begin(sources: Sources, desk: Desk, alerts: list[str]) -> dict[str, list[str]]:
    asyncio.run(sources.show(desk))  # type: ignore[arg-type]
    listed = sources.listed()
    sources.follow(listed, alerts.append, alerts.append)
    return listed


def test_every_source_lists_its_own_and_tells_its_own() -> None:
    sources, alerts = both(Told("dice"), Told("chess")), list[str]()
    assert begin(sources, Desk(), alerts) == {"dice": ["KXDICE-0"], "chess": ["KXCHESS-0"]}
    assert [(o.symbol, o.name) for o in sources.pulse(1)] == [
        ("KXDICE-0", "dice.fair"), ("KXCHESS-0", "chess.fair"),
    ]  # fmt: skip
    assert not alerts


@pytest.mark.parametrize("where", ["show", "follow", "keep", "pulse"])
def test_a_source_that_raises_stops_alone_and_is_told_once(where: str) -> None:
    dice, chess = Told("dice"), Told("chess")
    sources, alerts, desk = both(dice, chess), list[str](), Desk()
    if where in ("show", "follow"):
        dice.fails = where
    begin(sources, desk, alerts)
    before = sources.pulse(1)
    dice.fails = where
    asyncio.run(sources.watched[0].keep())
    after = sources.pulse(2) + sources.pulse(3)
    assert [o for o in after if o.name == "chess.fair" and o.value == 0.5], "the other one goes on"
    unknown = [o for o in after if o.name == "dice.fair"]
    if any(o.name == "dice.fair" for o in before):
        assert [(o.symbol, o.time_ns, o.value) for o in unknown] == [("KXDICE-0", 2, None)], "unknown, said once"
        assert "went wrong" in unknown[0].reason
    else:
        assert not unknown, "it never said anything"
    assert len(alerts) == 1
    assert "the source dice failed" in alerts[0]
    assert f"{where} went wrong" in alerts[0]
    again = sources.anew()
    dice.fails = ""
    begin(again, desk, alerts)
    assert any(o.name == "dice.fair" and o.value == 0.5 for o in again.pulse(4)), "the next run tries it again"


def test_markets_that_are_listed_later_end_the_run_unless_nobody_asked_for_them() -> None:
    sources, desk = both(Told("dice"), Told("chess")), Desk()
    begin(sources, desk, [])
    assert sources.relisting((), ()) == []
    desk.number = 2
    asyncio.run(sources.show(desk))  # type: ignore[arg-type]
    assert sources.relisting((), ()) == ["the source dice", "the source chess"]
    assert sources.relisting(("KXDICE-1",), ()) == ["the source chess"], "the venue does not have it"
    assert sources.relisting((), ("KXDICE-0",)) == []


def test_a_venue_that_is_down_is_told_and_asked_again() -> None:
    sources, desk, told = both(Told("dice"), Told("chess")), Desk(), list[str]()
    begin(sources, desk, [])
    desk.down = True
    waits = 0

    async def sleep(seconds: float) -> None:
        nonlocal waits
        waits += 1
        if waits > 4:
            await asyncio.Event().wait()
        desk.down = waits <= 2
        desk.number = 3

    async def go() -> None:
        kept = asyncio.ensure_future(sources.keep(desk, told.append, sleep))  # type: ignore[arg-type]
        while not sources.relisting((), ()):
            await asyncio.sleep(0)
        kept.cancel()

    asyncio.run(go())
    assert told
    assert all("could not be read: the venue is down" in words for words in told)
