"""``engine run --venue``: the rules on a venue's live market, with the paper broker or with real orders."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import NamedTuple, Protocol

from connectors.notify.notifier import Notifier
from connectors.notify.outbox import Kind
from engine.cli.assemble import Assembly
from engine.cli.capture.shared import open_tape
from engine.cli.console import err, out
from engine.cli.errors import ExitCode, UserError
from engine.cli.notices import notifying
from engine.cli.on_venue.consents import require_permission, typed_on_terminal
from engine.cli.on_venue.lasting import held_in, paper_book
from engine.cli.on_venue.live import trade_live
from engine.cli.on_venue.paper import trade_on_paper
from engine.cli.on_venue.session import VenueSession, Wish, stopping
from engine.cli.on_venue.warm_up import read_past
from engine.cli.rules import LoadedRules
from engine.cli.source_watch import Sources
from engine.cli.startup import log_runtime_mode
from engine.cli.stores import store_of
from engine.cli.venue import ask_venue, must_find, where
from engine.cli.venues.port import FeedWish, VenueDesk, VenueKind, VenuePort
from engine.market.instrument import Instrument
from engine.market.venue import VenueError
from state import Mode, RunWriter, Store, open_store


class MakeAssembly(Protocol):
    """Puts a run together for what sources list and for what is held beside it, by strategy."""

    def __call__(
        self, listed: Mapping[str, Iterable[str]] | None, held: Mapping[str, Iterable[str]] | None
    ) -> Assembly: ...


def run_on_venue(make: MakeAssembly, rules: LoadedRules, wish: Wish, kind: VenueKind, names: Iterable[str]) -> int:
    """Run until Ctrl-C. Orders go out only with every consent; the closing note says what became of them.

    ``names``: the sources of signals that the rules trade on. The markets of a run are fixed: when a source lists
    others, the run ends, and a new one goes on where it was.
    """
    assembly = make(None, None)
    settings, packs = assembly.settings, assembly.ruleset.trading
    consents = kind.consents(settings)
    if wish.live:
        allowed = require_permission(
            settings, consents, packs, assembly.parameters, live=True, accepted=wish.accepted,
            ask=typed_on_terminal(),
        )  # fmt: skip
        err().print(allowed.text)
    port = kind.port(settings)
    mode = port.mode if wish.live else Mode.PAPER
    path = store_of(settings, mode)
    log_runtime_mode(consents.environment, "live" if wish.live else "paper", port.address, path, packs)
    sources = Sources.named(names, settings)
    with notifying(settings) as notifier:
        while True:
            run = _Run(make, rules, wish, port, open_store(path, mode), sources, notifier)
            try:
                code = ask_venue(run.go)
            except Exception as error:
                notifier.tell(Kind.ERRORS, f"a run ended ({where(port)})", str(error) or type(error).__name__)
                raise
            if not run.relisted:
                return code
            sources = sources.anew()


class _Found(NamedTuple):
    """``unlisted``: what sources list and the venue does not have."""

    assembly: Assembly
    instruments: dict[str, Instrument]
    unlisted: frozenset[str]


class _Run:
    """One run, from its markets to its closing note."""

    def __init__(
        self, make: MakeAssembly, rules: LoadedRules, wish: Wish, port: VenuePort, store: Store, sources: Sources,
        notifier: Notifier,
    ) -> None:  # fmt: skip
        self.make, self.rules, self.wish, self.port, self.store = make, rules, wish, port, store
        self.sources, self.notifier = sources, notifier
        self.relisted = False
        self._stop = asyncio.Event()

    async def go(self) -> int:
        async with AsyncExitStack() as stack:
            desk = await stack.enter_async_context(self.port.connected())
            found = await self._markets(desk)
            if found is None:
                return ExitCode.GOOD
            assembly, instruments, unlisted = found
            assembly.lists(instruments, {})
            session = VenueSession(
                assembly, self.rules, self.wish, self.port, self.store, self.sources, desk, self._stop, self.notifier
            )
            session.unlisted = unlisted
            writer = stack.enter_context(session.begin())
            decider = assembly.decider()
            if self.wish.live:
                # What earlier runs hold is looked after, also where today's rules no longer look.
                instruments |= await must_find(desk, _held(writer, instruments))
            if self.wish.capture is not None:
                by, tell = f"run {writer.run_id}", session.teller(writer, "capture")
                session.tape = stack.enter_context(open_tape(self.wish.capture, self.port.place, by, tell))
            session.follow_sources(writer)
            past = await read_past(desk, assembly, decider)
            wish = FeedWish(assembly.fact_names(), self.wish.live, session.tape, self.sources.pulse, past)
            feed = await stack.enter_async_context(desk.feed(instruments, wish))
            if self.wish.live:
                code = await trade_live(session, instruments, decider, feed, writer, past)
            else:
                assembly.contract_rates = feed.taker_rates
                code = await trade_on_paper(session, decider, feed, writer, past)
            self.relisted = session.relisted
            return code

    # -- its markets ---------------------------------------------------------------------------------------------------

    async def _markets(self, desk: VenueDesk) -> _Found | None:
        """The markets of this run; None when there is nothing to look at and nobody wants to wait for it."""
        if not self.sources.watched:
            assembly = self.make(None, None)
            return _Found(assembly, self._whole(assembly, await desk.find(assembly.plan_symbols)), frozenset())
        said = False
        while True:
            await self.sources.show(desk)
            found = await self._listed(desk)
            if found.assembly.plan_symbols:
                return found
            again = self.sources.scan_seconds
            if again is None:
                failed = [watched.failed for watched in self.sources.watched if watched.failed]
                if failed:
                    raise VenueError("; ".join(failed))
                raise VenueError(f"the venue has none of the markets that {self._abouts()} lists")
            if self.wish.once or self._stop.is_set():
                out().print(f"no market at the venue is listed by {self._abouts()}")
                return None
            if not said:
                said = True
                err().print(f"no market is listed by {self._abouts()} yet; looking again every {again:g} s")
            with stopping(self._stop), suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), again)

    async def _listed(self, desk: VenueDesk) -> _Found:
        """The markets that sources list and the venue has, those held, and those that rules name themselves."""
        book = self.port.account if self.wish.live else paper_book(self.port)
        held = {} if self.wish.dry else held_in(self.store, book)
        listed = self.sources.listed()
        found = await desk.find({s for symbols in (*listed.values(), *held.values()) for s in symbols})
        unlisted = frozenset(t for tickers in listed.values() for t in tickers if t not in found)
        for ticker in sorted(unlisted):
            err().print(f"the venue has no market {ticker}; its signal is left out")
        assembly = self.make(
            {name: [t for t in tickers if t in found] for name, tickers in listed.items()},
            {key: [s for s in symbols if s in found] for key, symbols in held.items()},
        )
        found |= await desk.find([s for s in assembly.plan_symbols if s not in found])
        return _Found(assembly, self._whole(assembly, found), unlisted)

    def _abouts(self) -> str:
        return " and ".join(watched.about for watched in self.sources.watched)

    def _whole(self, assembly: Assembly, found: Mapping[str, Instrument]) -> dict[str, Instrument]:
        """``found``, if it has every market that the rules name."""
        missing = sorted(symbol for symbol in assembly.plan_symbols if symbol not in found)
        if missing:
            names, packs = ", ".join(missing[:5]), ", ".join(assembly.ruleset.packs)
            raise UserError(
                f"the {self.port.place} exchange has no market {names}{' …' if len(missing) > 5 else ''}, which "
                f"{packs} names: correct the universe there, choose packs with --pack, or markets with --symbols"
            )
        return {symbol: found[symbol] for symbol in assembly.plan_symbols}


def _held(writer: RunWriter, known: Mapping[str, Instrument]) -> list[str]:
    saved = writer.live_orders().load()
    symbols = {intent.order.symbol for intent in saved.intents} | {symbol for _, symbol, _ in saved.positions}
    return sorted(symbol for symbol in symbols if symbol not in known)
