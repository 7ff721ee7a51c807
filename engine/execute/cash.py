"""The venue's cash against our books': money that came or went without a trade. Pure.

The books know every fill, fee and settlement, so what they cannot explain was paid in or taken out. It is no profit and
no loss, and must neither set off a guard nor hold one back. But a venue's lists lag behind one another, resting orders
may hold money back, and some venues tell their commissions a day later: only what is beyond all that counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from engine.market.orders import Fill, Side
from engine.market.venue import ZERO, Picture, VenueOrder

SMALLEST = Decimal(1)  # dollars: less than this is rounding of prices and fees, which adds up over trades
LATE_COST = Decimal(5)  # dollars: what an order may cost that its venue tells later
LATE_COST_OF_UNIT = Decimal("0.01")  # and what each of its units may, average prices on whole cents included


class CashWatch:
    """``moved``: money that came, or went where it is below zero, as two readings in a row told alike. ``doubt``: the
    newest reading found some, and the next one has to tell the same."""

    def __init__(self) -> None:
        self.moved = ZERO
        self.doubt = False
        self._seen = ZERO

    def compare(self, ours: Decimal, picture: Picture, slack: Decimal, lag_ns: int) -> None:
        """``ours``: the books' cash, with everything in it that ``picture`` tells. ``slack``: what may differ (money).
        ``lag_ns``: how long after a trade the venue's cash may still be the one before it."""
        before, self._seen, self.moved, self.doubt = self._seen, ZERO, ZERO, False
        if holds_back(picture):
            return
        missing = cash_of(picture) - ours
        if abs(missing) <= slack:
            return
        if picture.as_of_ns < _newest_trade(picture) + lag_ns:
            self.doubt = True
        elif missing == before:
            self._seen = self.moved = missing
        else:
            self._seen, self.doubt = missing, True

    def cannot_tell(self) -> None:
        """The newest reading found orders or positions to be other than the books have them, so what cash differs by
        may be theirs: what earlier readings told is not certain any more."""
        self.moved = self._seen = ZERO
        self.doubt = False

    def booked(self) -> None:
        """What has moved is in the books now."""
        self.moved = self._seen = ZERO


def cash_of(picture: Picture) -> Decimal:
    """The account's money as our books have it, which keep nothing back for what is sold short."""
    short = sum((-quantity for quantity in picture.positions.values() if quantity < 0), ZERO)
    return picture.cash + short * picture.kept_back


def holds_back(picture: Picture) -> bool:
    """Whether orders that rest keep money back, and how much is not known: those that may open something."""
    if not picture.rests_on_cash:
        return False
    left: dict[tuple[str, Side], Decimal] = {}
    for order in picture.orders:
        if order.open:
            left[order.symbol, order.side] = left.get((order.symbol, order.side), ZERO) + _left(order)
    return any(
        units > max(-picture.positions.get(symbol, ZERO) * side.sign, ZERO) for (symbol, side), units in left.items()
    )


def late_costs(fills: Iterable[Fill]) -> Decimal:
    """What trades may have cost that the venue has not told yet (money)."""
    units: dict[str, Decimal] = {}
    for fill in fills:
        units[fill.client_id] = units.get(fill.client_id, ZERO) + fill.quantity
    return sum((LATE_COST + LATE_COST_OF_UNIT * quantity for quantity in units.values()), ZERO)


def in_words(moved: Decimal) -> str:
    """What came or went."""
    what = "came to" if moved > 0 else "left"
    return f"${abs(moved):.2f} {what} the account at the venue, and no fill, fee or settlement explains it"


def _newest_trade(picture: Picture) -> int:
    traded = [*(f.time_ns for f in picture.fills), *(o.changed_ns for o in picture.orders if o.filled)]
    return max([*traded, *(s.time_ns for s in picture.settlements)], default=0)


def _left(order: VenueOrder) -> Decimal:
    return order.quantity - order.filled
