"""Takes orders off a venue and closes positions, without rules, halts or a running engine: it only ever reduces.

Every step has its time, and what fails of one order or one market stops nothing of the others: it is tried again, and
at the end it is said what was done, what was not, and why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple, TypeVar

from engine.market.instrument import Instrument
from engine.market.orders import Side
from engine.market.venue import (
    ZERO,
    Answer,
    Outcome,
    Urgency,
    Venue,
    VenueError,
    VenueLimited,
    VenueOrder,
    WireOrder,
    head_of,
)

ROUNDS = 5
BEHIND_SECONDS = 1.5  # how far a venue's lists may be behind what has just been done
HEAD_START_SECONDS = 5.0  # of closes before the cancels that stand in nobody's way
LONGEST_WAIT_SECONDS = 180.0  # for room at a venue: three windows of a minute
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

    def forget(self, name: str) -> None:
        """It is tried again."""
        self.left.pop(name, None)
        self.failed.discard(name)

    def add(self, cancels: Cleared) -> None:
        """What became of some cancels, too."""
        self.cancelled += cancels.cancelled
        self.left |= cancels.left
        self.failed |= cancels.failed
        self.swept = self.swept or cancels.swept


@dataclass(slots=True)
class Room:
    """Waits for room at a venue that lets only so many requests through, ``left`` seconds in all. ``pause`` waits so
    many seconds, and ``tell`` hears of it."""

    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    tell: Callable[[str], None] = lambda words: None
    left: float = LONGEST_WAIT_SECONDS

    async def wait(self, seconds: float) -> bool:
        """Wait until there is room again; False, at once, when that takes too long."""
        seconds = max(seconds, BEHIND_SECONDS)
        if seconds > self.left:
            return False
        self.left -= seconds
        self.tell(f"the venue lets no more requests through for now; it goes on in {seconds:.0f} s")
        await self.pause(seconds)
        return True

    async def reading(self, read: Callable[[], Awaitable[T]]) -> T:
        """What is read, once there is room for it. Raises VenueError."""
        while True:
            try:
                return await read()
            except VenueLimited as error:
                if not await self.wait(error.wait_seconds):
                    raise


async def cancel_orders(
    venue: Venue, symbol: str | None = None, older_than_ns: int | None = None, *, only: Collection[str] = (),
    entries: bool = False, room: Room | None = None,
) -> Cleared:  # fmt: skip
    """Cancel every order that rests, or those of a symbol, those created before an instant, those of ``only`` these
    client ids of entries; with ``entries`` not those that could reduce what is held.

    When the venue cannot say which those are, or leaves a cancel unanswered, everything is cancelled at once: unless
    only some were to go, which is said instead. Where it lets no more requests through for now, that is waited for.
    """
    done, room = Cleared(), room or Room()
    everything = symbol is None and older_than_ns is None and not only and not entries

    async def chosen() -> list[VenueOrder]:
        held = await _within(READ_SECONDS, venue.holdings()) if entries else {}
        return [
            order for order in await _within(READ_SECONDS, venue.resting(symbol))
            if (older_than_ns is None or order.created_ns < older_than_ns)
            and (not only or head_of(order.client_id) in only)
            and held.get(order.symbol, ZERO) * order.side.sign >= 0
        ]  # fmt: skip

    try:
        orders = await room.reading(chosen)
    except VenueError as error:
        if everything:
            await _sweep(venue, done, f"the list of orders could not be read: {error}")
        else:
            why = f"the list could not be read, so that it is not known which they are: {error}"
            done.leave(ORDERS, f"{why}; `engine cancel` alone cancels everything without the list", failed=True)
        return done
    limited = await _take_off(venue, orders, done)
    while limited is not None and await room.wait(limited.seconds):
        for order in limited.orders:
            done.forget(order.venue_order_id)
        limited = await _take_off(venue, limited.orders, done)
    if done.left and everything and limited is None:
        await _sweep(venue, done, _failures(done))
    return done


class _Limited(NamedTuple):
    """Orders whose cancels were not let through, and in how many seconds the next may be."""

    orders: list[VenueOrder]
    seconds: float


async def _take_off(
    venue: Venue, orders: Collection[VenueOrder], done: Cleared, urgency: Urgency = Urgency.CANCEL
) -> _Limited | None:
    """Cancel these orders, and say what became of it; those that the venue did not let through are told, too."""
    answers = await _each(venue.cancel(o.venue_order_id, o.symbol, urgency) for o in orders)
    limited = []
    for order, answer in zip(orders, answers, strict=True):
        if answer.outcome is Outcome.DONE:
            done.cancelled.append(order)
        elif answer.outcome is not Outcome.GONE:
            done.leave(order.venue_order_id, answer.reason or str(answer.outcome), failed=True)
            if answer.outcome is Outcome.LIMITED:
                limited.append((answer.wait_seconds, order))
    return _Limited([order for _, order in limited], min(s for s, _ in limited)) if limited else None


async def _sweep(venue: Venue, done: Cleared, why: str) -> None:
    """Cancel everything at once."""
    (answer,) = await _each([venue.cancel_all()])
    if answer.outcome is Outcome.DONE:
        done.swept = why
        done.left.clear()
        done.failed.clear()
    else:
        done.leave(ORDERS, f"{why}; to cancel everything at once failed, too: {answer.reason}", failed=True)


def _failures(done: Cleared) -> str:
    return f"{len(done.left)} cancel(s) failed: {next(iter(done.left.values()))}"


async def flatten(
    venue: Venue, listing: Listing, collar: Decimal, stamp: str, symbol: str | None = None, room: Room | None = None
) -> Cleared:
    """Close what is held with immediate orders that can only reduce, and cancel what rests.

    What stands in the way of a close is cancelled before it, everything else after all of them. ``listing`` reads the
    markets of some symbols; ``stamp`` makes the client ids of this call its own. Tried anew a few times, from the
    venue's own lists, as far as the book goes; what is left then is said with its reason.
    """
    return await _Flatten(venue, listing, collar, stamp, symbol, room or Room()).go()


class _Flatten:
    """One call of ``flatten``."""

    def __init__(
        self, venue: Venue, listing: Listing, collar: Decimal, stamp: str, symbol: str | None, room: Room
    ) -> None:
        self._venue, self._listing, self._collar, self._stamp, self._symbol = venue, listing, collar, stamp, symbol
        self._room = room
        self._done = Cleared()
        self._instruments: dict[str, Instrument] = {}
        self._asked: dict[str, Decimal] = {}  # units that an order without an answer was for
        self._limited: list[float] = []  # seconds that requests of this round have to wait for the venue
        self._taken: set[str] = set()  # orders that this round cancels before a close

    async def go(self) -> Cleared:
        rounds = number = 0
        while rounds < ROUNDS and not await self._round(number):
            number += 1
            if not self._limited:
                rounds += 1
                if rounds < ROUNDS:
                    await self._room.pause(BEHIND_SECONDS)
            elif not await self._room.wait(min(self._limited)):
                break
        return self._done

    async def _round(self, number: int) -> bool:
        """Look at the account and do what is to be done; True when nothing was."""
        done = self._done
        done.left, done.failed, self._limited, self._taken = {}, set(), [], set()
        orders = await self._resting()
        try:
            held = await self._held()
        except VenueError as error:
            self._fail(POSITIONS, f"they could not be read: {error}", error)
            held = {}
        # What has just been cancelled may have filled before: the next round sees it.
        if not held and not orders and not done.left:
            return True
        await self._list(held)
        closing = [asyncio.ensure_future(self._close(number, n, q, orders)) for n, q in held.items()]
        if closing:
            await asyncio.wait(closing, timeout=HEAD_START_SECONDS)
        await self._cancel([o for o in orders if o.venue_order_id not in self._taken])
        await asyncio.gather(*closing)
        return False

    async def _resting(self) -> list[VenueOrder]:
        """What rests. Where it cannot be read, everything is cancelled at once, if everything is to go."""
        done = self._done
        try:
            return list(await _within(READ_SECONDS, self._venue.resting(self._symbol)))
        except VenueLimited as error:
            self._fail(ORDERS, str(error), error)
        except VenueError as error:
            why = f"the list of orders could not be read: {error}"
            if self._symbol is None:
                await _sweep(self._venue, done, why)
            else:
                done.leave(ORDERS, f"{why}; `engine cancel` alone cancels everything without the list", failed=True)
        return []

    async def _cancel(self, orders: list[VenueOrder]) -> None:
        """What stands in nobody's way."""
        cancels = Cleared()
        limited = await _take_off(self._venue, orders, cancels)
        if limited is not None:
            self._limited.append(limited.seconds)
        elif cancels.left and self._symbol is None:
            await _sweep(self._venue, cancels, _failures(cancels))
        self._done.add(cancels)

    def _fail(self, name: str, why: str, error: VenueError | None = None) -> None:
        self._done.leave(name, why, failed=True)
        if isinstance(error, VenueLimited):
            self._limited.append(error.wait_seconds)

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
                self._fail(name, f"its market could not be read: {error}", error)

    async def _close(self, number: int, name: str, held: Decimal, orders: Sequence[VenueOrder]) -> None:
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
            self._fail(name, f"its prices could not be read: {error}", error)
            return
        price = quote.bid if side is Side.SELL else quote.ask
        if price is None:
            done.leave(name, "nobody is there to trade with", failed=False)
            return
        rounding = ROUND_FLOOR if side is Side.SELL else ROUND_CEILING
        limit = instrument.within(instrument.on_grid(Decimal(repr(price)) + self._collar * side.sign, rounding))
        if not await self._make_way(name, in_the_way(orders, name, side, limit)):
            return
        client_id = f"{self._stamp}-{number}-{name}"
        wire = WireOrder(client_id, name, side, abs(held), limit, immediate=True, reduce_only=True)
        (answer,) = await _each([self._venue.send(wire)])
        self._closed(name, abs(held), answer)

    async def _make_way(self, name: str, orders: Sequence[VenueOrder]) -> bool:
        """Cancel what stands in the way of a close; whether all of it came off, and none of it had filled before."""
        self._taken |= {order.venue_order_id for order in orders}
        cancels = Cleared()
        limited = await _take_off(self._venue, orders, cancels, Urgency.REDUCE)
        if limited is not None:
            self._limited.append(limited.seconds)
        self._done.add(cancels)
        if len(cancels.cancelled) == len(orders):
            return True
        why = next(iter(cancels.left.values()), "an order in its way was over already, and what is held is read again")
        self._done.leave(name, why, failed=True)
        return False

    def _closed(self, name: str, wanted: Decimal, answer: Answer) -> None:
        """What became of the order that closes a position."""
        done = self._done
        if answer.outcome is Outcome.LIMITED:
            self._limited.append(answer.wait_seconds)
            done.leave(name, answer.reason, failed=True)
        elif answer.outcome is not Outcome.DONE or answer.filled is None:
            if answer.outcome is not Outcome.REFUSED:
                self._asked[name] = wanted
            done.leave(name, answer.reason or str(answer.outcome), failed=True)
        else:
            if answer.filled:
                done.closed[name] = done.closed.get(name, ZERO) + answer.filled
            if answer.filled < wanted:
                done.leave(name, f"{wanted - answer.filled} of {wanted} found nobody", failed=False)


def in_the_way(orders: Sequence[VenueOrder], symbol: str, side: Side, limit: Decimal) -> list[VenueOrder]:
    """What rests in ``symbol`` and keeps an order of that side and limit from closing a position: orders of the same
    side, for which a venue keeps the units back, and such of the other as it would trade with itself.

    Legs of an entry that still rests sleep, and keep nothing back.
    """
    entries = {order.client_id for order in orders if order.client_id}
    return [
        order for order in orders
        if order.symbol == symbol and head_of(order.client_id) not in entries
        and (order.side is side or (order.limit - limit) * side.sign <= 0)
    ]  # fmt: skip


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
