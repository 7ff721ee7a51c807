"""What a venue charged for trades and told only afterwards: matched with our fills, day by day. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from engine.market.events import NANOS
from engine.market.orders import Fill, Side
from engine.market.venue import ZERO, Charge

CENT = Decimal("0.01")
ROUNDED = Decimal("0.005")  # a venue may tell an average price on a cent
# How far back trades may have charges that are not booked: the venue's nightly batch may be days late, and a run that
# would have asked for them may come as late.
LATE_NS = 10 * 86_400 * NANOS


class Booking(NamedTuple):
    """``amount`` (money, above zero is paid) of a strategy for what it traded; ``reference`` names it for ever."""

    strategy: str
    symbol: str
    amount: Decimal
    time_ns: int
    reference: str


class Matched(NamedTuple):
    """What is certain, and what is not, in words."""

    bookings: tuple[Booking, ...]
    open: tuple[str, ...]


Group = tuple[str, str, Side]  # day, symbol, side


def match(charges: Iterable[Charge], fills: Iterable[Fill], day_of: Callable[[int], str]) -> Matched:
    """Of every day, symbol and side: what the venue took or gave in all, less what our fills come to.

    Where units or prices differ, somebody else traded there, too, or the venue does not tell everything yet: nothing is
    booked then. ``day_of``: the venue's day of an instant.
    """
    ours: dict[Group, list[Fill]] = {}
    for fill in fills:
        ours.setdefault((day_of(fill.time_ns), fill.symbol, fill.side), []).append(fill)
    theirs: dict[Group, list[Charge]] = {}
    for charge in charges:
        theirs.setdefault((charge.day, charge.symbol, charge.side), []).append(charge)
    bookings: list[Booking] = []
    unclear: list[str] = []
    for group in sorted(theirs):
        costs = -sum((charge.amount + charge.quantity * charge.price for charge in theirs[group]), ZERO)
        found = ours.get(group, [])
        why = _different(theirs[group], found)
        if why:
            if costs or found:
                unclear.append(f"{group[0]} {group[2]} {group[1]}: {why}")
            continue
        paid = -sum((charge.amount for charge in theirs[group]), ZERO) - _value(found)
        if paid < 0 or paid < sum((charge.commission for charge in theirs[group]), ZERO):
            unclear.append(f"{group[0]} {group[2]} {group[1]}: the money that moved does not hold its commission")
        elif paid:
            bookings += _shared(group, found, paid)
    return Matched(tuple(bookings), tuple(unclear))


def _different(theirs: Sequence[Charge], ours: Sequence[Fill]) -> str:
    """Why the venue's trades of a group are not ours; empty when they are."""
    units = sum((abs(charge.quantity) for charge in theirs), ZERO)
    mine = sum((fill.quantity for fill in ours), ZERO)
    if units != mine:
        return f"the venue tells {units:f} traded, our books {mine:f}"
    worth, value = sum((charge.quantity * charge.price for charge in theirs), ZERO), _value(ours)
    if abs(worth - value) > ROUNDED * units:
        return f"the venue tells a worth of {abs(worth):f}, our books {abs(value):f}"
    return ""


def _value(fills: Iterable[Fill]) -> Decimal:
    return sum((fill.quantity * fill.side.sign * fill.price for fill in fills), ZERO)


def _shared(group: Group, fills: Sequence[Fill], paid: Decimal) -> list[Booking]:
    """Each strategy's part by units, in whole cents; the last takes what is left."""
    units: dict[str, Decimal] = {}
    for fill in fills:
        units[fill.strategy] = units.get(fill.strategy, ZERO) + fill.quantity
    total, left, found = sum(units.values(), ZERO), paid, []
    time_ns = max(fill.time_ns for fill in fills)
    day, symbol, side = group
    for number, strategy in enumerate(sorted(units), 1):
        part = left if number == len(units) else (paid * units[strategy] / total).quantize(CENT, ROUND_HALF_EVEN)
        left -= part
        if part:
            found.append(Booking(strategy, symbol, part, time_ns, f"{day}/{symbol}/{side}/{strategy}"))
    return found
