"""``engine flatten``: close what is held at the venue."""

from __future__ import annotations

import asyncio
import os
import time
from decimal import Decimal

from engine.cli.assemble import now_ns
from engine.cli.console import print_json
from engine.cli.errors import ExitCode
from engine.cli.hand_over import engine_of, held_of, taken_by_engine, until_closed
from engine.cli.log import configure_log
from engine.cli.options import ConfigOption, ExchangeOption, JsonOption
from engine.cli.venue import SymbolOption, ask_venue, must_know
from engine.cli.venues import DEFAULT, VenueOption, port_of
from engine.cli.venues.port import VenuePort
from engine.execute.broker import LiveSettings
from engine.execute.flatten import Cleared, flatten
from engine.market.inputs import Requested, Wish
from engine.market.venue import ZERO, VenueError
from engine.settings import Settings, load_settings


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
    by_engine, note = flatten_by_engine(settings, port, symbol)
    done = flatten_at_venue(port, symbol, known=bool(by_engine))
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


def flatten_by_engine(settings: Settings, port: VenuePort, symbol: str | None) -> tuple[dict[str, Decimal], str]:
    """Let the engine that runs close what it holds: what the venue then held less of, and what to say of it.

    What the engine does not do, or cannot, is left for ``flatten_at_venue``, and nothing here stops that.
    """
    book = engine_of(settings, port.mode)
    if book is None:
        return {}, ""
    request = Requested(f"flatten-{time.time_ns()}-{os.getpid()}", Wish.FLATTEN, "engine flatten", symbol or "")

    async def work() -> tuple[dict[str, Decimal], str]:
        async with port.connected(reducing=True) as desk:
            venue = desk.orders(())
            before = await held_of(venue, symbol)
            refused = await taken_by_engine(book, request)
            if refused:
                return {}, f"the engine that runs does not close it ({refused}); the venue itself is asked"
            await until_closed(venue, symbol)
            after = await held_of(venue, symbol)
        gone = {name: abs(held) - abs(after.get(name, ZERO)) for name, held in before.items()}
        return {name: units for name, units in gone.items() if units > 0}, "the engine that runs has taken it"

    try:
        return asyncio.run(work())
    except VenueError as error:
        return {}, f"what the engine that runs has done could not be read ({error}); the venue itself is asked"


def plain(quantity: Decimal) -> str:
    """Units without zeros that say nothing."""
    return f"{quantity.normalize():f}"


def flatten_at_venue(port: VenuePort, symbol: str | None, *, known: bool = False) -> Cleared:
    """Cancel what rests and close what is held, of one symbol or all. Raises UserError, also for a symbol of which
    there is nothing and which the venue does not have, unless it is ``known``."""

    async def work() -> Cleared:
        async with port.connected(reducing=True) as desk:
            collar, stamp = LiveSettings().collar, f"flatten-{now_ns()}"
            done = await flatten(desk.orders(()), desk.find, collar, stamp, symbol)
            if symbol is not None and not (known or done.cancelled or done.closed or done.left or done.swept):
                await must_know(desk, symbol)
            return done

    return ask_venue(work)
