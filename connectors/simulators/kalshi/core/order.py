"""An order, and what a client asks for."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.simulators.kalshi.core.units import PRICE_ONE

BID, ASK = "bid", "ask"
SIDES = (BID, ASK)
GTC, IOC, FOK = "good_till_canceled", "immediate_or_cancel", "fill_or_kill"
TIMES_IN_FORCE = (GTC, IOC, FOK)
TAKER_AT_CROSS, MAKER = "taker_at_cross", "maker"
SELF_TRADE_TYPES = (TAKER_AT_CROSS, MAKER)


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A request to place. ``price`` is the YES price; ``exchange_index`` None or -1 routes by ticker."""

    ticker: str
    side: str
    count: int
    price: int
    time_in_force: str = GTC
    self_trade_prevention: str = TAKER_AT_CROSS
    client_order_id: str = ""
    expiration_ns: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    cancel_on_pause: bool = False
    subaccount: int = 0
    group_id: str | None = None
    exchange_index: int | None = None


@dataclass(frozen=True, slots=True)
class Amendment:
    """``count`` is the new total: filled plus wanted resting. ``expiration_ns`` None keeps it, 0 clears it."""

    order_id: str
    ticker: str
    side: str
    price: int
    count: int
    client_order_id: str | None = None
    updated_client_order_id: str | None = None
    expiration_ns: int | None = None
    subaccount: int = 0
    exchange_index: int | None = None


@dataclass(slots=True)
class Order:
    """An order from acceptance on. Costs and fees are money; ``rounding`` has gathered but is not yet paid back."""

    order_id: str
    user: str
    subaccount: int
    client_order_id: str
    ticker: str
    shard: int
    side: str
    price: int
    initial: int
    remaining: int
    self_trade_prevention: str
    cancel_on_pause: bool
    group_id: str | None
    expiration_ns: int | None
    created_ns: int
    updated_ns: int
    filled: int = 0
    status: str = "resting"
    reason: str | None = None
    taker_cost: int = 0
    maker_cost: int = 0
    taker_fees: int = 0
    maker_fees: int = 0
    rounding: int = 0

    @property
    def resting(self) -> bool:
        return self.status == "resting"


@dataclass(frozen=True, slots=True)
class Executed:
    """What a placement or an amendment did at once. ``cost`` is the sum of YES price × count of its fills."""

    order: Order
    filled: int
    cost: int
    fees: int
    remaining: int
    time_ns: int

    @property
    def average_price(self) -> int:
        """Rounded half up to 1/10000 dollar."""
        return (2 * self.cost + self.filled) // (2 * self.filled)

    @property
    def average_fee(self) -> int:
        """Money per contract, rounded half up to 1/10000 dollar, as a price."""
        return (2 * self.fees + self.filled) // (2 * self.filled)


def leg_price(side: str, price: int) -> int:
    """What one contract of this side costs: YES for a bid, NO for an ask."""
    return price if side == BID else PRICE_ONE - price


def opposite(side: str) -> str:
    return ASK if side == BID else BID
