"""Tradier as the engine's venue: orders out once, answers as what is certain, the account's lists read to their end.

Tradier knows no idempotency: two equal requests are two orders. So each request goes out once, with the client id as
its tag, and only the lists, which show tags, say what became of one without an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal

from connectors.tradier.client import TradierRest
from connectors.tradier.errors import AlreadyFinal, NoSuchOrder, OrderRefused, OutcomeUnknown, RateLimited, TradierError
from connectors.tradier.events import OrderEvent
from connectors.tradier.listing import form_of, underlying_of, venue_orders
from connectors.tradier.orders import FINAL, Listed
from connectors.transport.turns import asking, verdict, waiting
from engine.market.events import Quote
from engine.market.venue import (
    ZERO,
    Answer,
    Outcome,
    Picture,
    Urgency,
    VenueError,
    VenueLimited,
    VenueOrder,
    WireOrder,
)

TRIES = 3  # readings of orders and positions until nothing traded in between
FIRST_LOOK_SECONDS = 0.1
LONGEST_LOOK_SECONDS = 1.0
IMMEDIATE_SECONDS = 1.5  # how long an order that is meant for now may rest before it is cancelled
VERDICT_SECONDS = 6.0  # how long a cancel may take to say what it came to
VISIBLE_SECONDS = 1.5  # how long a new order may take to be seen

_Check = Callable[[Listed], bool]


class TradierVenue:
    """Implements ``engine.market.venue.BracketVenue``.

    Tradier has no immediate orders: such a one rests for a second and a half at most, and what is left is cancelled
    before its answer is given.
    """

    def __init__(self, rest: TradierRest) -> None:
        self._rest, self._clock = rest, rest.http.clock
        self._roots: dict[str, str] = {}  # of every order that was seen, the one whose cancel takes it off
        self._cancels: dict[str, asyncio.Task[Listed]] = {}

    async def arm(self) -> None:
        """Nothing: Tradier has no fuse of its own."""

    async def disarm(self) -> None:
        """Nothing."""

    # -- orders --------------------------------------------------------------------------------------------------------

    async def send(self, order: WireOrder) -> Answer:
        """Send one order, once."""
        return (await self._send((order,)))[0]

    async def together(self, orders: Sequence[WireOrder]) -> list[Answer]:
        """Send an entry with its legs, or two legs, in one request, once."""
        return await self._send(orders)

    async def _send(self, orders: Sequence[WireOrder]) -> list[Answer]:
        try:
            form = form_of(orders)
        except ValueError as error:
            return [Answer(Outcome.REFUSED, reason=str(error))] * len(orders)
        urgency = orders[0].urgency
        try:
            with asking(urgency):
                made = await self._rest.place(form)
        except TradierError as error:
            # Nothing can be gone before it was there: an account that is not ours took nothing.
            meaning = Outcome.REFUSED if isinstance(error, NoSuchOrder) else error.meaning
            return [Answer(meaning, reason=_why(error), wait_seconds=error.wait_seconds)] * len(orders)
        if orders[0].immediate:
            with asking(min(urgency, Urgency.CANCEL)):
                seen = await self._now_or_never(made.id)
        elif len(orders) > 1:
            with asking(Urgency.LOOK):
                seen = await self._visible(made.id)
        else:
            seen = None
        return self._answers(orders, made.id, seen)

    def _answers(self, orders: Sequence[WireOrder], order_id: str, seen: Listed | None) -> list[Answer]:
        """What each of the orders came to, as far as was seen."""
        told = tuple(self._take(seen)) if seen is not None else ()
        if len(orders) == 1:
            found = [told[0] if told else None]
        else:
            by_id = {order.client_id: order for order in told}
            found = [by_id.get(order.client_id) for order in orders]
        answers = []
        for number, (wire, listed) in enumerate(zip(orders, found, strict=True)):
            over = listed is not None and not listed.open
            first = order_id if number == 0 and (len(orders) == 1 or wire.client_id == _head(orders)) else ""
            answers.append(Answer(
                Outcome.DONE, listed.venue_order_id if listed is not None else first,
                listed.filled if over and listed is not None else None, ZERO if over else None,
                orders=told if number == 0 else (),
            ))  # fmt: skip
        return answers

    async def cancel(self, venue_order_id: str, symbol: str, urgency: Urgency = Urgency.CANCEL) -> Answer:
        """Cancel an order and what hangs together with it, and wait for the verdict."""
        try:
            with asking(urgency, self._turn):
                root = await self._root_of(venue_order_id)
                seen = await self._cancelled(root)
        except TradierError as error:
            return self._failed(error, venue_order_id)
        told = tuple(self._take(seen))
        mine = next((order for order in told if order.venue_order_id == venue_order_id), None)
        if mine is None or mine.open:
            return Answer(Outcome.UNKNOWN, venue_order_id, reason="its cancel has no verdict yet", orders=told)
        left = mine.quantity - mine.filled
        return Answer(Outcome.DONE if left else Outcome.GONE, venue_order_id, mine.filled, left or None, "", told)

    async def shrink(
        self, venue_order_id: str, symbol: str, by: Decimal, urgency: Urgency = Urgency.CANCEL
    ) -> Answer:
        """Tradier changes no quantities."""
        return Answer(Outcome.REFUSED, venue_order_id, reason="Tradier changes no quantities")

    async def move(self, venue_order_id: str, symbol: str, price: Decimal) -> Answer:
        """Give a stop that rests another price."""
        try:
            with asking(Urgency.CHANGE):
                await self._rest.modify(venue_order_id, stop=price)
        except TradierError as error:
            return self._failed(error, venue_order_id)
        return Answer(Outcome.DONE, venue_order_id)

    async def cancel_all(self) -> Answer:
        """Cancel everything that rests, one after the other, as Tradier has no request for all."""
        with asking(Urgency.CANCEL, self._turn):
            try:
                roots = [root.id for root in await self._rest.orders() if not root.over]
            except TradierError as error:
                return self._failed(error)
            failed = ""
            for root in roots:
                try:
                    await self._rest.cancel(root)
                except (AlreadyFinal, NoSuchOrder):
                    continue
                except TradierError as error:
                    failed = failed or _why(error)
        return Answer(Outcome.UNKNOWN, reason=failed) if failed else Answer(Outcome.DONE)

    def _failed(self, error: TradierError, venue_order_id: str = "") -> Answer:
        return Answer(error.meaning, venue_order_id, reason=_why(error), wait_seconds=error.wait_seconds)

    @property
    def _turn(self) -> float:
        return self._rest.http.timeouts.turn

    def leave(self) -> None:
        """What waits for its turn is not sent, and from now on only what may go at once."""
        self._rest.http.limits.close()

    # -- following one order -------------------------------------------------------------------------------------------

    async def _now_or_never(self, order_id: str) -> Listed | None:
        """An order that is meant for now: what rests after a moment is cancelled. None when that could not be done."""
        seen = await self._until(order_id, IMMEDIATE_SECONDS, _entry_over)
        if seen is not None and _entry_over(seen):
            return seen
        try:
            return await self._cancelled(order_id)
        except TradierError:
            return seen

    async def _visible(self, order_id: str) -> Listed | None:
        """A new order, once it is seen, for the ids of its legs; None when it is not in time."""
        return await self._until(order_id, VISIBLE_SECONDS, lambda root: True)

    async def _cancelled(self, root: str) -> Listed:
        """Cancel once, however many ask for it, and return how the order stands after that."""
        task = self._cancels.get(root)
        if task is None:
            task = self._cancels[root] = asyncio.create_task(self._cancel_root(root))
            task.add_done_callback(lambda _: self._cancels.pop(root, None))
        return await asyncio.shield(task)

    async def _cancel_root(self, root: str) -> Listed:
        with suppress(AlreadyFinal):
            await self._rest.cancel(root)

        def ended(order: Listed) -> bool:
            return all(o.over for o in order.all() if o.side)

        try:
            with verdict():
                seen = await self._until(root, VERDICT_SECONDS, ended)
                return seen if seen is not None else await self._rest.order(root)
        except RateLimited as error:  # it is the read that was not sent; the cancel was
            raise OutcomeUnknown(f"its cancel was asked for, and has no verdict yet: {error}") from error

    async def _until(self, order_id: str, seconds: float, done: _Check) -> Listed | None:
        """Look at an order, more and more rarely, until it is so or the time is over; None if it was never seen."""
        ends, wait = self._clock.monotonic() + seconds, FIRST_LOOK_SECONDS
        seen: Listed | None = None
        while True:
            with suppress(TradierError), waiting(max(ends - self._clock.monotonic(), 0.0)):
                seen = await self._rest.order(order_id)
                if done(seen):
                    return seen
            if self._clock.monotonic() + wait > ends:
                return seen
            await self._clock.sleep(wait)
            wait = min(wait * 2, LONGEST_LOOK_SECONDS)

    async def _root_of(self, order_id: str) -> str:
        """The order whose cancel takes this one off."""
        if order_id not in self._roots:
            for root in await self._rest.orders():
                self._take(root)
        return self._roots.get(order_id, order_id)

    def _take(self, root: Listed) -> list[VenueOrder]:
        """What trades of a listed order; it is remembered what hangs together."""
        found = venue_orders(root)
        for name in {order.venue_order_id for order in found} | {node.id for node in root.all()}:
            if name not in self._roots or root.legs:
                self._roots[name] = root.id
        return found

    async def order_news(self, told: Sequence[OrderEvent]) -> list[VenueOrder]:
        """An order that the account's stream has told of, as it stands; ``told`` is of one order and its legs.

        Tradier's reads are a moment behind its stream, so it is read until they have come as far. VenueError when that
        takes too long.
        """
        root = told[0].parent_id or self._roots.get(told[0].id, told[0].id)
        with asking(Urgency.LOOK):
            seen = await self._until(root, VISIBLE_SECONDS, lambda order: all(_shows(order, event) for event in told))
        if seen is None or not all(_shows(seen, event) for event in told):
            raise VenueError(f"order {root} does not show yet what the stream has told of it")
        return self._take(seen)

    # -- reads ---------------------------------------------------------------------------------------------------------

    async def resting(self, symbol: str | None = None) -> list[VenueOrder]:
        """All orders that rest, or those of a symbol."""
        with _reading(Urgency.REDUCE, self._turn):
            told = self._all(await self._rest.orders())
        return [order for order in told if order.open and symbol in (None, order.symbol)]

    async def holdings(self) -> dict[str, Decimal]:
        """Units held by symbol, below zero short."""
        with _reading(Urgency.REDUCE, self._turn):
            told = await self._rest.positions()
        return _held((p.symbol, p.quantity) for p in told)

    async def quote(self, symbol: str) -> Quote:
        """Best prices now."""
        name = underlying_of(symbol) if "." in symbol else symbol
        with _reading(Urgency.REDUCE, self._turn):
            told = (await self._rest.quotes([name])).found.get(name)
        if told is None:
            raise VenueError(f"Tradier has no quote of {symbol}")
        return Quote(
            symbol, self._clock.now_ns(), _number(told.bid), _number(told.bid_size), _number(told.ask),
            _number(told.ask_size),
        )  # fmt: skip

    async def picture(self, since_ns: int, known: Collection[str] = ()) -> Picture:
        """The account whole. Positions count only when nothing traded while they were read.

        Tradier lists what rests and the orders of the trading day; one that is known and not listed is asked for alone.
        """
        with _reading(Urgency.LOOK):
            began_ns = self._clock.now_ns()
            before = await self._rest.orders()
            for _ in range(TRIES):
                positions, balances = await self._rest.positions(), await self._rest.balances()
                after = await self._rest.orders()
                if _traded(before) == _traded(after):
                    break
                before = after
            orders, missing = self._all(after), set()
            listed = {order.venue_order_id for order in orders}
            for name in known:
                if name not in listed:
                    try:
                        orders += self._take(await self._rest.order(name))
                    except NoSuchOrder:
                        missing.add(name)
        held = _held((p.symbol, p.quantity) for p in positions)
        costs = {p.symbol.replace("/", "."): abs(p.cost / p.quantity) for p in positions if p.quantity}
        return Picture(
            began_ns, since_ns, orders, (), held, costs, (), balances.total_cash, frozenset(missing), began_ns, ZERO,
            rests_on_cash=False,
        )

    def _all(self, roots: Iterable[Listed]) -> list[VenueOrder]:
        return [order for root in roots for order in self._take(root)]


@contextmanager
def _reading(urgency: Urgency, patience: float | None = None) -> Iterator[None]:
    """A read of the account; what fails of it is told as the engine knows it. With ``patience`` (s) it says soon when
    there is no room for it."""
    try:
        with asking(urgency, patience):
            yield
    except RateLimited as error:
        raise VenueLimited(str(error), error.wait_seconds) from error
    except TradierError as error:
        raise VenueError(str(error)) from error


def _head(orders: Sequence[WireOrder]) -> str:
    """The client id of the order that goes by the parent's id; that of no order when all are legs."""
    first, second = orders[0].client_id, orders[1].client_id
    return first if second.startswith(f"{first}-") else ""


def _shows(root: Listed, told: OrderEvent) -> bool:
    """Whether an order as it is listed is not older than what the stream told of it."""
    nodes = [node for node in root.all() if node.id == told.id]
    return all(node.executed >= told.executed and (node.over or told.status not in FINAL) for node in nodes)


def _entry_over(root: Listed) -> bool:
    """Whether nothing of an order can fill any more; of a bracket: of its entry."""
    told = venue_orders(root)
    return not told or not told[0].open


def _traded(roots: Iterable[Listed]) -> Mapping[str, Decimal]:
    return {node.id: node.executed for root in roots for node in root.all() if node.executed}


def _held(told: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for symbol, quantity in told:
        name = symbol.replace("/", ".")
        found[name] = found.get(name, ZERO) + quantity
    return {name: quantity for name, quantity in found.items() if quantity}


def _number(value: Decimal | None) -> float | None:
    return None if value is None or value <= 0 else float(value)


def _why(error: TradierError) -> str:
    return "; ".join(error.reasons) if isinstance(error, OrderRefused) else str(error)
