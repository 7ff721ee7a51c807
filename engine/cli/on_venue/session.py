"""One run on a venue: what a paper and a live one share, from the first line of the store to the closing note."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.notify.notifier import Notifier
from engine.cli.assemble import Assembly, now_ns
from engine.cli.beside import Alone, Beside
from engine.cli.capture.shared import ended_note
from engine.cli.collector import keep_what_is_there
from engine.cli.conditions import START, conditions_of, encode_start
from engine.cli.console import err, out, print_json
from engine.cli.dry_run import DRY_RUN, WouldBe
from engine.cli.errors import ExitCode
from engine.cli.gate.evidence import INPUTS, inputs_of
from engine.cli.notices import NoticeRecorder, tell_alert
from engine.cli.on_venue.lasting import keep_rules, paper_book, went_on
from engine.cli.on_venue.warm_up import tell_unknown
from engine.cli.rules import LoadedRules
from engine.cli.source_watch import Sources
from engine.cli.sources import SOURCES, PackLines, asking
from engine.cli.tracing import TracePrinter
from engine.cli.venue import where
from engine.cli.venues.port import LiveFeed, VenueDesk, VenuePort
from engine.cli.version import __version__
from engine.decide.tick import Decider
from engine.execute.halt import KillSwitch
from engine.execute.journal import JournalRecorder
from engine.execute.live import LiveRun
from engine.execute.loop import Loop, Recorder
from engine.execute.resume import Start, orphans
from engine.execute.unsure import UnsureExits
from engine.market.events import MarketEvent, Tick
from engine.market.venue import PastBars
from engine.report.tables import print_report
from engine.research.backtest import Described, result_of
from engine.research.recorder import StatisticsRecorder, open_positions
from state import Mode, RunWriter, Store

if TYPE_CHECKING:
    from connectors.capture.writer import CaptureWriter

CONNECTED = "connected"  # what a live run says when all is well


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line. ``fuse``: contracts within 15 seconds that blow the venue-side fuse, None
    where the venue has none; ``capture``: the file that keeps what the feed tells; ``dry``: on paper, no order is even
    filled."""

    live: bool
    accepted: bool
    level: str
    fuse: Decimal | None
    once: bool
    as_json: bool
    capture: Path | None = None
    dry: bool = False


class VenueSession:
    """A run with its rules put together and its markets found. ``relisted``: it ends because sources list others."""

    def __init__(
        self, assembly: Assembly, rules: LoadedRules, wish: Wish, port: VenuePort, store: Store, sources: Sources,
        desk: VenueDesk, stop: asyncio.Event, notifier: Notifier,
    ) -> None:  # fmt: skip
        self.assembly, self.rules, self.wish, self.port, self.store = assembly, rules, wish, port, store
        self.settings, self.sources, self.desk, self.stop = assembly.settings, sources, desk, stop
        # A dry run begins with nothing and leaves nothing behind.
        self.book = None if wish.dry else port.account if wish.live else paper_book(port)
        self.would_be: WouldBe | None = None
        self._lines: list[PackLines] = []
        self._notifier, self._notify = notifier, tell_alert(notifier, where(port))
        self._service: Alone | Beside = Alone()
        self.tape: CaptureWriter | None = None
        self.unlisted: frozenset[str] = frozenset()  # of the sources' markets, those that the venue does not have
        self.halted = self.relisted = False

    # -- the beginning -------------------------------------------------------------------------------------------------

    def begin(self) -> RunWriter:
        """The run's line in the store."""
        assembly, ruleset, live = self.assembly, self.assembly.ruleset, self.wish.live
        writer = self.store.begin_run(
            str(self.port.mode if live else Mode.PAPER), now_ns(), where(self.port),
            list(ruleset.packs), assembly.plan_symbols, ruleset.sha256, self.rules.files, assembly.parameters,
            {s.key: s.universe for s in ruleset.strategies}, assembly.execution, __version__,
            conditions=conditions_of(assembly), cash=None if live else self.settings.paper.cash,
            venue=self.port.venue if live else "paper", book=self.book,
        )  # fmt: skip
        writer.snapshot(now_ns(), INPUTS, self._inputs())
        writer.flush()
        return writer

    def follow_sources(self, writer: RunWriter) -> None:
        """From now on the sources tell what they know of the markets of this run."""
        wanted = {w.name: self.assembly.reading(f"{w.name}.") for w in self.sources.watched}
        alert = self.alerter(writer)
        self.sources.follow(wanted, self.teller(writer, "signals"), lambda words: alert("signals", words))

    def begun(self, writer: RunWriter, decider: Decider, start: Start, kept: Start) -> None:
        """Say what the run goes on with, and keep it, so that it can be decided again; from now on also what is to go
        on after it."""
        for strategy, symbol in orphans(decider, start):
            words = f"{strategy} holds {symbol}, which today's rules cannot: only its stop and target look after it"
            self.alerter(writer)("orphan", words)
        told = went_on(decider)
        if told:
            err().print(told)
        equity = Decimal(repr(decider.context.portfolio.equity()))
        writer.snapshot(now_ns(), INPUTS, {**self._inputs(), "cash": str(equity)})
        writer.snapshot(now_ns(), START, encode_start(kept))
        keep_rules(decider, writer)
        writer.flush()

    def warm_up(self, run: LiveRun, past: PastBars | None, decider: Decider, writer: RunWriter) -> None:
        """Give the rules the bars of the time before; say what of them is unknown all the same."""
        if past is not None:
            run.begin_after(past)
            tell_unknown(
                decider, past.missing, self.assembly.plan_symbols, self.assembly.timezone,
                self.teller(writer, "warm-up"),
            )  # fmt: skip
            writer.flush()

    def _inputs(self) -> dict[str, object]:
        dry = {DRY_RUN: True} if self.wish.dry else {}
        return {**inputs_of(self.assembly), "source": where(self.port), **dry}

    # -- while it goes on ----------------------------------------------------------------------------------------------

    def recorders(self, writer: RunWriter, statistics: StatisticsRecorder) -> list[Recorder]:
        """Who hears of every decision."""
        recorders: list[Recorder] = [JournalRecorder(writer, self.settings.trace.keep), statistics]
        if self.wish.level != "none":
            recorders.append(TracePrinter(self.wish.level, self.assembly.timezone))
        told = self._pack_lines()
        self._lines = list(told.values())
        if self.wish.dry:
            self.would_be = WouldBe(self.assembly.timezone, self._say, list(told))
            recorders.append(self.would_be)
        else:
            recorders.append(NoticeRecorder(self._notifier, f"{where(self.port)}, {self._kind}"))
            recorders.append(UnsureExits(self.teller(writer, "exit")))
        return [*recorders, *self._lines]

    @property
    def _kind(self) -> str:
        return "live" if self.wish.live else "paper"

    def _pack_lines(self) -> dict[str, PackLines]:
        """Recorders of packs that tell of themselves, by pack."""
        found: dict[str, PackLines] = {}
        for watched in self.sources.watched:
            lines = SOURCES[watched.name].lines
            if lines is not None:
                for pack in dict.fromkeys(s.pack for s in asking(self.assembly.ruleset, watched.name)):
                    found[pack] = lines(pack, watched.source, self._say, self.assembly.timezone, self.wish.dry)
        return found

    def _say(self, line: str) -> None:
        """To standard output, unless that is for JSON alone."""
        (err() if self.wish.as_json else out()).print(line, markup=False, highlight=False, soft_wrap=True)

    def switch(self, decider: Decider, writer: RunWriter) -> KillSwitch:
        """The halts in force, and those to come."""
        standing = self.store.halts.standing(writer.book.name, now_ns())
        tell = self.teller(writer, "halt")

        def told(words: str) -> None:
            self.halted = True
            tell(words)

        return KillSwitch(standing, self.store.halts.look, decider, writer, told)

    def service(self, writer: RunWriter, decider: Decider) -> Alone | Beside:
        """What stands beside the run: events, figures, wishes that come by the service."""
        if not self.wish.dry:
            mode = str(self.port.mode if self.wish.live else Mode.PAPER)
            tell = self.teller(writer, "service")
            self._service = Beside(self.settings, self.store, writer, decider, mode, tell)
        return self._service

    def before_tick(self, writer: RunWriter, decider: Decider, service: Alone | Beside) -> Callable[[], None]:
        """Obey the kill switch, then take what people ask for."""
        switch = self.switch(decider, writer)

        def act() -> None:
            switch.check()
            service.before_tick()

        return act

    def every_second(self, writer: RunWriter, service: Alone | Beside) -> Callable[[], None]:
        """Keep what has happened; end the run when there are other markets to look at."""
        asked = self.assembly.data.symbols

        def act() -> None:
            writer.flush()
            service.every_second()
            others = self.sources.relisting(self.unlisted, asked)
            if others and not self.stop.is_set():
                self.relisted = True
                err().print(f"{' and '.join(others)} lists other markets: the run goes on as a new one")
                self.stop.set()

        return act

    async def beside(self, feed: LiveFeed, writer: RunWriter) -> None:
        """What goes on beside the ticks."""
        scans = self.sources.keep(self.desk, self.teller(writer, "signals"))
        await asyncio.gather(feed.keep_terms(self.teller(writer, "terms")), scans)

    async def until_stopped(self, run: LiveRun, feed: LiveFeed) -> float:
        """Until somebody says stop, or one look; returns how long it went on, in seconds."""
        keep_what_is_there()
        began = time.perf_counter()
        with stopping(self.stop):
            await (run.once(self.stop, _Everything(feed, self.sources)) if self.wish.once else run.run(self.stop))
        return time.perf_counter() - began

    # -- what is said --------------------------------------------------------------------------------------------------

    def teller(self, writer: RunWriter, kind: str, news: str = "") -> Callable[[str], None]:
        """Said at once, kept as an alert and told to people: somebody will look for the reason. ``news`` is good, and
        only said."""

        def tell(text: str) -> None:
            err().print(text)
            if text != news:
                writer.alert(now_ns(), "warning", kind, text)
                self._notify(kind, text)

        return tell

    def alerter(self, writer: RunWriter) -> Callable[[str, str], None]:
        """As ``teller``, for what needs somebody now; of the kind that is told with it."""

        def alert(kind: str, text: str) -> None:
            err().print(f"{kind}: {text}")
            writer.alert(now_ns(), "error", kind, text)
            self._notify(kind, text)

        return alert

    # -- the end -------------------------------------------------------------------------------------------------------

    def report(
        self, statistics: StatisticsRecorder, loop: Loop, writer: RunWriter, seconds: float, extra: dict[str, Any]
    ) -> int:
        """Print and keep what the run came to."""
        # Fills may have come since the last tick: the account once more, as it is now.
        over = Tick(max(now_ns(), statistics.ended_ns), ())
        for recorder in loop.recorders:
            recorder.ticks((over,), (loop.decider.context.portfolio.equity(),), loop.decider)
        for lines in self._lines:
            lines.close()
        assembly = self.assembly
        if self.tape is not None:
            self.tape.end(ended_note(writer.run_id, loop.hash.hexdigest(), halted=self.halted))
        described = Described(
            ", ".join(assembly.ruleset.trading), where(self.port), assembly.describe_parameters(),
            assembly.timezone, loop.decider.context.portfolio.initial_cash,
        )  # fmt: skip
        # The account goes on: what is held is no trade yet.
        held = open_positions(loop.decider)
        result = replace(result_of(statistics, loop, described, seconds, {}), still_open=held)
        told = {} if self.would_be is None else {"would_be": self.would_be.orders_told}
        report = {"run": writer.run_id, **result.to_json(), **extra, **told}
        writer.end("stopped", statistics.ended_ns, report)
        if self.relisted:
            return ExitCode.GOOD  # nothing is waited for: the next run looks after what is held
        self._service.ended()
        if self.wish.as_json:
            print_json(report)
        else:
            print_report(result, out())
            note = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in extra.items())
            out().print(f"\n{note}\nrun {writer.run_id} kept in {self.store.path}")
        return ExitCode.GOOD


@dataclass(frozen=True, slots=True)
class _Everything:
    """The market with the signals beside it, for one look."""

    feed: LiveFeed
    sources: Sources

    def known(self) -> bool:
        return self.feed.known() and self.sources.ready()

    def whole(self, now: int) -> list[MarketEvent]:
        return list(self.feed.whole(now))


@contextmanager
def stopping(stop: asyncio.Event) -> Iterator[None]:
    """Ctrl-C and a polite kill set ``stop``, as long as this lasts."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def statistics_from(writer: RunWriter) -> StatisticsRecorder:
    """Statistics of a run that goes on: what is held was opened by earlier ones."""
    statistics = StatisticsRecorder()
    for fill in writer.book.fills_of_open():
        statistics.book.apply(fill)
    return statistics
