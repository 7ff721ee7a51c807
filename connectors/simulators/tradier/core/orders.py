"""An order as the practice venue keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)
FINAL = frozenset({"filled", "canceled", "expired", "rejected", "error"})
WORKING = frozenset({"open", "partially_filled"})
MULTIPLIER = 100


class Refused(Exception):
    """The OMS says no, inside a 200: codes or words."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


class BadRequest(Exception):
    """A parameter is wrong: 400 with plain text."""


@dataclass(slots=True, eq=False)
class Order:
    """``kind`` is Tradier's class. A parent of an OCO or OTOCO has legs and no side; the legs trade.

    ``asleep``: a leg that waits for the fill of the order before it. ``cost``: of what has filled, price times units.
    """

    id: int
    kind: str
    duration: str
    created_ns: int
    changed_ns: int
    status: str = "pending"
    tag: str = ""
    symbol: str = ""
    option: str = ""
    type: str = ""
    side: str = ""
    quantity: Decimal = ZERO
    price: Decimal | None = None
    stop: Decimal | None = None
    executed: Decimal = ZERO
    cost: Decimal = ZERO
    last_price: Decimal = ZERO
    last_quantity: Decimal = ZERO
    reason: str = ""
    triggered: bool = False
    asleep: bool = False
    parent: Order | None = None
    legs: list[Order] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What it trades in."""
        return self.option or self.symbol

    @property
    def left(self) -> Decimal:
        return self.quantity - self.executed

    @property
    def over(self) -> bool:
        return self.status in FINAL

    @property
    def buys(self) -> bool:
        return self.side.startswith("buy")

    @property
    def average(self) -> Decimal:
        return (self.cost / self.executed).quantize(Decimal("0.00000001")) if self.executed else ZERO

    @property
    def root(self) -> Order:
        return self.parent.root if self.parent is not None else self

    def trading(self) -> list[Order]:
        """The orders of this tree that trade."""
        return [self] if not self.legs else [order for leg in self.legs for order in leg.trading()]


@dataclass(slots=True)
class Held:
    """A position: signed units and what they cost in all, signed."""

    id: int
    symbol: str
    quantity: Decimal
    cost: Decimal
    acquired_ns: int


@dataclass(frozen=True, slots=True)
class Price:
    """A quote: units on either side that can be had at these prices until the next quote."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    size: Decimal


@dataclass(frozen=True, slots=True)
class Traded:
    """An execution, as the venue's own books have it."""

    order_id: int
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    time_ns: int
    tag: str
    commission: Decimal = ZERO
