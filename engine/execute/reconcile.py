"""Our books against the venue's: what to book, to settle, to adopt and to tell. Pure; run at start-up and after breaks.

The venue is right about what happened. But its lists are read one after another and lag behind, so nothing is
concluded from an order that is not listed until the lists are known to be newer than it, and nothing from a position
while a fill is still missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from engine.market.orders import Side
from engine.market.venue import ZERO, Picture, VenueFill, VenueOrder, VenueSettlement


class ForeignPolicy(StrEnum):
    """What becomes of resting orders at the venue that this engine did not send."""

    ADOPT = "adopt"  # take them into the books, so that `cancel` and `flatten` reach them
    IGNORE = "ignore"
    ALERT = "alert"


class Mine(NamedTuple):
    """One order that we sent, as our books have it. ``filled``: units booked; ``open``: it may still trade.

    ``sent_ns``, ``heard_ns``: when it was to leave and when it was heard of last, by our clock. ``sending``: its
    request has not ended. ``stray``: it was found at the venue after it was over here.
    """

    client_id: str
    venue_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    filled: Decimal
    open: bool
    sent_ns: int
    heard_ns: int = 0
    sending: bool = False
    stray: bool = False


@dataclass(frozen=True, slots=True)
class Books:
    """What we believe. ``positions``: signed units by symbol over all owners; ``fills``: ids that are booked;
    ``settled``: symbols whose settlement is booked; ``adopted``: venue ids of foreign orders taken in before;
    ``missed``: orders of ours that an earlier reading missed, and what that covered (our clock); ``opened_ns``: what
    others traded up to then (the venue's clock) is in the positions that the books began with."""

    orders: Sequence[Mine]
    fills: Set[str]
    positions: Mapping[str, Decimal]
    settled: Set[str] = frozenset()
    adopted: Set[str] = frozenset()
    missed: Mapping[str, int] = field(default_factory=dict)
    opened_ns: int = 0


class Ages(NamedTuple):
    """How much newer than an order the lists must be (ns). ``grace``: than its sending, before its absence means that
    it never arrived: longer than a request can be on its way. ``lag``: than its last news, before they gainsay it."""

    grace: int
    lag: int


class Booking(NamedTuple):
    """A fill that our books lack, and the order of ours that it belongs to."""

    client_id: str
    fill: VenueFill


class Difference(NamedTuple):
    """A position that our books and the venue tell differently, once every listed fill is booked."""

    symbol: str
    ours: Decimal
    venue: Decimal


@dataclass(frozen=True, slots=True)
class Findings:
    """What to do, in this order: book ``fills`` and ``settlements``, take in what the venue says of our ``orders``,
    close those that never ``arrived``; then the ``foreign`` and what is ``different``.

    ``unsettled``: orders of ours of which the lists cannot tell yet; read again. ``missed``: of them those that the
    venue once acknowledged and does not know now, with what this reading covers; ``lost``: those that it has not known
    twice. ``stray``: orders that were over here and rest at the venue: they are alive, and must come off.
    """

    fills: tuple[Booking, ...] = ()
    settlements: tuple[VenueSettlement, ...] = ()
    orders: tuple[tuple[str, VenueOrder], ...] = ()
    never_arrived: tuple[str, ...] = ()
    unsettled: tuple[str, ...] = ()
    missed: Mapping[str, int] = field(default_factory=dict)
    lost: tuple[str, ...] = ()
    stray: tuple[tuple[str, VenueOrder], ...] = ()
    foreign_fills: tuple[VenueFill, ...] = ()
    adopt: tuple[VenueOrder, ...] = ()
    foreign: tuple[VenueOrder, ...] = ()
    different: tuple[Difference, ...] = ()

    @property
    def settled(self) -> bool:
        """Whether everything about our own orders is certain."""
        return not self.unsettled

    @property
    def agrees(self) -> bool:
        """Whether the venue and our books had nothing to tell each other."""
        return not (
            self.fills or self.settlements or self.never_arrived or self.unsettled or self.lost or self.stray
            or self.foreign_fills or self.adopt or self.foreign or self.different
        )  # fmt: skip


def reconcile(books: Books, picture: Picture, policy: ForeignPolicy, ages: Ages) -> Findings:
    """Compare ``books`` with ``picture``."""
    mine = _Mine(books.orders)
    told = {id_: order for order in picture.orders if (id_ := mine.of_order(order))}
    stray, old = _strays(mine, told, picture, ages)
    listed = {id_: order for id_, order in told.items() if id_ not in stray and id_ not in old}
    fills, foreign_fills = _fills(books, picture, mine)
    absent = _absent(books, picture, told, fills, ages)
    unsettled = [*absent.unsettled, *old]
    unsettled += [id_ for id_, order in told.items() if not _complete(mine.by_client[id_], order, fills)]
    settlements = tuple(s for s in picture.settlements if s.symbol not in books.settled)
    foreign = [o for o in picture.orders if o.open and not mine.of_order(o) and o.venue_order_id not in books.adopted]
    waiting = bool(unsettled)
    return Findings(
        fills=tuple(fills),
        settlements=settlements,
        orders=tuple(listed.items()),
        never_arrived=tuple(absent.never),
        unsettled=tuple(dict.fromkeys(unsettled)),
        missed=absent.missed,
        lost=tuple(absent.lost),
        stray=tuple(stray.items()),
        foreign_fills=tuple(foreign_fills),
        adopt=tuple(foreign) if policy is ForeignPolicy.ADOPT else (),
        foreign=tuple(foreign) if policy is ForeignPolicy.ALERT else (),
        different=() if waiting else tuple(_differences(books, picture, fills, foreign_fills, settlements)),
    )


class _Mine:
    """Finds our order behind the venue's words, by our id or by the venue's."""

    def __init__(self, orders: Sequence[Mine]) -> None:
        self.by_client = {order.client_id: order for order in orders}
        self._by_venue = {order.venue_order_id: order.client_id for order in orders if order.venue_order_id}

    def of_order(self, order: VenueOrder) -> str | None:
        if order.client_id in self.by_client:
            # The lists tell the venue's id of an order whose answer never came, and fills go by that id.
            self._by_venue.setdefault(order.venue_order_id, order.client_id)
            return order.client_id
        return self._by_venue.get(order.venue_order_id)

    def of_fill(self, fill: VenueFill) -> str | None:
        if fill.client_id in self.by_client:
            return fill.client_id
        return self._by_venue.get(fill.venue_order_id)


def _fills(books: Books, picture: Picture, mine: _Mine) -> tuple[list[Booking], list[VenueFill]]:
    """Fills that are not booked: ours, and those of nobody here; each once, oldest first."""
    ours: list[Booking] = []
    foreign: list[VenueFill] = []
    news = {fill.fill_id: fill for fill in picture.fills if fill.fill_id not in books.fills}
    for fill in sorted(news.values(), key=lambda f: (f.time_ns, f.fill_id)):
        client_id = mine.of_fill(fill)
        if client_id is not None:
            ours.append(Booking(client_id, fill))
        elif fill.time_ns > books.opened_ns:
            foreign.append(fill)
    return ours, foreign


def _strays(
    mine: _Mine, told: Mapping[str, VenueOrder], picture: Picture, ages: Ages
) -> tuple[dict[str, VenueOrder], list[str]]:
    """Orders that are over in our books and rest at the venue; and those of which that may be old news."""
    stray: dict[str, VenueOrder] = {}
    old: list[str] = []
    for client_id, order in told.items():
        ours = mine.by_client[client_id]
        if not order.open or (ours.open and not ours.stray):
            continue
        if ours.open or picture.covered_ns >= ours.heard_ns + ages.lag:
            stray[client_id] = order
        else:
            old.append(client_id)
    return stray, old


class _Absent(NamedTuple):
    """Open orders of ours that no list shows."""

    never: list[str]
    unsettled: list[str]
    missed: dict[str, int]
    lost: list[str]


def _absent(
    books: Books, picture: Picture, listed: Mapping[str, VenueOrder], fills: Sequence[Booking], ages: Ages
) -> _Absent:
    """What became of them: never arrived, not known yet, or lost by the venue."""
    found = _Absent([], [], {}, [])
    filled = {booking.client_id for booking in fills}
    for order in books.orders:
        if not order.open or order.client_id in listed:
            continue
        acknowledged = order.venue_order_id or order.filled or order.client_id in filled
        if not acknowledged and _too_late_to_arrive(order, picture, ages):
            found.never.append(order.client_id)
        elif order.venue_order_id in picture.missing and picture.covered_ns >= order.heard_ns + ages.lag:
            found.missed[order.client_id] = picture.covered_ns
            before = books.missed.get(order.client_id)
            twice = before is not None and before >= order.heard_ns + ages.lag
            (found.lost if twice else found.unsettled).append(order.client_id)
        else:
            found.unsettled.append(order.client_id)
    return found


def _too_late_to_arrive(order: Mine, picture: Picture, ages: Ages) -> bool:
    """Whether the lists reach back to its sending and are newer than any request of then can arrive. One whose call has
    not ended may still be on its way, however long that takes."""
    if order.sending or order.sent_ns < picture.since_ns:
        return False
    return picture.covered_ns >= max(order.sent_ns + ages.grace, order.heard_ns + ages.lag)


def _complete(mine: Mine, order: VenueOrder, fills: Sequence[Booking]) -> bool:
    """Whether every unit that the venue says has filled is booked or among ``fills``."""
    return mine.filled + _sum(fills, mine.client_id) >= order.filled


def _sum(fills: Sequence[Booking], client_id: str) -> Decimal:
    return sum((b.fill.quantity for b in fills if b.client_id == client_id), ZERO)


def _differences(
    books: Books, picture: Picture, fills: Sequence[Booking], foreign: Sequence[VenueFill],
    settlements: Sequence[VenueSettlement],
) -> list[Difference]:  # fmt: skip
    """Positions that no listed fill explains. A settled market has none."""
    expected = dict(books.positions)
    for fill in (*(booking.fill for booking in fills), *foreign):
        expected[fill.symbol] = expected.get(fill.symbol, ZERO) + fill.quantity * fill.side.sign
    for settlement in settlements:
        expected[settlement.symbol] = ZERO
    symbols = sorted(expected.keys() | picture.positions.keys())
    told = ((s, expected.get(s, ZERO), picture.positions.get(s, ZERO)) for s in symbols)
    return [Difference(symbol, ours, venue) for symbol, ours, venue in told if ours != venue]
