"""Price-time matching: an arriving order against the book, trade by trade."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.simulators.kalshi.core.fees import FeeTerms
from connectors.simulators.kalshi.core.floor import Floor
from connectors.simulators.kalshi.core.model import Fill, Market, Trade
from connectors.simulators.kalshi.core.notices import Filled, Traded
from connectors.simulators.kalshi.core.order import TAKER_AT_CROSS, Order, leg_price, opposite


@dataclass(slots=True)
class Run:
    """What one pass through the book did: contracts, YES price × count, net fees of the taker, whose money moved."""

    filled: int = 0
    cost: int = 0
    fees: int = 0
    self_trade: bool = False
    blown: bool = False
    traders: dict[tuple[str, int], None] = field(default_factory=dict)


def match(floor: Floor, market: Market, order: Order, terms: FeeTerms) -> Run:
    """Trade what crosses, each time at the resting order's price.

    Meeting an order of the same user ends the run (``taker_at_cross``) or cancels that order (``maker``).
    A group that blows loses its resting orders at once; if it is the arriving order's own, the run ends.
    """
    run = Run()
    side = market.book.side(opposite(order.side))
    while order.remaining and market.book.crosses(order.side, order.price):
        best = side.best
        assert best is not None
        resting = side.levels[best].first
        if resting.user == order.user:
            if order.self_trade_prevention == TAKER_AT_CROSS:
                run.self_trade = True
                break
            floor.cancel(market, resting, "SelfTradeCancel")
            continue
        count = min(order.remaining, resting.remaining)
        _trade(floor, market, order, resting, count, terms, run)
        if run.blown:
            break
    return run


def _trade(floor: Floor, market: Market, taker: Order, maker: Order, count: int, terms: FeeTerms, run: Run) -> None:
    trade = Trade(floor.ids(), market.ticker, count, maker.price, taker.side, floor.now)
    _print(floor, trade)
    _take_from_book(floor, market, maker, taker, count)
    run.fees += _exchange(floor, market, taker, maker, trade, terms)
    run.filled += count
    run.cost += trade.price * count
    market.last_price, market.last_count = trade.price, count
    if not maker.remaining:
        floor.forget(maker)
    for order in (maker, taker):
        floor.hold(market, order)
        run.traders[order.user, order.subaccount] = None
        group = floor.groups.groups.get(order.group_id or "")
        if group is not None and floor.groups.count(group, count, floor.now):
            floor.blow(group)
            run.blown = run.blown or order is taker


def agree(floor: Floor, market: Market, taker: Order, maker: Order, terms: FeeTerms) -> None:
    """Trade two orders of the same count and price with each other and past the book, which does not move."""
    trade = Trade(floor.ids(), market.ticker, taker.remaining, maker.price, taker.side, floor.now, block=True)
    _print(floor, trade)
    _exchange(floor, market, taker, maker, trade, terms)
    for order in (maker, taker):
        floor.hold(market, order)


def _print(floor: Floor, trade: Trade) -> None:
    floor.trades.append(trade)
    floor.notices.append(Traded(trade, floor.now))


def _exchange(floor: Floor, market: Market, taker: Order, maker: Order, trade: Trade, terms: FeeTerms) -> int:
    """Move contracts and money between the two; returns the taker's net fee."""
    before = _open_interest(floor, market, taker, maker)
    fee = _book(floor, market, taker, trade, terms, True)
    _book(floor, market, maker, trade, terms, False)
    market.volume += trade.count
    market.dollar_volume += trade.price * trade.count
    market.open_interest += (_open_interest(floor, market, taker, maker) - before) // 2
    return fee


def _take_from_book(floor: Floor, market: Market, maker: Order, taker: Order, count: int) -> None:
    side = market.book.side(maker.side)
    floor.change(market, maker, -count, taker)
    floor.accounts.shrink(maker, count)
    if maker.remaining == count:
        side.remove(maker)
    else:
        side.reduce(maker, count)


def _book(floor: Floor, market: Market, order: Order, trade: Trade, terms: FeeTerms, taker: bool) -> int:
    """Change one side's order, cash and position."""
    fee = floor.accounts.fill(market, order, trade.count, trade.price, terms, taker, floor.now)
    order.filled += trade.count
    order.remaining -= trade.count
    cost = leg_price(order.side, trade.price) * trade.count
    if taker:
        order.taker_cost += cost
        order.taker_fees += fee
    else:
        order.maker_cost += cost
        order.maker_fees += fee
    order.updated_ns = floor.now
    order.reason = "Trade"
    if not order.remaining:
        order.status = "executed"
    if not floor.accounts.users[order.user].trusted:
        held = floor.accounts.held(order.user, order.subaccount, order.ticker)
        fill = Fill(
            trade.trade_id, order.order_id, order.client_order_id, order.user, order.subaccount, order.ticker,
            order.shard, order.side, trade.count, trade.price, taker, fee, held, floor.now,
        )  # fmt: skip
        floor.fills.append(fill)
        floor.notices.append(Filled(fill, floor.now))
    floor.tell(order)
    floor.shed(order)
    return fee


def _open_interest(floor: Floor, market: Market, taker: Order, maker: Order) -> int:
    """Contracts that the two hold, of either kind: a trade changes nobody else's."""
    return sum(abs(floor.accounts.held(o.user, o.subaccount, market.ticker)) for o in (taker, maker))
