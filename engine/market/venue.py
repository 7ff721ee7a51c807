"""A venue as the engine speaks of it: what is sent there, what it answers, and what it says of the account.

Prices are money per unit, quantities units; a position is signed. All times are UTC nanoseconds. A venue connector
implements ``Venue`` and ``Feed``; nothing of rules is known here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from engine.market.events import Bar, MarketEvent, Quote
from engine.market.orders import Leg, OrderType, Side

ZERO = Decimal(0)


class Urgency(IntEnum):
    """What goes first where a venue lets only so many requests through in a time: the smallest."""

    REDUCE = 0  # closes or protects a position, or stands in the way of what does
    CANCEL = 1  # takes off what could open
    LOOK = 2  # reads what the safety of orders hangs on: what became of one, what is held
    CHANGE = 3  # changes what rests
    ENTRY = 4  # may open or add
    ROUTINE = 5  # everything else


class WireOrder(NamedTuple):
    """One order as it goes to a venue: a limit, or where the venue has them a stop, which ``limit`` then wakes.

    ``immediate``: what does not fill at once is cancelled by the venue. ``reduce_only``: the venue fills no more of it
    than is held against it; a venue may have that for immediate orders alone. ``expires_ns``: the venue cancels what
    rests then. ``guarded``: it may open or add, so that it belongs to the venue-side fuse, where the venue has one.
    """

    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    limit: Decimal
    immediate: bool = False
    reduce_only: bool = False
    expires_ns: int | None = None
    guarded: bool = False
    type: OrderType = OrderType.LIMIT

    @property
    def urgency(self) -> Urgency:
        """Its place among requests that wait."""
        return Urgency.ENTRY if self.guarded else Urgency.REDUCE


def leg_id(head: str, leg: Leg) -> str:
    """The client id of a stop or a target that goes out together with others, whose request is known as ``head``."""
    return f"{head}-{leg}"


def head_of(client_id: str) -> str:
    """The request that an order with such an id went out with; of any other order an id that nothing has."""
    return client_id.rpartition("-")[0]


class Outcome(StrEnum):
    """What is certain after one request about an order."""

    DONE = "done"  # the venue did it
    REFUSED = "refused"  # the venue did nothing
    LIMITED = "limited"  # the venue did nothing; it may be asked again after a while
    DUPLICATE = "duplicate"  # the client id was used before: find that order in the lists
    GONE = "gone"  # nothing rests under this id; only the lists say whether it was cancelled or filled
    UNKNOWN = "unknown"  # it may have been done; only the lists say


class VenueOrder(NamedTuple):
    """An order as the venue lists it; ``client_id`` may be another program's. ``open``: it can still fill.

    ``quantity`` is what was wanted in all, ``filled`` so far. ``why``: the venue's word for its last change. Of a stop
    ``limit`` is the price that wakes it. ``average``: what a unit of the filled came to, at a venue that tells no
    executions but only totals; then fills are made of those. ``changed_ns``: when it changed last, 0 where not told.
    """

    venue_order_id: str
    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    filled: Decimal
    limit: Decimal
    open: bool
    created_ns: int
    why: str = ""
    average: Decimal | None = None
    changed_ns: int = 0


class Answer(NamedTuple):
    """What one request came to. ``filled``: units filled so far, None where it is not said; ``rests``: units left.
    ``orders``: what was read of orders on the way. ``wait_seconds``: of one that was LIMITED, when it may be asked
    again; 0 where that is not known."""

    outcome: Outcome
    venue_order_id: str = ""
    filled: Decimal | None = None
    rests: Decimal | None = None
    reason: str = ""
    orders: tuple[VenueOrder, ...] = ()
    wait_seconds: float = 0.0


class VenueFill(NamedTuple):
    """An execution as the venue lists it. ``client_id`` is empty where only the venue's own id is told."""

    fill_id: str
    venue_order_id: str
    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    time_ns: int


class VenueSettlement(NamedTuple):
    """A market that paid out: ``value`` is money per unit of a long position."""

    symbol: str
    value: Decimal
    fee: Decimal
    time_ns: int


class Charge(NamedTuple):
    """A trade as the venue's history tells it afterwards. ``day``: the venue's day, YYYY-MM-DD; ``quantity`` is signed
    and in units, above zero is bought; ``price`` money a unit; ``amount``: the money that came by it, all costs taken
    off, below zero when it left. ``commission``: what of the costs is told as such."""

    day: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    amount: Decimal
    commission: Decimal


class Charges(NamedTuple):
    """Trades of the days that the venue's history has by now; ``day_of``: the day of an instant there."""

    charges: Sequence[Charge]
    day_of: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Picture:
    """The venue's own lists, all pages of them, as of one instant: everything up to ``as_of_ns`` is in it, by the
    venue's clock. By our own clock that is at least everything up to ``covered_ns``; 0 while the two cannot be
    compared, and then nothing can be concluded from what is not in the lists.

    ``orders``: all that rest, and all created since ``since_ns``; ``fills`` and ``settlements`` since then;
    ``positions``: signed units by symbol, without zeros; ``costs``: what a unit of each cost on average.
    ``missing``: ids that were asked for and that the venue does not know. ``cash`` is money that could be spent;
    ``kept_back``: what of it the venue keeps back for each unit that is sold short, money; ``rests_on_cash``: whether
    it keeps money back for orders that rest, too.
    """

    as_of_ns: int
    since_ns: int
    orders: Sequence[VenueOrder] = ()
    fills: Sequence[VenueFill] = ()
    positions: Mapping[str, Decimal] = field(default_factory=dict)
    costs: Mapping[str, Decimal] = field(default_factory=dict)
    settlements: Sequence[VenueSettlement] = ()
    cash: Decimal = ZERO
    missing: frozenset[str] = frozenset()
    covered_ns: int = 0
    kept_back: Decimal = Decimal(1)
    rests_on_cash: bool = True


class VenueError(Exception):
    """The venue cannot be read. The text says what was asked and what came instead."""


class VenueLimited(VenueError):
    """There is no room for a read among what the venue lets through; there may be in ``wait_seconds``."""

    def __init__(self, message: str, wait_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class Venue(Protocol):
    """Orders and the account. The order methods never raise for what a venue can answer: they say what is certain."""

    async def send(self, order: WireOrder) -> Answer:
        """Send one order, once."""
        ...

    async def cancel(self, venue_order_id: str, symbol: str, urgency: Urgency = Urgency.CANCEL) -> Answer:
        """Cancel what rests of one order; ``rests`` of the answer is what that took off the market."""
        ...

    async def shrink(
        self, venue_order_id: str, symbol: str, by: Decimal, urgency: Urgency = Urgency.CANCEL
    ) -> Answer:
        """Take ``by`` units off what rests of an order; it keeps its place in the queue."""
        ...

    async def cancel_all(self) -> Answer:
        """Cancel everything that rests, in all markets; it may hit orders of the next minute, too."""
        ...

    async def resting(self, symbol: str | None = None) -> Sequence[VenueOrder]:
        """All orders that rest, or those of a symbol. VenueError when any page fails."""
        ...

    async def holdings(self) -> Mapping[str, Decimal]:
        """Signed units by symbol, without zeros. VenueError when any page fails."""
        ...

    async def quote(self, symbol: str) -> Quote:
        """Best bid and ask now. VenueError when they cannot be read."""
        ...

    async def picture(self, since_ns: int, known: Collection[str] = ()) -> Picture:
        """Read the account whole; ``known``: venue ids of orders believed open. VenueError when any page fails."""
        ...


@runtime_checkable
class BracketVenue(Venue, Protocol):
    """A venue that keeps stops itself, wakes orders by the fill of another, and lets one cancel another."""

    async def together(self, orders: Sequence[WireOrder]) -> Sequence[Answer]:
        """Send orders that belong together in one request, once; an answer for each.

        Either an entry, which has the head's id, and one or two legs that its fill wakes; or two legs alone. Of two
        legs the fill of one cancels the other. See ``leg_id``.
        """
        ...

    async def move(self, venue_order_id: str, symbol: str, price: Decimal) -> Answer:
        """Give a stop that rests another price. REFUSED: it is as it was."""
        ...


class LinkUp(NamedTuple):
    """The stream is up and everything is subscribed: what happened before was missed. Reconcile now."""

    time_ns: int


class LinkDown(NamedTuple):
    """The stream is lost: what happens from now on is missed."""

    time_ns: int
    reason: str


class Missed(NamedTuple):
    """Something could not be read or was lost on the way: the lists must be read."""

    time_ns: int
    reason: str


class Unheard(NamedTuple):
    """Bars of a symbol were missed, and cannot be read any more."""

    time_ns: int
    symbol: str
    reason: str


class Reopened(NamedTuple):
    """A market takes orders again: what was refused meanwhile may be asked again."""

    time_ns: int
    symbol: str


News = VenueOrder | VenueFill | LinkUp | LinkDown | Missed | Unheard | Reopened


class Batch(NamedTuple):
    """What a feed has told since it was last asked: market events for the rules, news for whoever keeps the orders."""

    time_ns: int
    events: Sequence[MarketEvent]
    news: Sequence[News]


class PastBars(NamedTuple):
    """The bars of some symbols up to ``until_ns``, where a feed goes on; ``missing``: symbols of which they could not
    be read, and why."""

    bars: Sequence[Bar]
    until_ns: int
    missing: Mapping[str, str]


class Feed(Protocol):
    """A live stream of one venue."""

    async def batch(self) -> Batch:
        """Wait for something, and take everything that is there by then. VenueError when the stream cannot go on."""
        ...
