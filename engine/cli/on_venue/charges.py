"""Commissions that a venue tells only afterwards: read, matched with our fills and booked, once each."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from engine.cli.assemble import now_ns
from engine.cli.clock import sleep
from engine.cli.venues.port import VenueDesk
from engine.execute.charges import LATE_NS, match
from engine.market.venue import VenueError
from state import RunWriter

LOOK_SECONDS = 3600.0


async def book_charges(desk: VenueDesk, writer: RunWriter, tell: Callable[[str], None]) -> Decimal | None:
    """Book what the venue has charged by now; returns how much that was (money), None where the venue tells fees with
    its fills. ``tell`` hears what was booked, and what matches no trade of ours."""
    now, book = now_ns(), writer.book
    try:
        told = await desk.charges(now - LATE_NS)
    except VenueError as error:
        tell(f"commissions could not be read: {error}")
        return Decimal(0)
    if told is None:
        return None
    fills = [fill for fill in book.fills_between(now - LATE_NS, now) if fill.client_id]
    found = match(told.charges, fills, told.day_of)
    booked = [b for b in found.bookings if book.charge(b.strategy, b.symbol, b.amount, b.time_ns, b.reference)]
    total = sum((booking.amount for booking in booked), Decimal(0))
    if booked:
        tell(f"{total:.2f} of commissions and fees, told afterwards and booked now, for {len(booked)} trade(s)")
    for words in found.open:
        tell(f"no commission is booked for {words}")
    writer.flush()
    return total


async def keep_charges(desk: VenueDesk, writer: RunWriter, tell: Callable[[str], None]) -> None:
    """Again and again, as the venue's batch comes at night; each thing is said once. Goes on until it is cancelled."""
    said: set[str] = set()

    def once(words: str) -> None:
        if words not in said:
            said.add(words)
            tell(words)

    while await book_charges(desk, writer, once) is not None:
        await sleep(LOOK_SECONDS)
