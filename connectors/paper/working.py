"""An order that rests with the paper broker."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from math import inf

from engine.market.orders import Order, OrderState, OrderType, Side

ZERO = Decimal(0)
NEVER = 2**63 - 1


@dataclass(slots=True)
class Working:
    """``remaining`` units may fill now; a bracket leg has none until its parent fills.

    ``placed_ns``: what the market did before does not count for this order. ``from_ns``: when it reaches the market.
    ``reserve``: money per unit that it keeps back of the cash. ``triggered``: a stop whose price was reached.
    ``at_market``: fills at whatever price comes. ``met``: a limit that rests; until then it can still get a better
    price on arrival.
    ``limit``, ``stop``: the order's prices as floats (0 where it has none), for comparisons with market data.
    ``below``, ``above``, ``deadline``: a bar whose low, high and end reach none of them leaves the order as it is.
    """

    order: Order
    placed_ns: int
    from_ns: int
    remaining: Decimal
    reserve: Decimal
    filled: Decimal = ZERO
    fee: Decimal = ZERO
    fills: int = 0
    triggered: bool = False
    at_market: bool = False
    met: bool = False
    buys: bool = field(init=False)
    limit: float = field(init=False)
    stop: float = field(init=False)
    below: float = field(init=False)
    above: float = field(init=False)
    deadline: int = field(init=False)

    def __post_init__(self) -> None:
        self.buys = self.order.side is Side.BUY
        self.limit = float(self.order.limit or 0)
        self.stop = float(self.order.stop or 0)
        self.arm()

    @classmethod
    def of(cls, order: Order, placed_ns: int, from_ns: int, price: Decimal) -> Working:
        """A new order; ``price`` is the last one known."""
        live = ZERO if order.parent is not None else order.quantity
        reserve = order.limit or order.stop or price
        return cls(order, placed_ns, from_ns, live, reserve, at_market=order.type is OrderType.MARKET)

    @property
    def waits(self) -> bool:
        """Waits for its stop price."""
        return self.stop != 0.0 and not self.triggered

    @property
    def state(self) -> OrderState:
        """Its state as the broker tells it."""
        if self.filled >= self.order.quantity:
            return OrderState.FILLED
        return OrderState.PARTLY_FILLED if self.filled else OrderState.WORKING

    def arm(self) -> None:
        """Work out which bars can be passed over; to be called after every change."""
        self.below, self.above, self.deadline = -inf, inf, NEVER
        if self.remaining <= 0:
            return
        if self.order.expires_ns is not None and not self.at_market:
            self.deadline = self.order.expires_ns
        if self.at_market or not (self.waits or self.met):
            self.below = inf
        elif self.waits == self.buys:
            self.above = self.stop if self.waits else self.limit
        else:
            self.below = self.stop if self.waits else self.limit

    def trigger(self) -> None:
        """The stop price was reached: a stop goes to market, a stop-limit becomes a limit."""
        self.triggered = True
        self.at_market = self.order.type is OrderType.STOP
        self.arm()

    def meet(self) -> None:
        """The market has seen this limit: from now on it rests."""
        self.met = True
        self.arm()

    def go_to_market(self) -> None:
        self.at_market = True
        self.arm()

    def take(self, quantity: Decimal) -> None:
        """So much of it has filled."""
        self.filled += quantity
        self.remaining -= quantity
        self.fills += 1
        self.arm()

    def release(self, quantity: Decimal, time_ns: int) -> None:
        """The parent filled by that much: so much more of this leg is live."""
        if self.remaining <= 0:
            self.placed_ns = self.from_ns = time_ns
        self.remaining = min(self.remaining + quantity, self.order.quantity - self.filled)
        self.arm()

    def lose(self, quantity: Decimal) -> None:
        """Another leg of the group filled by that much."""
        self.order = self.order._replace(quantity=max(self.order.quantity - quantity, self.filled))
        self.remaining = max(self.remaining - quantity, ZERO)
        self.arm()

    def expect_no_more(self) -> None:
        """Its parent will bring no more than it has."""
        self.order = self.order._replace(quantity=min(self.order.quantity, self.filled + self.remaining))

    def move_stop(self, stop: Decimal, time_ns: int) -> None:
        """A new stop price; what the market did before now does not count for it."""
        self.order = self.order._replace(stop=stop)
        self.stop, self.placed_ns = float(stop), max(self.placed_ns, time_ns)
        self.arm()
