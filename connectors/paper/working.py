"""An order that rests with the paper broker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.market.orders import Order, OrderType, Side

ZERO = Decimal(0)


@dataclass(slots=True)
class Working:
    """``remaining`` units may still fill; a bracket leg has none until its parent fills (``asleep``).

    ``limit`` and ``stop`` repeat the order's prices as floats, for comparisons with market data.
    ``from_ns``: when the order reaches the market. ``triggered``: a stop whose price was reached.
    """

    order: Order
    remaining: Decimal
    from_ns: int
    limit: float
    stop: float
    buys: bool
    asleep: bool = False
    triggered: bool = False
    at_market: bool = False
    filled: Decimal = ZERO
    notional: Decimal = ZERO
    fee: Decimal = ZERO
    fills: int = 0

    @classmethod
    def of(cls, order: Order, from_ns: int) -> Working:
        asleep = order.parent is not None
        return cls(
            order, ZERO if asleep else order.quantity, from_ns, float(order.limit or 0), float(order.stop or 0),
            order.side is Side.BUY, asleep, at_market=order.type is OrderType.MARKET,
        )  # fmt: skip

    @property
    def is_stop(self) -> bool:
        """Waits for its stop price."""
        return self.stop != 0.0 and not self.triggered

    def move_stop(self, stop: Decimal) -> None:
        self.order = replace(self.order, stop=stop)
        self.stop = float(stop)

    def shrink(self, quantity: Decimal) -> None:
        """Cap what may still fill at ``quantity``."""
        self.order = replace(self.order, quantity=self.filled + quantity)
        self.remaining = min(self.remaining, quantity)

    def lose(self, quantity: Decimal) -> None:
        """Another leg of the group filled by that much."""
        self.order = replace(self.order, quantity=self.order.quantity - quantity)
        self.remaining = max(self.remaining - quantity, ZERO)

    def release(self, quantity: Decimal) -> None:
        """The parent filled by that much: so much of this leg is live."""
        self.asleep = False
        self.remaining = min(self.remaining + quantity, self.order.quantity - self.filled)
