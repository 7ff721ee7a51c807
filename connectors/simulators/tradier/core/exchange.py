"""The practice venue itself: orders matched against quotes, brackets, positions, money. No clock, no chance, no I/O.

Everything is dollars in Decimal. Time comes in with each call and never runs backwards.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.simulators.tradier.core.orders import (
    MULTIPLIER,
    WORKING,
    ZERO,
    BadRequest,
    Held,
    Order,
    Price,
    Refused,
    Traded,
)
from connectors.simulators.tradier.core.rules import parse, price_of

FIRST_ID = 100_001
MARGIN = Decimal(2)  # times the equity that may be held in shares


@dataclass(slots=True)
class Hours:
    """What part of the day it is: closed, premarket, open or postmarket."""

    state: str = "open"


@dataclass(slots=True)
class Exchange:
    """``changed`` hears of every order whose standing changed, with its time, in the order of happening.

    ``gap``: the least difference between the two prices of an OCO, dollars. ``commission``: dollars for an order that
    trades, taken with its first execution.
    """

    cash: Decimal
    changed: Callable[[Order, int], None] = lambda order, now: None
    gap: Decimal = ZERO
    commission: Decimal = ZERO
    hours: Hours = field(default_factory=Hours)
    orders: dict[int, Order] = field(default_factory=dict)  # roots, by id
    every: dict[int, Order] = field(default_factory=dict)  # legs, too
    held: dict[str, Held] = field(default_factory=dict)
    prices: dict[str, Price] = field(default_factory=dict)
    trades: list[Traded] = field(default_factory=list)
    closed: list[tuple[Held, Decimal, int]] = field(default_factory=list)  # what was held, proceeds, when
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(FIRST_ID))
    _sizes: dict[tuple[str, bool], Decimal] = field(default_factory=dict)
    _live: dict[str, dict[int, Order]] = field(default_factory=dict)  # trading orders that are not over, by symbol

    # -- orders --------------------------------------------------------------------------------------------------------

    def check(self, form: Mapping[str, str], now: int) -> Order:
        """The order of a form that would be taken; nothing is placed. Raises BadRequest or Refused."""
        order = parse(form, self._ids, now)
        for each in order.trading():
            self._judge(each, order)
        self._afford(order)
        return order

    def place(self, form: Mapping[str, str], now: int) -> Order:
        """Take an order, and fill what can be filled. Raises BadRequest or Refused."""
        order = self.check(form, now)
        self.orders[order.id] = order
        for each in self._tree(order):
            self.every[each.id] = each
        for each in order.trading():
            self._live.setdefault(each.name, {})[each.id] = each
            self._tell(each, now)
        if order.legs:
            self._tell(order, now)
        self._wake(order, now)
        return order

    def cancel(self, order: Order, now: int) -> None:
        """Take an order off, with everything that hangs together with it. Raises BadRequest when it is over."""
        if order.over or order.root.over:
            raise BadRequest(f"order already in finalized state: {(order if order.over else order.root).status}")
        self._end(order.root, "canceled", now)

    def modify(self, order: Order, form: Mapping[str, str], now: int) -> None:
        """Change type, duration, price or stop of an order that rests. Raises BadRequest or Refused."""
        if order.over:
            raise BadRequest(f"order already in finalized state: {order.status}")
        if order.legs:
            raise Refused("OrderContingentChangeNotAllowed")
        kind = form.get("type", order.type)
        if order.parent is not None and kind != order.type:
            raise Refused("OrderContingentChangeNotAllowed")
        price = price_of(form["price"], "price") if form.get("price") else order.price
        stop = price_of(form["stop"], "stop") if form.get("stop") else order.stop
        if stop is not None and "stop" in kind and not order.asleep:
            self._stop_fits(order, stop)
        order.type, order.price, order.stop = kind, price, stop
        order.duration = form.get("duration", order.duration)
        self._tell(order, now)
        self._match(order.name, now)

    def expire(self, now: int, *, after_close: bool) -> None:
        """Regular hours are over: day orders end. ``after_close`` False ends those of the sessions around them."""
        ending = ("day",) if after_close else ("pre", "post")
        for order in list(self.orders.values()):
            if not order.over and order.duration in ending:
                self._end(order, "expired", now)

    # -- the market ----------------------------------------------------------------------------------------------------

    def quote(self, symbol: str, price: Price, now: int) -> None:
        """The market of a symbol moves; what can fill, fills."""
        self.prices[symbol] = price
        self._sizes[symbol, True] = self._sizes[symbol, False] = price.size
        if self._live.get(symbol):
            self._match(symbol, now)

    def opened(self, state: str, now: int) -> None:
        """Another part of the day begins."""
        self.hours.state = state
        for order in list(self.orders.values()):
            self._wake(order, now)

    # -- money ---------------------------------------------------------------------------------------------------------

    def value(self, symbol: str, quantity: Decimal) -> Decimal:
        """What units are worth, at the last price."""
        price = self.prices.get(symbol)
        return ZERO if price is None else price.last * quantity * unit(symbol)

    @property
    def equity(self) -> Decimal:
        return self.cash + sum((self.value(h.symbol, h.quantity) for h in self.held.values()), ZERO)

    @property
    def committed(self) -> Decimal:
        """What orders that could add to a position would tie up; of a bracket its entry alone."""
        return sum((self._ties_up(o) for o in self.every.values() if not o.legs and not o.over), ZERO)

    def stock_power(self) -> Decimal:
        """What may still be spent on shares."""
        used = sum((abs(self.value(h.symbol, h.quantity)) for h in self.held.values()), ZERO)
        return self.equity * MARGIN - used - self.committed

    # -- judging -------------------------------------------------------------------------------------------------------

    def _judge(self, order: Order, root: Order) -> None:
        price = self.prices.get(order.name)
        if price is None:
            raise Refused("SecurityUndefined")
        if order.side == "sell_short" and price.last < 5:
            raise Refused("SellShortOrderLastPriceBelow5")
        if not order.asleep:
            self._fits_position(order, root)
        if order.stop is not None and not order.asleep:
            self._stop_fits(order, order.stop)
        if order.type == "market":
            for other in self._live.get(order.name, {}).values():
                if other.type == "market" and other.buys != order.buys and not other.asleep:
                    raise Refused("OrderWithDifferentSide")
        if root.kind in ("oco", "otoco") and self.gap:
            first, second = root.legs[-2:]
            apart = abs((first.price or first.stop or ZERO) - (second.price or second.stop or ZERO))
            if apart < self.gap:
                raise Refused("OcoPriceDifferenceIsLessThanDelta")

    def _stop_fits(self, order: Order, stop: Decimal) -> None:
        price = self.prices[order.name]
        if order.buys and stop <= price.ask:
            raise Refused("BuyStopOrderStopPriceLessAsk")
        if not order.buys and stop >= price.bid:
            raise Refused("SellStopOrderStopPriceGreaterBid")

    def _fits_position(self, order: Order, root: Order) -> None:
        """Sides must go with what is held, less what other orders are closing already."""
        held = self.held[order.name].quantity if order.name in self.held else ZERO
        option = bool(order.option)
        if order.side in ("sell", "sell_to_close", "buy_to_cover", "buy_to_close"):
            short = order.side.startswith("buy")
            have = -held if short else held
            if have <= 0:
                name = "UnexpectedBuyToCoverOrder" if short else "UnexpectedSellOrder"
                raise Refused(name + ("Option" if option else ""))
            if order.quantity > have - self._closing(order, root):
                raise Refused("ShortPositionCrossZero" if short else "LongPositionCrossZero")
        elif (order.buys and held < 0) or (not order.buys and held > 0):
            name = "UnexpectedBuyOrder" if order.buys else "UnexpectedSellShortOrder"
            raise Refused(name + ("Option" if option else ""))

    def _closing(self, order: Order, root: Order) -> Decimal:
        """Units that working orders of the same direction close: of an OCO its larger leg."""
        by_root: dict[int, Decimal] = {}
        for other in self._live.get(order.name, {}).values():
            if other.root is not root and not other.asleep and _closes(other) and other.buys == order.buys:
                by_root[other.root.id] = max(by_root.get(other.root.id, ZERO), other.left)
        return sum(by_root.values(), ZERO)

    def _afford(self, order: Order) -> None:
        needed = sum((self._ties_up(each) for each in order.trading()), ZERO)
        if needed and needed > self.stock_power():
            raise Refused("Backoffice rejected override of the order.", "InitialMargin")

    def _ties_up(self, order: Order) -> Decimal:
        if order.asleep or _closes(order):
            return ZERO
        price = self.prices.get(order.name)
        each = order.price or order.stop or (price.ask if price is not None else ZERO)
        return each * order.left * unit(order.name)

    # -- life ----------------------------------------------------------------------------------------------------------

    def _wake(self, root: Order, now: int) -> None:
        """Orders that wait for their part of the day are open in it."""
        wanted = {"premarket": ("pre",), "postmarket": ("post",), "open": ("day", "gtc")}.get(self.hours.state, ())
        for order in root.trading():
            if order.status == "pending" and not order.asleep and order.duration in wanted:
                order.status = "open"
                self._tell(order, now)
        if root.legs and root.status == "pending" and any(leg.status == "open" for leg in root.legs):
            root.status = "open"
            self._tell(root, now)
        for name in {order.name for order in root.trading()}:
            self._match(name, now)

    def _match(self, symbol: str, now: int) -> None:
        for order in list(self._live.get(symbol, {}).values()):
            if order.status in WORKING and not order.asleep:
                self._try(order, now)

    def _try(self, order: Order, now: int) -> None:
        if order.parent is not None and order.parent.kind in ("multileg", "combo"):
            self._try_spread(order.parent, now)
            return
        price = self.prices.get(order.name)
        if price is None:
            return
        other = price.ask if order.buys else price.bid
        if order.stop is not None and not order.triggered:
            order.triggered = other >= order.stop if order.buys else other <= order.stop
            if not order.triggered:
                return
        limited = order.type in ("limit", "stop_limit")
        if limited and order.price is not None and (other > order.price if order.buys else other < order.price):
            return
        size = self._sizes.get((order.name, order.buys), ZERO)
        part = min(order.left, size)
        if part > 0 and other > 0:
            self._sizes[order.name, order.buys] = size - part
            self._fill(order, part, other, now)

    def _try_spread(self, parent: Order, now: int) -> None:
        """All legs at once or none, at the net of the quotes."""
        prices = [self.prices.get(leg.name) for leg in parent.legs]
        if any(p is None for p in prices) or any(leg.status not in WORKING for leg in parent.legs):
            return
        each = [(p.ask if leg.buys else p.bid) for leg, p in zip(parent.legs, prices, strict=True) if p is not None]
        ratio = [leg.quantity / parent.quantity for leg in parent.legs]
        net = sum((x * r * (1 if leg.buys else -1) for leg, x, r in zip(parent.legs, each, ratio, strict=True)), ZERO)
        most = {"debit": parent.price, "credit": -parent.price if parent.price else ZERO, "even": ZERO}
        limit = most.get(parent.type)
        if parent.type != "market" and limit is not None and net > limit:
            return
        for leg, price in zip(parent.legs, each, strict=True):
            self._fill(leg, leg.left, price, now)

    def _fill(self, order: Order, part: Decimal, price: Decimal, now: int) -> None:
        order.executed += part
        order.cost += part * price
        order.last_price, order.last_quantity, order.changed_ns = price, part, now
        order.status = "filled" if order.left == 0 else "partially_filled"
        self._book(order.name, part if order.buys else -part, price, now)
        charged = self.commission if order.executed == part else ZERO
        self.cash -= charged
        self.trades.append(Traded(order.id, order.name, order.side, part, price, now, order.root.tag, charged))
        self._tell(order, now)
        self._after_fill(order, now)

    def _after_fill(self, order: Order, now: int) -> None:
        parent = order.parent
        if parent is None:
            return
        if parent.kind in ("oto", "otoco") and order is parent.legs[0]:
            if order.status == "filled":
                self._waken(parent, now)
            return
        if parent.kind in ("oco", "otoco"):
            pair = parent.legs[-2:]
            for sibling in pair:
                if sibling is not order and not sibling.over:
                    self._end(sibling, "canceled", now)
        self._settle_parent(parent, now)

    def _waken(self, parent: Order, now: int) -> None:
        """The entry is filled: its legs begin. A stop that the market has passed by now goes off at once."""
        for leg in parent.legs[1:]:
            leg.asleep = False
        self._wake(parent, now)

    def _settle_parent(self, parent: Order, now: int) -> None:
        if parent.over or any(not leg.over for leg in parent.legs):
            return
        ended = [leg.status for leg in parent.legs]
        entry_only = parent.kind == "otoco" and ended[0] == "filled" and "filled" not in ended[1:]
        parent.status = "filled" if "filled" in ended and not entry_only else ended[-1]
        self._tell(parent, now)

    def _end(self, order: Order, how: str, now: int) -> None:
        """End an order and what hangs below it."""
        for each in (*order.trading(), order):
            if not each.over and not (each is order and order.legs):
                each.status, each.changed_ns = how, now
                self._tell(each, now)
        if order.legs and not order.over:
            order.status, order.changed_ns = how, now
            self._tell(order, now)
        if order.parent is not None:
            self._settle_parent(order.parent, now)

    def _book(self, symbol: str, signed: Decimal, price: Decimal, now: int) -> None:
        size = unit(symbol)
        self.cash -= signed * price * size
        before = self.held.get(symbol)
        if before is None:
            self.held[symbol] = Held(next(self._ids), symbol, signed, signed * price * size, now)
            return
        after = before.quantity + signed
        if before.quantity * signed > 0:
            before.cost += signed * price * size
        else:
            part = min(abs(signed), abs(before.quantity)) * (1 if before.quantity > 0 else -1)
            gone = before.cost * part / before.quantity
            self.closed.append((Held(before.id, symbol, part, gone, before.acquired_ns), part * price * size, now))
            before.cost = before.cost - gone if after * before.quantity > 0 else after * price * size
        before.quantity = after
        if after == 0:
            del self.held[symbol]

    def _tell(self, order: Order, now: int) -> None:
        order.changed_ns = max(order.changed_ns, now)
        if order.over:
            self._live.get(order.name, {}).pop(order.id, None)
        self.changed(order, now)

    def _tree(self, order: Order) -> list[Order]:
        return [order, *(each for leg in order.legs for each in self._tree(leg))]


def unit(symbol: str) -> int:
    """Shares that one unit stands for."""
    return MULTIPLIER if len(symbol) > 15 else 1


def _closes(order: Order) -> bool:
    return order.side in ("sell", "sell_to_close", "buy_to_cover", "buy_to_close")
