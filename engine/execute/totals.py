"""Fills of a venue that tells no executions: what of an order has filled in all, and at which price on average.

What is new since the last booking is one fill, at the price that brings the total to what the venue says. Its id
says how far the order had come, so that it is booked once however often and in whatever steps the venue is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from engine.market.venue import ZERO, VenueFill, VenueOrder


class Total(NamedTuple):
    """What of an order is booked: units, and what one came to on average."""

    filled: Decimal = ZERO
    average: Decimal = ZERO


def fill_of(order: VenueOrder, booked: Total, time_ns: int) -> VenueFill | None:
    """What of an order is not booked yet; None for nothing, and while its price is not told."""
    new = order.filled - booked.filled
    if order.average is None or new <= 0:
        return None
    price = (order.filled * order.average - booked.filled * booked.average) / new
    return VenueFill(
        _id(order.venue_order_id, Total(order.filled, order.average)), order.venue_order_id, order.client_id,
        order.symbol, order.side, new, price, ZERO, order.changed_ns or time_ns,
    )  # fmt: skip


def totals_of(fill_ids: Iterable[str]) -> dict[str, Total]:
    """What is booked of each order, by the venue's id of it, as the ids of fills tell."""
    found: dict[str, Total] = {}
    for fill_id in fill_ids:
        told = read_id(fill_id)
        if told is not None and told[1].filled > found.get(told[0], Total()).filled:
            found[told[0]] = told[1]
    return found


def read_id(fill_id: str) -> tuple[str, Total] | None:
    """The order and the total that an id of this kind names; None for any other id."""
    order, slash, rest = fill_id.rpartition("/")
    filled, at, average = rest.partition("@")
    return (order, Total(Decimal(filled), Decimal(average))) if slash and at else None


def _id(order: str, total: Total) -> str:
    return f"{order}/{total.filled.normalize():f}@{total.average.normalize():f}"
