"""``engine capture --out FILE``: follow a venue's feed and keep what it tells."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Collection, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from connectors.calendars import calendar
from connectors.capture.writer import CaptureWriter
from engine.cli.assemble import DataChoice, assemble, now_ns
from engine.cli.capture.shared import open_tape
from engine.cli.console import err, out, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.on_venue.warm_up import begin_of
from engine.cli.rules import load_rules
from engine.cli.source_watch import Sources
from engine.cli.sources import wanted_sources
from engine.cli.venue import ask_venue, must_find
from engine.cli.venues import VenueName, port_of
from engine.cli.venues.port import FeedWish, LiveFeed, VenueDesk, VenuePort
from engine.execute.live import LOOK_SECONDS, PULSE_NS
from engine.market.instrument import Instrument
from engine.market.venue import PastBars
from engine.plan.lookback import Lookback
from engine.settings import Settings

NANOS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which markets; where nothing is named, those of the packs that a run would take."""

    packs: tuple[str, ...]
    symbols: tuple[str, ...]
    series: tuple[str, ...]


class _Followed(NamedTuple):
    """``facts``: those that the packs read; ``sources``: those of signals."""

    symbols: list[str]
    facts: Collection[str]
    sources: Sources


def capture(
    settings: Settings, venue: VenueName, path: Path, wanted: Wanted, cycles: int | None, interval: float,
    as_json: bool,
) -> int:  # fmt: skip
    """Capture until Ctrl-C or for ``cycles`` of ``interval`` seconds."""
    port, followed = port_of(settings, venue), _followed(settings, venue, wanted)
    report = ask_venue(lambda: _capture(port, path, followed, wanted, cycles, interval, as_json))
    if as_json:
        print_json(report)
    else:
        counts = ", ".join(f"{count} {name}" for name, count in report["counts"].items())
        markets, cycles = len(report["markets"]), report["cycles"]
        print(f"{path}: {counts} of {markets} markets in {cycles} cycles; {report['bytes']} bytes")
    return ExitCode.GOOD


def _followed(settings: Settings, venue: VenueName, wanted: Wanted) -> _Followed:
    symbols, facts, names = list(wanted.symbols), frozenset[str](), list[str]()
    if wanted.packs or not (wanted.symbols or wanted.series):
        ruleset = load_rules(settings.rules.paths, wanted.packs or settings.engine.packs, venue).ruleset
        market = settings.market
        assembly = assemble(settings, ruleset, DataChoice("simulated", None, (), None, None, market.seed, market.days))
        symbols += assembly.plan_symbols
        facts, names = assembly.fact_names(), wanted_sources(ruleset)
    elif settings.signals.alpha.exists():
        names = ["alpha"]
    return _Followed(symbols, facts, Sources.named(names, settings))


async def _capture(
    port: VenuePort, path: Path, followed: _Followed, wanted: Wanted, cycles: int | None, interval: float, quiet: bool
) -> dict[str, Any]:
    sources = followed.sources
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(port.connected())
        await sources.show(desk)
        # Packs that trade on signals look at what their sources list.
        told = {t for listed in sources.listed().values() for t in listed} if wanted.packs else set()
        listed = await desk.find(told)
        markets = listed | await _markets(desk, followed.symbols, wanted.series, bool(listed))
        sources.follow({watched.name: list(markets) for watched in sources.watched}, err().print, err().print)
        tape = stack.enter_context(open_tape(path, port.place, "engine capture"))
        wish = FeedWish(followed.facts, False, tape, sources.pulse, await _past(desk, markets))
        feed = await stack.enter_async_context(desk.feed(markets, wish))
        follower = _Follower(feed, tape, cycles, interval, quiet)
        await follower.run(sources.keep(desk, err().print))
        tape.end({"cycles": follower.cycles})
        return {
            "capture": path, "markets": list(markets), "cycles": follower.cycles, "counts": dict(tape.counts),
            "bytes": path.stat().st_size,
        }  # fmt: skip


async def _past(desk: VenueDesk, markets: Mapping[str, Instrument]) -> PastBars | None:
    """As much of the time before as the venue tells: rules that are asked later may look back far."""
    if not desk.past_sessions:
        return None
    far = Lookback(sessions=desk.past_sessions)
    calendars = {calendar(instrument.calendar) for instrument in markets.values()}
    since_ns = min(begin_of(each, now_ns(), far, desk.past_sessions) for each in calendars)
    past = await desk.past(markets, since_ns)
    err().print(f"read {len(past.bars)} bars of the time before, of {len(markets) - len(past.missing)} symbol(s)")
    for symbol, why in sorted(past.missing.items()):
        err().print(f"{symbol}: its past could not be read ({why})", markup=False)
    return past


async def _markets(
    desk: VenueDesk, tickers: Collection[str], series: Collection[str], others: bool
) -> dict[str, Instrument]:
    """``others``: whether there are markets beside these."""
    found = await must_find(desk, set(tickers)) if tickers else {}
    for name in series:
        listed = [market.ticker for market in await desk.open_markets([name])]
        if not listed:
            raise UserError(f"the venue has no open market in the series {name}")
        found |= await desk.find(listed)
    if not found and not others:
        raise UserError("there is no market to capture: name some with --symbols or --series")
    return found


class _Follower:
    """Listens as a run does, with a pulse every second, and asks no rule."""

    def __init__(
        self, feed: LiveFeed, tape: CaptureWriter, most: int | None, interval: float, quiet: bool
    ) -> None:
        self.cycles = 0
        self._feed, self._tape, self._most, self._quiet = feed, tape, most, quiet
        self._interval_ns = int(interval * NANOS)

    async def run(self, beside: Coroutine[Any, Any, None]) -> None:
        """Until the last cycle, Ctrl-C or a polite kill; VenueError when the stream cannot go on.

        ``beside`` is work that goes on meanwhile.
        """
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        terms = self._feed.keep_terms(lambda words: err().print(words))
        works = (self._beat(), self._pump(), terms, self._beside(beside), stop.wait())
        tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        await work
        await asyncio.Event().wait()  # where there is no work, it goes on all the same

    async def _pump(self) -> None:
        while True:
            await self._feed.batch()

    async def _beat(self) -> None:
        pulse_ns, cycle_ns = 0, now_ns() + self._interval_ns
        self._feed.behind()
        while self._most is None or self.cycles < self._most:
            await asyncio.sleep(LOOK_SECONDS)
            now = now_ns()
            if now >= pulse_ns:
                pulse_ns = now + PULSE_NS
                self._feed.pulse(now)
                self._feed.behind()
            if now >= cycle_ns:
                cycle_ns += self._interval_ns
                self._cycle()

    def _cycle(self) -> None:
        self.cycles += 1
        if not self._quiet:
            of = f" of {self._most}" if self._most is not None else ""
            counts = ", ".join(f"{count} {name}" for name, count in self._tape.counts.items())
            out().print(f"cycle {self.cycles}{of}: {counts} so far")
