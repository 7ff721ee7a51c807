"""What the verbs that speak to a venue share: their options, and what an answer or a failure of it comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Annotated, Any, TypeVar

import typer

from engine.cli.console import err
from engine.cli.errors import ExitCode, UserError
from engine.cli.venues.port import VenueDesk, VenuePort
from engine.execute.flatten import Room
from engine.market.instrument import Instrument
from engine.market.venue import VenueError

T = TypeVar("T")
SymbolOption = Annotated[str | None, typer.Option("--symbol", metavar="TICKER", help="Only this market.")]


def where(port: VenuePort) -> str:
    """A venue and which of its environments, such as `kalshi demo`."""
    return f"{port.venue} {port.place}"


async def must_find(desk: VenueDesk, symbols: Collection[str]) -> dict[str, Instrument]:
    """All of these as what can be traded; VenueError names those that the venue does not have."""
    found = await desk.find(symbols)
    missing = [symbol for symbol in sorted(set(symbols)) if symbol not in found]
    if missing:
        raise VenueError(f"the venue has no market {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}")
    return found


async def must_know(desk: VenueDesk, symbol: str) -> None:
    """Raise UserError for a symbol that the venue does not have: a misspelt one must not look like nothing to do."""
    if symbol not in await desk.find([symbol]):
        raise UserError(
            f"--symbol {symbol}: the account has nothing in it and the venue has no such market; correct the ticker "
            "(`engine reconcile` lists what is held)"
        )


def room_at(port: VenuePort) -> Room:
    """Waits for room at a venue, in its time, and says so."""
    return Room(lambda seconds: asyncio.sleep(seconds / (port.speed or 1.0)), err().print)


def ask_venue(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``work`` to its end; what fails at the venue is an answer for the user."""
    try:
        return asyncio.run(work())
    except VenueError as error:
        raise UserError(str(error), ExitCode.VENUE) from None
