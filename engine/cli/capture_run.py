"""``engine capture --out FILE``: follow a venue's feed and keep what it tells."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Collection, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.alpha.file import Alpha
from connectors.alpha.watch import AlphaWatch
from connectors.capture.writer import CaptureWriter
from connectors.kalshi.client import KalshiRest
from connectors.kalshi.errors import KalshiError
from connectors.kalshi.models.markets import Market
from connectors.kalshi.rest.markets import MarketFilter
from connectors.kalshi.rest.paging import collect
from connectors.kalshi.source import KalshiFeed, find_markets
from engine.cli.alpha import load, signals_for
from engine.cli.assemble import now_ns
from engine.cli.captures import open_tape
from engine.cli.console import err, out, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.rules import load_rules
from engine.cli.venue import Exchange, ask_venue, connected, exchange_of, markets_of, stream_of
from engine.execute.live import LOOK_SECONDS, PULSE_NS
from engine.market.venue import VenueError
from engine.settings import Settings

NANOS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which markets; where nothing is named, those of the packs that a run would take."""

    packs: tuple[str, ...]
    symbols: tuple[str, ...]
    series: tuple[str, ...]


def capture(
    settings: Settings, path: Path, wanted: Wanted, cycles: int | None, interval: float, as_json: bool
) -> int:
    """Capture until Ctrl-C or for ``cycles`` of ``interval`` seconds."""
    tickers, signals = list(wanted.symbols), None
    if wanted.packs or not (wanted.symbols or wanted.series):
        ruleset = load_rules(settings.rules.paths, wanted.packs or settings.engine.packs).ruleset
        tickers += sorted({s for pack in ruleset.packs.values() for rule in pack.strategies for s in rule.universe})
        signals = signals_for(settings, ruleset, simulated=False, needed=True)
    elif settings.signals.alpha.exists():
        signals = load(settings.signals.alpha)
    exchange = exchange_of(settings)
    report = ask_venue(
        lambda: _capture(exchange, path, tickers, wanted, settings.signals.alpha, signals, cycles, interval, as_json)
    )
    if as_json:
        print_json(report)
    else:
        counts = ", ".join(f"{count} {name}" for name, count in report["counts"].items())
        markets, cycles = len(report["markets"]), report["cycles"]
        print(f"{path}: {counts} of {markets} markets in {cycles} cycles; {report['bytes']} bytes")
    return ExitCode.GOOD


async def _capture(
    exchange: Exchange, path: Path, tickers: Collection[str], wanted: Wanted, signal_file: Path, signals: Alpha | None,
    cycles: int | None, interval: float, quiet: bool,
) -> dict[str, Any]:  # fmt: skip
    async with AsyncExitStack() as stack:
        rest = await stack.enter_async_context(connected(exchange))
        # Packs that trade on signals look at what the file lists.
        listed = await find_markets(rest, signals.signals) if signals is not None and wanted.packs else {}
        markets = listed | await _markets(rest, tickers, wanted.series, bool(listed))
        watch = AlphaWatch(signal_file, list(markets), signals, err().print) if signals is not None else None
        tape = stack.enter_context(open_tape(path, exchange.name, "engine capture"))
        stream = stream_of(exchange)
        pulse = watch.pulse if watch is not None else lambda now: []
        feed = KalshiFeed(rest, stream, markets.values(), (), now_ns, account=False, tape=tape, signals=pulse)
        await feed.read_terms()
        await stack.enter_async_context(stream)
        follower = _Follower(feed, tape, cycles, interval, quiet)
        await follower.run()
        tape.end({"cycles": follower.cycles})
        return {
            "capture": path, "markets": list(markets), "cycles": follower.cycles, "counts": dict(tape.counts),
            "bytes": path.stat().st_size,
        }  # fmt: skip


async def _markets(
    rest: KalshiRest, tickers: Collection[str], series: Collection[str], others: bool
) -> dict[str, Market]:
    """``others``: whether there are markets beside these."""
    found = await markets_of(rest, sorted(set(tickers))) if tickers else {}
    try:
        for name in series:
            listed = await collect(rest.markets.markets(MarketFilter(series_ticker=name, status="open")))
            if not listed:
                raise UserError(f"the venue has no open market in the series {name}")
            found |= {market.ticker: market for market in listed}
    except KalshiError as error:
        raise VenueError(str(error)) from error
    if not found and not others:
        raise UserError("there is no market to capture: name some with --symbols or --series")
    return found


class _Follower:
    """Listens as a run does, with a pulse every second, and asks no rule."""

    def __init__(
        self, feed: KalshiFeed, tape: CaptureWriter, most: int | None, interval: float, quiet: bool
    ) -> None:
        self.cycles = 0
        self._feed, self._tape, self._most, self._quiet = feed, tape, most, quiet
        self._interval_ns = int(interval * NANOS)

    async def run(self) -> None:
        """Until the last cycle, Ctrl-C or a polite kill; VenueError when the stream cannot go on."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        terms = self._feed.keep_terms(lambda words: err().print(words))
        work: tuple[Coroutine[Any, Any, Any], ...] = (self._beat(), self._pump(), terms, stop.wait())
        tasks = [asyncio.ensure_future(one) for one in work]
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

    async def _pump(self) -> None:
        while True:
            await self._feed.batch()

    async def _beat(self) -> None:
        pulse_ns, cycle_ns = 0, now_ns() + self._interval_ns
        while self._most is None or self.cycles < self._most:
            await asyncio.sleep(LOOK_SECONDS)
            now = now_ns()
            if now >= pulse_ns:
                pulse_ns = now + PULSE_NS
                self._feed.pulse(now)
            if now >= cycle_ns:
                cycle_ns += self._interval_ns
                self._cycle()

    def _cycle(self) -> None:
        self.cycles += 1
        if not self._quiet:
            of = f" of {self._most}" if self._most is not None else ""
            counts = ", ".join(f"{count} {name}" for name, count in self._tape.counts.items())
            out().print(f"cycle {self.cycles}{of}: {counts} so far")
