"""What the venue itself says of our account, read whole: after a break this and nothing else is true."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.kalshi.client import KalshiRest
from connectors.kalshi.errors import NotFound
from connectors.kalshi.models.portfolio import Balance, Fill, MarketPosition, Order
from connectors.kalshi.rest.paging import collect


@dataclass(frozen=True, slots=True)
class AccountPicture:
    """``as_of_ns``: everything up to then is in it (UTC). ``orders`` and ``fills`` are by their ids.

    ``missing``: orders that were asked for by id and that the venue does not know.
    """

    as_of_ns: int
    orders: dict[str, Order]
    fills: dict[str, Fill]
    positions: list[MarketPosition]
    balance: Balance
    missing: tuple[str, ...] = ()


async def read_account(venue: KalshiRest, since_ts: int, known_open: Iterable[str] = ()) -> AccountPicture:
    """Orders that rest or were placed since ``since_ts`` (UTC seconds), fills since then, all positions, the balance.

    ``known_open``: ids of orders that we believe open; one that no list shows is asked for by itself. All pages are
    read, and any that fails raises, so that no order is taken for gone because a page did not come.
    """
    as_of_ns = await venue.exchange.user_data_ns()
    found = await collect(venue.orders.list(min_ts=since_ts)) + await collect(venue.orders.list(status="resting"))
    orders = {order.order_id: order for order in found}
    missing = []
    for order_id in known_open:
        if order_id in orders:
            continue
        try:
            orders[order_id] = await venue.orders.get(order_id)
        except NotFound:
            missing.append(order_id)
    fills = {fill.fill_id: fill for fill in await collect(venue.portfolio.fills(min_ts=since_ts))}
    positions = await collect(venue.portfolio.positions())
    balance = await venue.portfolio.balance()
    return AccountPicture(as_of_ns, orders, fills, positions, balance, tuple(missing))
