"""Block trades: two members agree on price and count, and trade past the book once both have accepted."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.simulators.kalshi.core.desk import Desk
from connectors.simulators.kalshi.core.errors import VenueError, not_found
from connectors.simulators.kalshi.core.floor import Floor
from connectors.simulators.kalshi.core.order import ASK, BID, NewOrder

PENDING, EXECUTED, EXPIRED = "pending", "executed", "expired"


@dataclass(slots=True)
class Proposal:
    """``buyer`` gets YES at ``price``; ``maker_side`` (yes or no) says who of the two pays the maker's fee."""

    proposal_id: str
    proposer: str
    buyer: str
    buyer_subaccount: int
    seller: str
    seller_subaccount: int
    ticker: str
    price: int
    count: int
    maker_side: str
    expiration_ns: int
    created_ns: int
    updated_ns: int
    status: str = PENDING
    buyer_accepted_ns: int | None = None
    seller_accepted_ns: int | None = None
    executed_ns: int | None = None
    buyer_order: str = ""
    seller_order: str = ""


class Blocks:
    """All proposals by id."""

    def __init__(self, floor: Floor, desk: Desk) -> None:
        self.floor = floor
        self.desk = desk
        self.proposals: dict[str, Proposal] = {}

    def of(self, user: str) -> list[Proposal]:
        """Those that the user made or takes part in."""
        return [p for p in self.proposals.values() if user in (p.proposer, p.buyer, p.seller)]

    def propose(self, wanted: Proposal) -> Proposal:
        market = self.floor.market(wanted.ticker)
        self.desk.need_trading(market)
        if wanted.proposer not in (wanted.buyer, wanted.seller):
            raise VenueError(403, "forbidden", "the proposal is between others")
        if wanted.buyer == wanted.seller:
            raise _invalid("buyer and seller are the same")
        for user, number in ((wanted.buyer, wanted.buyer_subaccount), (wanted.seller, wanted.seller_subaccount)):
            known = self.floor.accounts.users.get(user)
            if known is None or not 0 <= number < known.subaccounts:
                raise _invalid("unknown buyer, seller or subaccount")
        if wanted.expiration_ns <= self.floor.now:
            raise _invalid("the expiration must be in the future")
        self.proposals[wanted.proposal_id] = wanted
        self.floor.timers.at(wanted.expiration_ns, lambda: self._expire(wanted))
        return wanted

    def accept(self, user: str, proposal_id: str, subaccount: int | None) -> Proposal:
        """Accept for one's own part; with the second acceptance it trades. Raises VenueError."""
        found = self.proposals.get(proposal_id)
        if found is None or user not in (found.buyer, found.seller):
            raise not_found()
        if found.status != PENDING:
            raise _invalid(f"the proposal is {found.status}")
        buys = user == found.buyer
        if subaccount not in (None, found.buyer_subaccount if buys else found.seller_subaccount):
            raise _invalid("the proposal names another subaccount")
        other = found.seller_accepted_ns if buys else found.buyer_accepted_ns
        if other is not None:
            self._execute(found)
        now = self.floor.now
        found.updated_ns = now
        if buys:
            found.buyer_accepted_ns = now
        else:
            found.seller_accepted_ns = now
        return found

    def _execute(self, found: Proposal) -> None:
        market = self.floor.market(found.ticker)
        buyer = (found.buyer, self._order(found, BID, found.buyer_subaccount))
        seller = (found.seller, self._order(found, ASK, found.seller_subaccount))
        if found.maker_side == "yes":
            sold, bought = self.desk.agree(market, seller, buyer)
        else:
            bought, sold = self.desk.agree(market, buyer, seller)
        found.status, found.executed_ns = EXECUTED, self.floor.now
        found.buyer_order, found.seller_order = bought.order_id, sold.order_id

    def _order(self, found: Proposal, side: str, subaccount: int) -> NewOrder:
        return NewOrder(
            found.ticker, side, found.count, found.price, subaccount=subaccount,
            client_order_id=self.floor.ids.of("block", found.proposal_id, side),
        )  # fmt: skip

    def _expire(self, found: Proposal) -> None:
        if found.status == PENDING:
            found.status, found.updated_ns = EXPIRED, self.floor.now


def _invalid(details: str) -> VenueError:
    return VenueError(400, "invalid_parameters", details)
