"""``engine run --venue``: the rules on a venue's live market, with the paper broker or with real orders."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Container
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.calendars import ALWAYS_OPEN, calendar
from engine.cli.assemble import Assembly, now_ns
from engine.cli.conditions import START, conditions_of, encode_start
from engine.cli.console import err, out, print_json
from engine.cli.errors import ExitCode
from engine.cli.evidence import INPUTS, inputs_of
from engine.cli.live import require_permission, typed_on_terminal
from engine.cli.rules import LoadedRules
from engine.cli.startup import log_runtime_mode
from engine.cli.tracing import TracePrinter
from engine.cli.venue import (
    Exchange,
    ask_venue,
    connected,
    exchange_of,
    markets_of,
    recovery_settings,
    store_of,
    stream_of,
)
from engine.cli.version import __version__
from engine.decide.tick import Decider
from engine.execute.broker import VenueBroker
from engine.execute.halt import KillSwitch
from engine.execute.inputs import JournaledBroker
from engine.execute.journal import JournalRecorder
from engine.execute.live import Account, LiveRun
from engine.execute.loop import Loop, Recorder
from engine.execute.recovery import Recovery
from engine.execute.resume import Carried, Start, begin_with, never_arrived, orphans
from engine.market.venue import ZERO, VenueError
from engine.report.tables import print_report
from engine.research.backtest import Described, result_of
from engine.research.recorder import StatisticsRecorder
from state import Mode, RunWriter, Store, open_store
from state.ledger import Account as LedgerAccount
from state.orders import LiveOrders

if TYPE_CHECKING:
    from connectors.kalshi.client import KalshiRest
    from connectors.kalshi.models.markets import Market
    from connectors.kalshi.source import KalshiFeed
    from connectors.kalshi.venue import KalshiVenue

PAPER, RULES = "paper broker", "rules"  # the parts of a lasting account that are kept with every commit
READINGS = 40  # of the account, at the start and at the end, until everything is certain
PAUSE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line. ``fuse``: contracts within 15 seconds that blow the venue-side fuse."""

    live: bool
    accepted: bool
    level: str
    fuse: Decimal
    once: bool
    as_json: bool


def run_on_venue(assembly: Assembly, rules: LoadedRules, wish: Wish) -> int:
    """Run until Ctrl-C. Orders go out only with every consent; the closing note says what became of them."""
    settings = assembly.settings
    packs = [name for name, pack in assembly.ruleset.packs.items() if pack.strategies]
    if wish.live:
        allowed = require_permission(
            settings, packs, assembly.parameters, live=True, accepted=wish.accepted, ask=typed_on_terminal()
        )
        err().print(allowed.text)
    exchange = exchange_of(settings)
    mode = exchange.mode if wish.live else Mode.PAPER
    path = store_of(settings, mode)
    log_runtime_mode(settings.kalshi.environment, "live" if wish.live else "paper", exchange.hosts.rest, path, packs)
    return ask_venue(lambda: _Run(assembly, rules, wish, exchange, open_store(path, mode)).go())


class _Run:
    """One run on a venue, from its markets to its closing note."""

    def __init__(
        self, assembly: Assembly, rules: LoadedRules, wish: Wish, exchange: Exchange, store: Store
    ) -> None:
        self.assembly, self.rules, self.wish, self.exchange, self.store = assembly, rules, wish, exchange, store
        self.settings = assembly.settings
        self.venue: KalshiVenue | None = None

    async def go(self) -> int:
        async with AsyncExitStack() as stack:
            rest = await stack.enter_async_context(connected(self.exchange))
            markets = await markets_of(rest, self.assembly.plan_symbols)
            self._list(markets)
            writer = stack.enter_context(self._begin())
            # What earlier runs hold is looked after, also where today's rules no longer look.
            more = await self._held_markets(rest, writer, markets)
            decider = self.assembly.decider()
            if not self.wish.live:
                self._list(markets | more)
            markets |= more
            feed = await self._feed(rest, markets, decider, stack)
            if self.wish.live:
                return await self._live(rest, markets, decider, feed, writer)
            return await self._paper(decider, feed, writer)

    # -- set-up --------------------------------------------------------------------------------------------------------

    def _list(self, markets: dict[str, Market]) -> None:
        """What is traded, on the venue's own grids."""
        from connectors.kalshi.fees import TAKER_RATE
        from connectors.kalshi.source import instrument_of

        self.assembly.instruments = {ticker: instrument_of(market) for ticker, market in markets.items()}
        self.assembly.contract_rate = TAKER_RATE
        self.assembly.calendars = {**self.assembly.calendars, ALWAYS_OPEN: calendar(ALWAYS_OPEN)}

    def _begin(self) -> RunWriter:
        assembly, ruleset = self.assembly, self.assembly.ruleset
        live = self.wish.live
        writer = self.store.begin_run(
            str(self.exchange.mode if live else Mode.PAPER), now_ns(), f"kalshi {self.exchange.name}",
            list(ruleset.packs), assembly.plan_symbols, ruleset.sha256, self.rules.files, assembly.parameters,
            {s.key: s.universe for s in ruleset.strategies}, assembly.execution, __version__,
            conditions=conditions_of(assembly), cash=None if live else self.settings.paper.cash,
            venue="kalshi" if live else "paper", book=self.exchange.account if live else self.exchange.paper_account,
        )  # fmt: skip
        writer.flush()
        return writer

    async def _held_markets(
        self, rest: KalshiRest, writer: RunWriter, known: Container[str]
    ) -> dict[str, Market]:
        if self.wish.live:
            saved = writer.live_orders().load()
            symbols = {intent.order.symbol for intent in saved.intents} | {symbol for _, symbol, _ in saved.positions}
        else:
            kept = self.store.last_kept(writer.book.name, PAPER) or {"positions": [], "orders": []}
            symbols = {p["symbol"] for p in kept["positions"]} | {o["order"]["symbol"] for o in kept["orders"]}
        wanted = sorted(symbol for symbol in symbols if symbol not in known)
        try:
            return await markets_of(rest, wanted)
        except VenueError as error:
            if self.wish.live:
                raise
            raise VenueError(
                f"{error}, and the paper account of {self.store.path} has it: begin another with store.path"
            ) from None

    async def _feed(
        self, rest: KalshiRest, markets: dict[str, Market], decider: Decider, stack: AsyncExitStack
    ) -> KalshiFeed:
        from connectors.kalshi.source import KalshiFeed

        programs = (plan.program for plan in decider.context.plan.symbols.values())
        names = {key.name for program in programs for key in program.inputs if key.what in ("fact", "time")}
        stream = stream_of(self.exchange)
        feed = KalshiFeed(rest, stream, markets.values(), names, now_ns, account=self.wish.live)
        await feed.read_terms()
        await stack.enter_async_context(stream)
        return feed

    def _carried(self, writer: RunWriter) -> Carried | None:
        """What the rules knew when the account's last run ended, and what its book has seen since."""
        told = self.store.last_kept(writer.book.name, RULES)
        return None if told is None else Carried(told, *writer.book.since(told["transaction"]))

    def _begun(self, decider: Decider, start: Start, writer: RunWriter) -> None:
        """What the run begins with is kept with it, so that it can be decided again."""
        for strategy, symbol in orphans(decider, start):
            words = f"{strategy} holds {symbol}, which today's rules cannot: only its stop and target look after it"
            _alerter(writer)("orphan", words)
        begun = str(Decimal(repr(decider.context.portfolio.equity())))
        inputs = {**inputs_of(self.assembly), "source": f"kalshi {self.exchange.name}", "cash": begun}
        writer.snapshot(now_ns(), INPUTS, inputs)
        writer.snapshot(now_ns(), START, encode_start(start))
        writer.keep(RULES, lambda: {"transaction": writer.book.last_transaction, **decider.told()})
        writer.flush()

    def _statistics(self, writer: RunWriter) -> StatisticsRecorder:
        statistics = StatisticsRecorder()
        for fill in writer.book.fills_of_open():
            statistics.book.apply(fill)  # what is held was opened by earlier runs
        return statistics

    def _recorders(self, writer: RunWriter, statistics: StatisticsRecorder) -> list[Recorder]:
        recorders: list[Recorder] = [JournalRecorder(writer, self.settings.trace.keep), statistics]
        if self.wish.level != "none":
            recorders.append(TracePrinter(self.wish.level, self.assembly.timezone))
        return recorders

    def _switch(self, decider: Decider, writer: RunWriter) -> KillSwitch:
        standing = self.store.halts.standing(writer.book.name, now_ns())
        return KillSwitch(standing, self.store.halts.look, decider, writer, _teller(writer, "halt"))

    # -- paper ---------------------------------------------------------------------------------------------------------

    async def _paper(self, decider: Decider, feed: KalshiFeed, writer: RunWriter) -> int:
        paper = self.assembly.broker(self.settings.paper.fill_model)
        start = Start(None, None, self._carried(writer))
        kept = self.store.last_kept(writer.book.name, PAPER)
        if kept is not None:
            paper.restore(kept)
        begin_with(decider, start)
        lost = never_arrived(decider, {order.client_id for order in paper.resting()}, now_ns())
        for update in lost.updates:
            writer.update(update)
        self._begun(decider, start._replace(carried=Carried(decider.told())), writer)
        writer.keep(PAPER, paper.snapshot)
        statistics = self._statistics(writer)
        journal = JournaledBroker(paper, writer)
        loop = Loop(decider, journal, self._recorders(writer, statistics))
        run = LiveRun(
            loop, journal, feed, now_ns, pulse=feed.pulse, before_tick=self._switch(decider, writer).check,
            every_second=writer.flush, tell=_teller(writer, "connection"),
            beside=lambda: feed.keep_terms(_teller(writer, "terms")),
        )  # fmt: skip
        seconds = await self._until_stopped(run, feed)
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
        recovered = await _recover(recovery, store, writer)
        start = recovered._replace(carried=self._carried(writer))
        begin_with(decider, start)
        self._begun(decider, start, writer)
        statistics = self._statistics(writer)
        journal = JournaledBroker(broker, writer)
        loop = Loop(decider, journal, self._recorders(writer, statistics))
        run = LiveRun(
            loop, journal, feed, now_ns, account=Account(broker, recovery), pulse=feed.pulse,
            before_tick=self._switch(decider, writer).check, every_second=writer.flush,
            tell=_teller(writer, "connection"), beside=lambda: feed.keep_terms(_teller(writer, "terms")),
        )  # fmt: skip
        await venue.arm()
        try:
            seconds = await self._until_stopped(run, feed)
        finally:
            await venue.disarm()
        agree = await _close(run, recovery)
        extra = _account_note(run, recovery, agree)
        code = self._report(statistics, loop, writer, seconds, extra)
        return code if agree else ExitCode.NO

    # -- the end -------------------------------------------------------------------------------------------------------

    async def _until_stopped(self, run: LiveRun, feed: KalshiFeed) -> float:
        """Until Ctrl-C or a polite kill, or one look; returns how long it went on, in seconds."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
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
        statistics.close_out(loop.decider)
        assembly = self.assembly
        described = Described(
            ", ".join(assembly.ruleset.packs), f"kalshi {self.exchange.name}", assembly.describe_parameters(),
            assembly.timezone, loop.decider.context.portfolio.initial_cash,
        )  # fmt: skip
        result = result_of(statistics, loop, described, seconds, {})
        report = {"run": writer.run_id, **result.to_json(), **extra}
        writer.end("stopped", statistics.ended_ns, report)
        if self.wish.as_json:
            print_json(report)
        else:
            print_report(result, out())
            note = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in extra.items())
            out().print(f"\n{note}\nrun {writer.run_id} kept in {self.store.path}")
        return ExitCode.GOOD


async def _recover(recovery: Recovery, store: LiveOrders, writer: RunWriter) -> Start:
    """Reconcile first: follow the venue until everything is certain. Nothing is sent, and no rule is asked.

    VenueError while it cannot be known.
    """
    broker = recovery.broker
    before = store.load()
    broker.accounts.restore(before)
    recovery.start(before.reconciled_ns, now_ns())
    broker.muted = True
    for _ in range(READINGS):
        picture = await recovery.read()
        findings = recovery.apply(picture, now_ns())
        broker.on_events(now_ns(), ())
        if findings.settled and not findings.different:
            break
        await asyncio.sleep(PAUSE_SECONDS)
    else:
        raise VenueError("what became of earlier orders is not certain yet; `engine reconcile` says which")
    broker.muted = False
    # The venue keeps back one dollar for each contract sold short, which our books do not.
    short = sum((-quantity for quantity in picture.positions.values() if quantity < 0), ZERO)
    cash = picture.cash + short
    if not before.reconciled_ns:
        known = writer.book.balances.amount(LedgerAccount.CASH)
        writer.book.transfer(cash - known, picture.as_of_ns, "opening")
    return Start(store.load(), cash)


async def _close(run: LiveRun, recovery: Recovery) -> bool:
    """Read the account until everything is certain; whether the venue's books and ours agree then."""
    for _ in range(READINGS):
        try:
            picture = await recovery.read()
        except VenueError:
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        run.listen()
        findings = recovery.apply(picture, now_ns())
        run.listen()
        if findings.agrees:
            return True
        await asyncio.sleep(PAUSE_SECONDS)
    return False


def _account_note(run: LiveRun, recovery: Recovery, agree: bool) -> dict[str, Any]:
    broker = recovery.broker
    return {
        "connections": run.connections,
        "orders_at_the_venue": len(broker.accounts.attempts),
        "unknown_at_first": broker.unknowns,
        "settled_by_the_lists": recovery.settled_unknowns,
        "still_unknown": sum(1 for attempt in broker.accounts.open_attempts() if attempt.doubtful),
        "account_readings": recovery.readings,
        "positions": len(broker.accounts.positions),
        "books_agree": agree,
    }


def _teller(writer: RunWriter, kind: str) -> Callable[[str], None]:
    """Said at once and kept: somebody will look for the reason."""

    def tell(text: str) -> None:
        err().print(text)
        writer.alert(now_ns(), "warning", kind, text)

    return tell


def _alerter(writer: RunWriter) -> Callable[[str, str], None]:
    def alert(kind: str, text: str) -> None:
        err().print(f"{kind}: {text}")
        writer.alert(now_ns(), "error", kind, text)

    return alert
