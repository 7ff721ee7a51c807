"""Takes orders off a venue and closes positions, without rules, halts or a running engine: it only ever reduces.

Every step has its time, and what fails of one order or one market stops nothing of the others: it is tried again, and
at the end it is said what was done, what was not, and why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TypeVar

from engine.market.instrument import Instrument
from engine.market.orders import Side
from engine.market.venue import ZERO, Answer, Outcome, Venue, VenueError, VenueOrder, WireOrder, head_of

ROUNDS = 5
BEHIND_SECONDS = 1.5  # how far a venue's lists may be behind what has just been done
READ_SECONDS = 6.0
WRITE_SECONDS = 15.0
ORDERS, POSITIONS = "orders", "positions"  # what is left when a list cannot be read

T = TypeVar("T")
Listing = Callable[[Collection[str]], Awaitable[Mapping[str, Instrument]]]


@dataclass(slots=True)
class Cleared:
    """``cancelled``: orders that were taken off; ``closed``: units by symbol; ``left``: what could not be, and why.

    ``failed``: what of it is left because the venue did not answer as it should, and not because the market has nobody
    to trade with. ``swept``: why everything that rested was cancelled at once, unseen; empty when it was not.
    """

    cancelled: list[VenueOrder] = field(default_factory=list)
    closed: dict[str, Decimal] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    swept: str = ""

    def leave(self, name: str, why: str, *, failed: bool) -> None:
        """Something could not be done."""
        self.left[name] = why
        if failed:
            self.failed.add(name)


async def cancel_orders(
    venue: Venue, symbol: str | None = None, older_than_ns: int | None = None, *, only: Collection[str] = (),
    entries: bool = False,
) -> Cleared:  # fmt: skip
    """Cancel every order that rests, or those of a symbol, those created before an instant, those of ``only`` these
    client ids of entries; with ``entries`` not those that could reduce what is held.

    When the venue cannot say which those are, or leaves a cancel unanswered, everything is cancelled at once: unless
    only some were to go, which is said instead.
    """
    done = Cleared()
    everything = symbol is None and older_than_ns is None and not only and not entries
    try:
        held = await _within(READ_SECONDS, venue.holdings()) if entries else {}
        orders = [
            order for order in await _within(READ_SECONDS, venue.resting(symbol))
            if (older_than_ns is None or order.created_ns < older_than_ns)
            and (not only or head_of(order.client_id) in only)
            and held.get(order.symbol, ZERO) * order.side.sign >= 0
        ]  # fmt: skip
    except VenueError as error:
        if everything:
            await _sweep(venue, done, f"the list of orders could not be read: {error}")
        else:
            why = f"the list could not be read, so that it is not known which they are: {error}"
            done.leave(ORDERS, f"{why}; `engine cancel` alone cancels everything without the list", failed=True)
        return done
    answers = await _each(venue.cancel(o.venue_order_id, o.symbol) for o in orders)
    for order, answer in zip(orders, answers, strict=True):
        if answer.outcome is Outcome.DONE:
            done.cancelled.append(order)
        elif answer.outcome is not Outcome.GONE:
            done.leave(order.venue_order_id, answer.reason or str(answer.outcome), failed=True)
    if done.left and everything:
        await _sweep(venue, done, f"{len(done.left)} cancel(s) failed: {next(iter(done.left.values()))}")
    return done


async def _sweep(venue: Venue, done: Cleared, why: str) -> None:
    """Cancel everything at once."""
    (answer,) = await _each([venue.cancel_all()])
    if answer.outcome is Outcome.DONE:
        done.swept = why
        done.left.clear()
        done.failed.clear()
    else:
        done.leave(ORDERS, f"{why}; to cancel everything at once failed, too: {answer.reason}", failed=True)


async def flatten(
    venue: Venue, listing: Listing, collar: Decimal, stamp: str, symbol: str | None = None,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Cleared:  # fmt: skip
    """Cancel what rests and close what is held with immediate orders that can only reduce.

    ``listing`` reads the markets of some symbols; ``stamp`` makes the client ids of this call its own. Tried anew a few
    times, from the venue's own positions, as far as the book goes; what is left then is said with its reason.
    """
    return await _Flatten(venue, listing, collar, stamp, symbol).go(pause)


class _Flatten:
    """One call of ``flatten``."""

    def __init__(self, venue: Venue, listing: Listing, collar: Decimal, stamp: str, symbol: str | None) -> None:
        self._venue, self._listing, self._collar, self._stamp, self._symbol = venue, listing, collar, stamp, symbol
        self._done = Cleared()
        self._instruments: dict[str, Instrument] = {}
        self._asked: dict[str, Decimal] = {}  # units that an order without an answer was for

    async def go(self, pause: Callable[[float], Awaitable[None]]) -> Cleared:
        done = self._done
        for number in range(ROUNDS):
            if number:
                await pause(BEHIND_SECONDS)
            cancels = await cancel_orders(self._venue, self._symbol)
            done.cancelled += cancels.cancelled
            done.left, done.failed, done.swept = cancels.left, cancels.failed, done.swept or cancels.swept
            try:
                held = await self._held()
            except VenueError as error:
                done.leave(POSITIONS, f"they could not be read: {error}", failed=True)
                continue
            # What has just been cancelled may have filled before: the next round sees it.
            if not held and not done.left and not cancels.cancelled:
                break
            await self._list(held)
            await asyncio.gather(*(self._close(number, name, quantity) for name, quantity in held.items()))
        return done

    async def _held(self) -> dict[str, Decimal]:
        told = await _within(READ_SECONDS, self._venue.holdings())
        for name, asked in self._asked.items():
            gone = asked - abs(told.get(name, ZERO))
            if gone > 0:
                self._done.closed[name] = self._done.closed.get(name, ZERO) + gone
        self._asked.clear()
        return {name: quantity for name, quantity in told.items() if self._symbol in (None, name)}

    async def _list(self, held: Collection[str]) -> None:
        unknown = [name for name in held if name not in self._instruments]
        if not unknown:
            return
        try:
            self._instruments |= await _within(READ_SECONDS, self._listing(unknown))
        except VenueError as error:
            for name in unknown:
                self._done.leave(name, f"its market could not be read: {error}", failed=True)

    async def _close(self, number: int, name: str, held: Decimal) -> None:
        """Close one position as far as it goes."""
        done, instrument = self._done, self._instruments.get(name)
        if instrument is None:
            if name not in done.left:
                done.leave(name, "the venue does not list its market", failed=True)
            return
        side = Side.SELL if held > 0 else Side.BUY
        try:
            quote = await _within(READ_SECONDS, self._venue.quote(name))
        except VenueError as error:
            done.leave(name, f"its prices could not be read: {error}", failed=True)
            return
        price = quote.bid if side is Side.SELL else quote.ask
        if price is None:
            done.leave(name, "nobody is there to trade with", failed=False)
            return
        rounding = ROUND_FLOOR if side is Side.SELL else ROUND_CEILING
        limit = instrument.within(instrument.on_grid(Decimal(repr(price)) + self._collar * side.sign, rounding))
        client_id = f"{self._stamp}-{number}-{name}"
        wire = WireOrder(client_id, name, side, abs(held), limit, immediate=True, reduce_only=True)
        (answer,) = await _each([self._venue.send(wire)])
        if answer.outcome is not Outcome.DONE or answer.filled is None:
            if answer.outcome is not Outcome.REFUSED:
                self._asked[name] = abs(held)
            done.leave(name, answer.reason or str(answer.outcome), failed=True)
            return
        if answer.filled:
            done.closed[name] = done.closed.get(name, ZERO) + answer.filled
        if answer.filled < abs(held):
            done.leave(name, f"{abs(held) - answer.filled} of {abs(held)} found nobody", failed=False)


async def _within(seconds: float, work: Awaitable[T]) -> T:
    """The answer to a read; VenueError when it does not come in time."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        raise VenueError(f"no answer within {seconds:g} s") from None


async def _each(requests: Iterable[Awaitable[Answer]]) -> list[Answer]:
    """The answers to requests that go out together, in their order; UNKNOWN for one that does not come in time."""

    async def one(request: Awaitable[Answer]) -> Answer:
        try:
            return await _within(WRITE_SECONDS, request)
        except VenueError as error:
            return Answer(Outcome.UNKNOWN, reason=str(error))

    return list(await asyncio.gather(*(one(request) for request in requests)))
