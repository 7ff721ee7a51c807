"""What only reduces goes through the engine that runs, where one does: beside it, its stops and targets would come back
after each cancel, and race with what closes the position.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal

from engine.market.inputs import Requested
from engine.market.venue import Venue
from engine.settings import Settings
from state import Mode, StoreError
from state.service import ServiceBook, service_file

TAKEN_SECONDS = 5.0  # how long an engine may take to answer: it looks at every tick, and at least once a second
CLOSED_SECONDS = 15.0  # how long its exits may take until the venue holds nothing
LOOK_SECONDS = 0.25
WORKER = "worker"

Pause = Callable[[float], Awaitable[None]]


def engine_of(settings: Settings, mode: Mode) -> ServiceBook | None:
    """Where to leave a wish for the engine that runs on the store of a mode; None where none has begun and not ended,
    or that cannot be known: then the venue itself is spoken to."""
    path = service_file(settings.store.path, str(mode))
    if not path.exists():
        return None
    try:
        book = ServiceBook(path)
        told = book.figures().get(WORKER)
    except StoreError:
        return None
    return book if told is not None and told.body.get("running") else None


async def taken_by_engine(book: ServiceBook, request: Requested, pause: Pause = asyncio.sleep) -> str:
    """Leave a wish and wait for the answer. Empty when the engine does it; else why it does not, and then it never
    will: what it has not taken in time is taken back."""
    ends = time.monotonic() + TAKEN_SECONDS
    try:
        book.ask(request, time.time_ns())
        while (row := book.request(request.id)) is not None and row.state in ("waiting", "taken"):
            if time.monotonic() >= ends:
                if row.state == "taken" or not book.withdraw(request.id, time.time_ns()):
                    return ""  # it is at work on it
                return f"it did not take the request within {TAKEN_SECONDS:g} s"
            await pause(LOOK_SECONDS)
    except StoreError as error:
        return str(error)
    return "" if row is not None and row.state == "done" else "it ended before it answered"


async def until_closed(venue: Venue, symbol: str | None, pause: Pause = asyncio.sleep) -> None:
    """Wait until the venue holds nothing of a symbol, or of any, and nothing rests there; at the longest for a while.
    VenueError when the lists cannot be read."""
    ends = time.monotonic() + CLOSED_SECONDS
    while await held_of(venue, symbol) or await venue.resting(symbol):
        if time.monotonic() >= ends:
            return
        await pause(LOOK_SECONDS)


async def held_of(venue: Venue, symbol: str | None) -> dict[str, Decimal]:
    """Signed units that the venue holds, of one symbol or all."""
    return {name: held for name, held in (await venue.holdings()).items() if symbol in (None, name)}
