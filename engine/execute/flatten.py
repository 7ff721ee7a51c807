"""Takes orders off a venue and closes positions, without rules, halts or a running engine: it only ever reduces."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from engine.market.instrument import Instrument
from engine.market.orders import Side
from engine.market.venue import ZERO, Outcome, Picture, Venue, VenueOrder, WireOrder

ROUNDS = 5
BEHIND_NS = 1_500_000_000  # how far a venue's lists may be behind
LOOKS = 20
LOOK_SECONDS = 0.2


@dataclass(slots=True)
class Cleared:
    """``cancelled``: orders that were taken off; ``closed``: units by symbol; ``left``: what could not be, and why."""

    cancelled: list[VenueOrder] = field(default_factory=list)
    closed: dict[str, Decimal] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)


async def cancel_orders(
    venue: Venue, picture: Picture, symbol: str | None = None, older_than_ns: int | None = None
) -> Cleared:
    """Cancel every resting order of ``picture``, or those of a symbol, or those created before an instant."""
    done = Cleared()
    for order in picture.orders:
        stale = older_than_ns is None or order.created_ns < older_than_ns
        if not order.open or not stale or symbol not in (None, order.symbol):
            continue
        answer = await venue.cancel(order.venue_order_id, order.symbol)
        if answer.outcome is Outcome.DONE:
            done.cancelled.append(order)
        elif answer.outcome is not Outcome.GONE:
            done.left[order.venue_order_id] = answer.reason or str(answer.outcome)
    return done


async def flatten(
    venue: Venue, instruments: Mapping[str, Instrument], collar: Decimal, stamp: str, symbol: str | None = None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Cleared:  # fmt: skip
    """Cancel what rests and close what is held with immediate orders that can only reduce.

    ``stamp`` makes the client ids of this call its own. Tried anew a few times, from the venue's own positions, as far
    as the book goes; what is left then is said with its reason.
    """
    done = Cleared()
    newest = 0
    for number in range(ROUNDS):
        picture = await _newer_than(venue, newest, pause)
        newest = picture.as_of_ns
        cancels = await cancel_orders(venue, picture, symbol)
        done.cancelled += cancels.cancelled
        done.left = cancels.left
        held = {s: q for s, q in picture.positions.items() if symbol in (None, s)}
        if not held and not cancels.left:
            return done
        for name, quantity in held.items():
            why = await _close(venue, instruments[name], quantity, collar, f"{stamp}-{number}-{name}", done)
            if why:
                done.left[name] = why
    return done


async def _newer_than(venue: Venue, as_of_ns: int, pause: Callable[[float], Awaitable[None]]) -> Picture:
    """The account a while after the last look: its lists are behind what has just been done."""
    picture = await venue.picture(0)
    for _ in range(LOOKS):
        if not as_of_ns or picture.as_of_ns >= as_of_ns + BEHIND_NS:
            break
        await pause(LOOK_SECONDS)
        picture = await venue.picture(0)
    return picture


async def _close(
    venue: Venue, instrument: Instrument, held: Decimal, collar: Decimal, client_id: str, done: Cleared
) -> str:
    """Close one position; why it is not closed, empty when all of it is."""
    side = Side.SELL if held > 0 else Side.BUY
    quote = await venue.quote(instrument.symbol)
    price = quote.bid if side is Side.SELL else quote.ask
    if price is None:
        return "nobody is there to trade with"
    rounding = ROUND_FLOOR if side is Side.SELL else ROUND_CEILING
    limit = instrument.within(instrument.on_grid(Decimal(repr(price)) + collar * side.sign, rounding))
    wire = WireOrder(client_id, instrument.symbol, side, abs(held), limit, immediate=True, reduce_only=True)
    answer = await venue.send(wire)
    if answer.outcome is not Outcome.DONE or answer.filled is None:
        return answer.reason or str(answer.outcome)
    done.closed[instrument.symbol] = done.closed.get(instrument.symbol, ZERO) + answer.filled
    return "" if answer.filled >= abs(held) else f"{abs(held) - answer.filled} of {abs(held)} found nobody"
