"""A request for quotes, and a quote on it."""

from __future__ import annotations

from dataclasses import dataclass

OPEN, CLOSED = "open", "closed"
ACCEPTED, CONFIRMED, EXECUTED, CANCELLED = "accepted", "confirmed", "executed", "cancelled"


@dataclass(slots=True)
class Rfq:
    """Who asks for how much: ``count`` contracts, or as many as ``cost`` (money) buys. The other one is 0.

    ``rest``: what does not trade at execution stays on the book. ``obscured``: others do not see who asks.
    """

    rfq_id: str
    user: str
    subaccount: int
    ticker: str
    count: int
    cost: int
    cost_excludes_fees: bool
    rest: bool
    obscured: bool
    created_ns: int
    updated_ns: int
    status: str = OPEN
    reason: str = ""
    closed_ns: int | None = None


@dataclass(slots=True)
class Quote:
    """``yes_bid`` and ``no_bid`` are prices, 0 where that side is declined; the counts are what each would trade.

    Accepting the yes side sells YES to its creator at ``yes_bid``; accepting the no side buys YES at one dollar less
    ``no_bid``.
    """

    quote_id: str
    rfq_id: str
    user: str
    subaccount: int
    ticker: str
    yes_bid: int
    no_bid: int
    yes_count: int
    no_count: int
    rest: bool
    post_only: bool
    created_ns: int
    updated_ns: int
    status: str = OPEN
    accepted_side: str = ""
    accepted_ns: int | None = None
    confirmed_ns: int | None = None
    executed_ns: int | None = None
    cancelled_ns: int | None = None
    reason: str = ""
    maker_order: tuple[str, str] = ("", "")  # order id and client order id
    taker_order: tuple[str, str] = ("", "")

    @property
    def bid(self) -> int:
        """The price of the accepted side."""
        return self.yes_bid if self.accepted_side == "yes" else self.no_bid

    @property
    def count(self) -> int:
        """Contracts of the accepted side."""
        return self.yes_count if self.accepted_side == "yes" else self.no_count
