"""``engine run --venue``: the rules on a venue's live market, with the paper broker or with real orders."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Container, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.alpha.file import Alpha
from connectors.alpha.watch import AlphaWatch
from engine.cli.assemble import Assembly, now_ns
from engine.cli.beside import Beside
from engine.cli.captures import begun_note, ended_note, open_tape
from engine.cli.conditions import START, conditions_of, encode_start
from engine.cli.console import err, out, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.evidence import INPUTS, inputs_of
from engine.cli.live import require_permission, typed_on_terminal
from engine.cli.rules import LoadedRules
from engine.cli.startup import log_runtime_mode
from engine.cli.stores import store_of
from engine.cli.tracing import TracePrinter
from engine.cli.venue import (
    Exchange,
    ask_venue,
    connected,
    exchange_of,
    markets_of,
    recovery_settings,
    stream_of,
)
from engine.cli.venue_account import account_note, close, recover
from engine.cli.venue_lasting import carried, go_on, held_in, keep_rules, paper_book, went_on
from engine.cli.version import __version__
from engine.decide.tick import Decider
from engine.execute.broker import VenueBroker
from engine.execute.halt import KillSwitch
from engine.execute.inputs import JournaledBroker
from engine.execute.journal import JournalRecorder
from engine.execute.live import Account, LiveRun
from engine.execute.loop import Loop, Recorder
from engine.execute.recovery import Recovery
from engine.execute.resume import Carried, Start, begin_with, orphans
from engine.market.events import Observation, Tick
from engine.market.venue import VenueError
from engine.report.tables import print_report
from engine.research.backtest import Described, result_of
from engine.research.recorder import StatisticsRecorder, open_positions
from state import Mode, RunWriter, Store, open_store

if TYPE_CHECKING:
    from connectors.capture.writer import CaptureWriter
    from connectors.kalshi.client import KalshiRest
    from connectors.kalshi.models.markets import Market
    from connectors.kalshi.source import KalshiFeed
    from connectors.kalshi.venue import KalshiVenue

CONNECTED = "connected"  # what a live run says when all is well
MakeAssembly = Callable[["Alpha | None", Sequence[str]], Assembly]


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line. ``fuse``: contracts within 15 seconds that blow the venue-side fuse;
    ``capture``: the file that keeps what the feed tells."""

    live: bool
    accepted: bool
    level: str
    fuse: Decimal
    once: bool
    as_json: bool
    capture: Path | None = None


def run_on_venue(make: MakeAssembly, rules: LoadedRules, wish: Wish, alpha: Alpha | None) -> int:
    """Run until Ctrl-C. Orders go out only with every consent; the closing note says what became of them.

    ``make`` puts the run together for signals and for symbols that are held beside them. The markets of a run are
    fixed: when the signal file lists others, the run ends, and a new one goes on where it was.
    """
    assembly = make(alpha, ())
    settings, packs = assembly.settings, assembly.ruleset.trading
    if wish.live:
        allowed = require_permission(
            settings, packs, assembly.parameters, live=True, accepted=wish.accepted, ask=typed_on_terminal()
        )
        err().print(allowed.text)
    exchange = exchange_of(settings)
    mode = exchange.mode if wish.live else Mode.PAPER
    path = store_of(settings, mode)
    log_runtime_mode(settings.kalshi.environment, "live" if wish.live else "paper", exchange.hosts.rest, path, packs)
    while True:
        run = _Run(assembly, rules, wish, exchange, open_store(path, mode), make, alpha)
        code = ask_venue(run.go)
        if not run.relisted or run.watch is None:
            return code
        alpha = run.watch.alpha
        assembly = make(alpha, ())
        err().print("the signal file lists other markets: the run goes on as a new one")


class _Run:
    """One run on a venue, from its markets to its closing note."""

    def __init__(
        self, assembly: Assembly, rules: LoadedRules, wish: Wish, exchange: Exchange, store: Store,
        make: MakeAssembly, alpha: Alpha | None,
    ) -> None:  # fmt: skip
        self.assembly, self.rules, self.wish, self.exchange, self.store = assembly, rules, wish, exchange, store
        self.settings, self.make, self.alpha = assembly.settings, make, alpha
        self.book = exchange.account if wish.live else paper_book(exchange.name)
        self.venue: KalshiVenue | None = None
        self.tape: CaptureWriter | None = None
        self.halted = False
        self.watch: AlphaWatch | None = None
        self.relisted = False  # it ends because the signal file lists other markets
        self._unlisted: set[str] = set()  # of the signals' markets, those that the venue does not have
        self._stop = asyncio.Event()

    async def go(self) -> int:
        async with AsyncExitStack() as stack:
            rest = await stack.enter_async_context(connected(self.exchange))
            markets = await self._markets(rest)
            self._list(markets)
            writer = stack.enter_context(self._begin())
            decider = self.assembly.decider()
            if self.wish.live:
                # What earlier runs hold is looked after, also where today's rules no longer look.
                markets |= await markets_of(rest, self._held(writer, markets))
            if self.wish.capture is not None:
                by, tell = f"run {writer.run_id}", _teller(writer, "capture")
                self.tape = stack.enter_context(open_tape(self.wish.capture, self.exchange.name, by, tell))
            self._watch(writer)
            feed = await self._feed(rest, markets, stack)
            if self.wish.live:
                return await self._live(rest, markets, decider, feed, writer)
            self.assembly.contract_rates = feed.taker_rates
            return await self._paper(decider, feed, writer)

    # -- set-up --------------------------------------------------------------------------------------------------------

    async def _markets(self, rest: KalshiRest) -> dict[str, Market]:
        """The markets of this run. One that only the signal file knows is left out, with a word about it."""
        from connectors.kalshi.source import find_markets

        if self.alpha is None:
            return self._listed(await find_markets(rest, self.assembly.plan_symbols))
        held = held_in(self.store, self.book)
        found = await find_markets(rest, [*self.assembly.plan_symbols, *held])
        self._unlisted = {ticker for ticker in self.alpha.signals if ticker not in found}
        for ticker in sorted(self._unlisted):
            err().print(f"the venue has no market {ticker}; its signal is left out")
        known = {ticker: signal for ticker, signal in self.alpha.signals.items() if ticker in found}
        self.assembly = self.make(replace(self.alpha, signals=known), [s for s in held if s in found])
        if not self.assembly.plan_symbols:
            raise VenueError(f"the venue has none of the markets that {self.settings.signals.alpha} lists")
        found |= await find_markets(rest, [s for s in self.assembly.plan_symbols if s not in found])
        return self._listed(found)

    def _listed(self, found: dict[str, Market]) -> dict[str, Market]:
        """``found``, if it has every market that the rules name."""
        missing = sorted(symbol for symbol in self.assembly.plan_symbols if symbol not in found)
        if missing:
            names, packs = ", ".join(missing[:5]), ", ".join(self.assembly.ruleset.packs)
            raise UserError(
                f"the {self.exchange.name} exchange has no market {names}{' …' if len(missing) > 5 else ''}, which "
                f"{packs} names: correct the universe there, choose packs with --pack, or markets with --symbols"
            )
        return found

    def _watch(self, writer: RunWriter) -> None:
        """From now on the signal file is looked at."""
        if self.alpha is not None:
            path = self.settings.signals.alpha
            self.watch = AlphaWatch(path, self.assembly.plan_symbols, self.alpha, _teller(writer, "signals"))

    def _signals(self, now_ns: int) -> list[Observation]:
        """What has become known of the signals."""
        return self.watch.pulse(now_ns) if self.watch is not None else []

    def _before_tick(self, decider: Decider, writer: RunWriter, beside: Beside) -> Callable[[], None]:
        """Obey the kill switch, then take what people ask for."""
        switch = self._switch(decider, writer)

        def act() -> None:
            switch.check()
            beside.before_tick()

        return act

    def _every_second(self, writer: RunWriter, beside: Beside) -> Callable[[], None]:
        """Keep what has happened; end the run when there are other markets to look at."""
        asked = self.assembly.data.symbols

        def act() -> None:
            writer.flush()
            beside.every_second()
            unseen = self.watch.unseen - self._unlisted if self.watch is not None else ()
            if any(not asked or ticker in asked for ticker in unseen):
                self.relisted = True
                self._stop.set()

        return act

    def _list(self, markets: dict[str, Market]) -> None:
        """What is traded, on the venue's own grids."""
        from connectors.kalshi.source import instrument_of

        self.assembly.lists({ticker: instrument_of(market) for ticker, market in markets.items()}, {})

    def _begin(self) -> RunWriter:
        assembly, ruleset = self.assembly, self.assembly.ruleset
        live = self.wish.live
        writer = self.store.begin_run(
            str(self.exchange.mode if live else Mode.PAPER), now_ns(), f"kalshi {self.exchange.name}",
            list(ruleset.packs), assembly.plan_symbols, ruleset.sha256, self.rules.files, assembly.parameters,
            {s.key: s.universe for s in ruleset.strategies}, assembly.execution, __version__,
            conditions=conditions_of(assembly), cash=None if live else self.settings.paper.cash,
            venue="kalshi" if live else "paper", book=self.book,
        )  # fmt: skip
        writer.snapshot(now_ns(), INPUTS, self._inputs())
        writer.flush()
        return writer

    def _held(self, writer: RunWriter, known: Container[str]) -> list[str]:
        saved = writer.live_orders().load()
        symbols = {intent.order.symbol for intent in saved.intents} | {symbol for _, symbol, _ in saved.positions}
        return sorted(symbol for symbol in symbols if symbol not in known)

    async def _feed(
        self, rest: KalshiRest, markets: dict[str, Market], stack: AsyncExitStack
    ) -> KalshiFeed:
        from connectors.kalshi.source import KalshiFeed

        stream, live = stream_of(self.exchange), self.wish.live
        feed = KalshiFeed(
            rest, stream, markets.values(), self.assembly.fact_names(), now_ns, account=live, charges=not live,
            tape=self.tape, signals=self._signals,
        )  # fmt: skip
        await feed.read_terms()
        await stack.enter_async_context(stream)
        return feed

    def _recorders(self, writer: RunWriter, statistics: StatisticsRecorder) -> list[Recorder]:
        recorders: list[Recorder] = [JournalRecorder(writer, self.settings.trace.keep), statistics]
        if self.wish.level != "none":
            recorders.append(TracePrinter(self.wish.level, self.assembly.timezone))
        return recorders

    def _switch(self, decider: Decider, writer: RunWriter) -> KillSwitch:
        standing = self.store.halts.standing(writer.book.name, now_ns())
        tell = _teller(writer, "halt")

        def told(words: str) -> None:
            self.halted = True
            tell(words)

        return KillSwitch(standing, self.store.halts.look, decider, writer, told)

    # -- paper ---------------------------------------------------------------------------------------------------------

    async def _paper(self, decider: Decider, feed: KalshiFeed, writer: RunWriter) -> int:
        broker, start = go_on(self.assembly, decider, self.store, writer)
        begun = start._replace(carried=Carried(decider.told()))
        self._begun(writer, decider, start, begun)
        if self.tape is not None:
            self.tape.begun(begun_note(self.assembly, writer.run_id, begun, broker, writer.book.fills_of_open()))
        statistics = _statistics_from(writer)
        journal = JournaledBroker(broker, writer)
        beside = Beside(self.settings, self.store, writer, decider, str(Mode.PAPER), _teller(writer, "service"))
        loop = Loop(decider, journal, [*self._recorders(writer, statistics), *beside.recorders])
        run = LiveRun(
            loop, journal, feed, now_ns, pulse=feed.pulse, before_tick=self._before_tick(decider, writer, beside),
            every_second=self._every_second(writer, beside), tell=_teller(writer, "connection", news=CONNECTED),
            beside=lambda: feed.keep_terms(_teller(writer, "terms")),
        )  # fmt: skip
        beside.ready = lambda: run.ready
        seconds = await self._until_stopped(run, feed)
        beside.close()
        return self._report(statistics, loop, writer, seconds, {"connections": run.connections})

    # -- live ----------------------------------------------------------------------------------------------------------

    async def _live(
        self, rest: KalshiRest, markets: dict[str, Market], decider: Decider, feed: KalshiFeed, writer: RunWriter
    ) -> int:
        from connectors.kalshi.source import instrument_of
        from connectors.kalshi.venue import KalshiVenue

        instruments = {ticker: instrument_of(market) for ticker, market in markets.items()}
        shards = {ticker: market.exchange_index for ticker, market in markets.items()}
        venue = self.venue = KalshiVenue(rest, shards, fuse=self.wish.fuse)
        venue.on_account = feed.on_account
        store = writer.live_orders()
        pending = decider.context.portfolio.pending

        def context(client_id: str) -> tuple[tuple[float, ...], str]:
            return pending[client_id].entry_values, pending[client_id].trigger_symbol

        alert = _alerter(writer)
        broker = VenueBroker(venue, store, instruments, now_ns, context, alert)
        recovery = Recovery(broker, alert, recovery_settings(self.settings, self.exchange))
        recovered = await recover(recovery, store, writer)
        await self._arm(venue, writer)
        try:
            return await self._trade(recovered, broker, recovery, decider, feed, writer)
        finally:
            # A second time only after a failure: what is armed must not outlive the run.
            with suppress(VenueError):
                await venue.disarm()

    async def _arm(self, venue: KalshiVenue, writer: RunWriter) -> None:
        """Without the fuse no order goes out: the run ends before it has begun, and says why."""
        try:
            await venue.arm()
        except VenueError as error:
            writer.end("stopped", None, {"refused": str(error)})
            raise

    async def _trade(
        self, recovered: Start, broker: VenueBroker, recovery: Recovery, decider: Decider, feed: KalshiFeed,
        writer: RunWriter,
    ) -> int:  # fmt: skip
        start = recovered._replace(carried=carried(self.store, writer))
        begin_with(decider, start)
        self._begun(writer, decider, start, start)
        statistics = _statistics_from(writer)
        journal = JournaledBroker(broker, writer)
        mode = str(self.exchange.mode)
        beside = Beside(self.settings, self.store, writer, decider, mode, _teller(writer, "service"))
        loop = Loop(decider, journal, [*self._recorders(writer, statistics), *beside.recorders])
        run = LiveRun(
            loop, journal, feed, now_ns, account=Account(broker, recovery), pulse=feed.pulse,
            before_tick=self._before_tick(decider, writer, beside),
            every_second=self._every_second(writer, beside),
            tell=_teller(writer, "connection", news=CONNECTED),
            beside=lambda: feed.keep_terms(_teller(writer, "terms")),
        )  # fmt: skip
        beside.ready = lambda: run.ready
        seconds = await self._until_stopped(run, feed)
        await self._disarm(run, writer)
        agree = await close(run, recovery)
        beside.close()
        extra = account_note(run, recovery, agree)
        code = self._report(statistics, loop, writer, seconds, extra)
        return code if agree else ExitCode.NO

    async def _disarm(self, run: LiveRun, writer: RunWriter) -> None:
        """The fuse goes, and with it entries that rest; where it cannot go, they are cancelled one by one."""
        assert self.venue is not None
        try:
            await self.venue.disarm()
        except VenueError as error:
            _alerter(writer)("fuse", f"{error}; entries that rest are cancelled without it")
            run.withdraw_entries("the run has ended")

    def _begun(self, writer: RunWriter, decider: Decider, start: Start, kept: Start) -> None:
        """Say what the run goes on with, and keep it, so that it can be decided again; from now on also what is to go
        on after it."""
        for strategy, symbol in orphans(decider, start):
            words = f"{strategy} holds {symbol}, which today's rules cannot: only its stop and target look after it"
            _alerter(writer)("orphan", words)
        told = went_on(decider)
        if told:
            err().print(told)
        equity = Decimal(repr(decider.context.portfolio.equity()))
        writer.snapshot(now_ns(), INPUTS, {**self._inputs(), "cash": str(equity)})
        writer.snapshot(now_ns(), START, encode_start(kept))
        keep_rules(decider, writer)
        writer.flush()

    def _inputs(self) -> dict[str, object]:
        return {**inputs_of(self.assembly), "source": f"kalshi {self.exchange.name}"}

    # -- the end -------------------------------------------------------------------------------------------------------

    async def _until_stopped(self, run: LiveRun, feed: KalshiFeed) -> float:
        """Until Ctrl-C or a polite kill, or one look; returns how long it went on, in seconds."""
        stop, loop = self._stop, asyncio.get_running_loop()
        began = time.perf_counter()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        try:
            await (run.once(stop, feed) if self.wish.once else run.run(stop))
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
        return time.perf_counter() - began

    def _report(
        self, statistics: StatisticsRecorder, loop: Loop, writer: RunWriter, seconds: float, extra: dict[str, Any]
    ) -> int:
        # Fills may have come since the last tick: the account once more, as it is now.
        over = Tick(max(now_ns(), statistics.ended_ns), ())
        for recorder in loop.recorders:
            recorder.ticks((over,), (loop.decider.context.portfolio.equity(),), loop.decider)
        assembly = self.assembly
        if self.tape is not None:
            self.tape.end(ended_note(writer.run_id, loop.hash.hexdigest(), halted=self.halted))
        described = Described(
            ", ".join(assembly.ruleset.trading), f"kalshi {self.exchange.name}", assembly.describe_parameters(),
            assembly.timezone, loop.decider.context.portfolio.initial_cash,
        )  # fmt: skip
        # The account goes on: what is held is no trade yet.
        held = open_positions(loop.decider)
        result = replace(result_of(statistics, loop, described, seconds, {}), still_open=held)
        report = {"run": writer.run_id, **result.to_json(), **extra}
        writer.end("stopped", statistics.ended_ns, report)
        if self.relisted:
            return ExitCode.GOOD
        if self.wish.as_json:
            print_json(report)
        else:
            print_report(result, out())
            note = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in extra.items())
            out().print(f"\n{note}\nrun {writer.run_id} kept in {self.store.path}")
        return ExitCode.GOOD


def _statistics_from(writer: RunWriter) -> StatisticsRecorder:
    """Statistics of a run that goes on: what is held was opened by earlier ones."""
    statistics = StatisticsRecorder()
    for fill in writer.book.fills_of_open():
        statistics.book.apply(fill)
    return statistics


def _teller(writer: RunWriter, kind: str, news: str = "") -> Callable[[str], None]:
    """Said at once and kept as an alert: somebody will look for the reason. ``news`` is good, and only said."""

    def tell(text: str) -> None:
        err().print(text)
        if text != news:
            writer.alert(now_ns(), "warning", kind, text)

    return tell


def _alerter(writer: RunWriter) -> Callable[[str, str], None]:
    def alert(kind: str, text: str) -> None:
        err().print(f"{kind}: {text}")
        writer.alert(now_ns(), "error", kind, text)

    return alert
