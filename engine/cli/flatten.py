"""``engine flatten``: close what is held at the venue."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from decimal import Decimal

from engine.cli.assemble import now_ns
from engine.cli.console import print_json
from engine.cli.errors import ExitCode
from engine.cli.hand_over import TAKEN_SECONDS, asked, reduced
from engine.cli.log import configure_log
from engine.cli.options import ConfigOption, ExchangeOption, JsonOption
from engine.cli.venue import SymbolOption, ask_venue, must_know, room_at
from engine.cli.venues import DEFAULT, VenueOption, port_of
from engine.cli.venues.port import VenuePort
from engine.execute.broker import LiveSettings
from engine.execute.flatten import Cleared, flatten
from engine.market.inputs import Requested, Wish
from engine.market.venue import ZERO, Venue, VenueError
from engine.settings import load_settings
from state import StoreError
from state.service import ServiceBook

CLOSED_SECONDS = 15.0  # how long an engine's exits may take until the venue holds nothing
READ_SECONDS = 5.0
LOOK_SECONDS = 0.25
LONGEST_LOOK_SECONDS = 2.0


def command(
    symbol: SymbolOption = None,
    venue: VenueOption = DEFAULT,
    exchange: ExchangeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Cancel resting orders and close positions at the market. No halt stops this. An engine that runs is asked to."""
    settings = load_settings(config, {f"{venue}.base_url": exchange})
    configure_log(settings.log)
    port = port_of(settings, venue)
    engine = ByEngine(port, symbol)
    done = reduced(settings, port.mode, engine.ask, lambda _: flatten_at_venue(port, symbol, known=bool(engine.closed)))
    by_engine, note = engine.closed, engine.note
    if json:
        print_json({
            "cancelled": len(done.cancelled), "everything": done.swept or None,
            "closed": {name: plain(quantity) for name, quantity in done.closed.items()},
            "closed_by_engine": {name: plain(quantity) for name, quantity in by_engine.items()},
            "note": note or None, "left": done.left,
        })  # fmt: skip
    else:
        if note:
            print(note)
        for name, quantity in by_engine.items():
            print(f"closed {plain(quantity)} {name} by the engine that runs")
        for name, quantity in done.closed.items():
            print(f"closed {plain(quantity)} {name}")
        for name, why in done.left.items():
            print(f"left: {name}: {why}")
        if done.swept:
            print(f"everything that rested was cancelled at once, and orders of the next minute may be: {done.swept}")
        if symbol is not None and not (by_engine or done.cancelled or done.closed or done.left):
            print(f"nothing rests in {symbol} and nothing of it is held")
        closed = len(by_engine.keys() | done.closed.keys())
        print(f"{len(done.cancelled)} order(s) cancelled, {closed} position(s) closed, {len(done.left)} left")
    if done.failed:
        return ExitCode.VENUE
    return ExitCode.NO if done.left else ExitCode.GOOD


@dataclass(slots=True)
class ByEngine:
    """What the engine that runs makes of a flatten. ``closed``: units by symbol that the venue then held less of;
    ``note``: what to say of it."""

    port: VenuePort
    symbol: str | None
    closed: dict[str, Decimal] = field(default_factory=dict)
    note: str = ""

    def ask(self, book: ServiceBook) -> Cleared | None:
        """Let the engine close what it holds. None: what is left, and what cannot be known, is for the venue itself."""
        name = f"flatten-{time.time_ns()}-{os.getpid()}"
        before = self._holdings(READ_SECONDS)
        refused = _refusal(book, Requested(name, Wish.FLATTEN, "engine flatten", self.symbol or ""))
        if refused:
            self.note = f"the engine that runs does not close it ({refused}); the venue itself is asked"
            return None
        self.note = "the engine that runs has taken it"
        after = self._holdings(READ_SECONDS + CLOSED_SECONDS, until_closed=True)
        if before is None or after is None:
            self.note += "; what it has closed could not be read"
            return None
        gone = {name: abs(held) - abs(after.get(name, ZERO)) for name, held in before.items()}
        self.closed = {name: units for name, units in gone.items() if units > 0}
        return None

    def _holdings(self, seconds: float, *, until_closed: bool = False) -> dict[str, Decimal] | None:
        """What the venue holds; None when that cannot be read in time. The engine is asked all the same."""

        async def work() -> dict[str, Decimal]:
            async with asyncio.timeout(seconds), self.port.connected(reducing=True) as desk:
                venue = desk.orders(())
                if until_closed:
                    await _until_closed(venue, self.symbol)
                return await _held_of(venue, self.symbol)

        try:
            return asyncio.run(work())
        except (VenueError, TimeoutError):
            return None


def _refusal(book: ServiceBook, request: Requested) -> str:
    """Ask the engine; why it does not do it, empty when it does."""
    try:
        row = asked(book, request, TAKEN_SECONDS)
    except StoreError as error:
        return str(error)
    if row.state == "withdrawn":
        return f"it did not take the request within {TAKEN_SECONDS:g} s"
    return "it ended before it answered" if row.state == "lost" else ""


async def _until_closed(venue: Venue, symbol: str | None) -> None:
    """Wait until the venue holds nothing of a symbol, or of any, and nothing rests there; not longer than a while."""
    ends, pause = time.monotonic() + CLOSED_SECONDS, LOOK_SECONDS
    while (await _held_of(venue, symbol) or await venue.resting(symbol)) and time.monotonic() < ends:
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)  # the engine needs the venue's reads more


async def _held_of(venue: Venue, symbol: str | None) -> dict[str, Decimal]:
    """Signed units that the venue holds, of one symbol or all."""
    return {name: held for name, held in (await venue.holdings()).items() if symbol in (None, name)}


def plain(quantity: Decimal) -> str:
    """Units without zeros that say nothing."""
    return f"{quantity.normalize():f}"


def flatten_at_venue(port: VenuePort, symbol: str | None, *, known: bool = False) -> Cleared:
    """Cancel what rests and close what is held, of one symbol or all. Raises UserError, also for a symbol of which
    there is nothing and which the venue does not have, unless it is ``known``."""

    async def work() -> Cleared:
        async with port.connected(reducing=True) as desk:
            collar, stamp = LiveSettings().collar, f"flatten-{now_ns()}"
            done = await flatten(desk.orders(()), desk.find, collar, stamp, symbol, room_at(port))
            if symbol is not None and not (known or done.cancelled or done.closed or done.left or done.swept):
                await must_know(desk, symbol)
            return done

    return ask_venue(work)
