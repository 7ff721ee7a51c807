"""Money and positions: cash by user, subaccount and shard; what resting orders hold back; fills and settlements."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field

from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.fees import DIRECT_PRECISION, FeeTerms, round_balance, trade_fee
from connectors.simulators.kalshi.core.model import Market, Position
from connectors.simulators.kalshi.core.netting import Netting
from connectors.simulators.kalshi.core.notices import BalanceChanged, Notice, PositionChanged
from connectors.simulators.kalshi.core.order import ASK, BID, Order, leg_price
from connectors.simulators.kalshi.core.units import PRICE_ONE

Purse = tuple[str, int, int]  # user, subaccount, shard
Slot = tuple[str, int, str]  # user, subaccount, market
Place = tuple[str, int]  # side, YES price
Wanted = dict[Place, int]  # contracts that rest there


@dataclass(slots=True)
class User:
    """``trusted`` users trade without collateral and are told nothing: the simulated traders."""

    user_id: str
    trusted: bool = False
    precision: int = DIRECT_PRECISION
    subaccounts: int = 1  # numbers 0 to one less
    client_order_ids: set[str] = field(default_factory=set)


class Accounts:
    """``house`` holds one dollar for each pair of open contracts; ``fees`` is what the exchange has taken."""

    def __init__(self, notices: list[Notice]) -> None:
        self.notices = notices
        self.users: dict[str, User] = {}
        self.cash: dict[Purse, int] = {}
        self.reserves: dict[Slot, tuple[int, int]] = {}  # shard, money
        self.reserved: dict[Purse, int] = {}
        self.positions: dict[Slot, Position] = {}
        self.resting: dict[Slot, dict[str, Order]] = {}
        self.wanted: dict[Slot, Wanted] = {}
        self.netting = Netting()
        self.deposited = 0
        self.house = 0
        self.fees = 0

    def user(self, user_id: str) -> User:
        return self.users[user_id]

    def deposit(self, user: str, subaccount: int, shard: int, amount: int, now: int) -> None:
        """Money from outside; negative takes it out."""
        self._pay(user, subaccount, shard, amount)
        self.deposited += amount
        self._tell_balance(user, subaccount, shard, now)

    def transfer(self, source: Purse, target: Purse, amount: int, now: int) -> None:
        """Move money between purses of one user. Raises VenueError when the source has too little."""
        if amount <= 0:
            raise VenueError(400, "invalid_amount", "the amount must be positive")
        if self.available(*source) < amount:
            raise VenueError(400, "insufficient_balance")
        self._pay(*source, -amount)
        self._pay(*target, amount)
        self._tell_balance(*source, now)
        self._tell_balance(*target, now)

    def available(self, user: str, subaccount: int, shard: int) -> int:
        purse = (user, subaccount, shard)
        return self.cash.get(purse, 0) - self.reserved.get(purse, 0)

    def held(self, user: str, subaccount: int, ticker: str) -> int:
        position = self.positions.get((user, subaccount, ticker))
        return position.count if position is not None else 0

    def check(self, market: Market, order: Order, terms: FeeTerms, replaced: Order | None = None) -> None:
        """Raise ``insufficient_balance`` unless the account can pay for the order at its limit, with the taker fee.

        ``replaced`` is the order's resting form before an amendment.
        """
        if self.users[order.user].trusted:
            return
        slot = (order.user, order.subaccount, order.ticker)
        wanted = dict(self.wanted.get(slot, {}))
        if replaced is not None:
            wanted[replaced.side, replaced.price] -= replaced.remaining
        place = (order.side, order.price)
        wanted[place] = wanted.get(place, 0) + order.remaining
        after, opened = self._hold(slot, wanted, terms, place)
        before = self.reserves.get(slot, (market.shard, 0))[1]
        # Held back is the maker fee; an order that trades at once pays the taker fee instead.
        opening = min(opened, order.remaining)
        taker, maker = (trade_fee(terms, opening, order.price, is_taker) for is_taker in (True, False))
        needed = after + taker - maker - before
        if needed > 0 and needed > self.available(order.user, order.subaccount, market.shard):
            raise VenueError(400, "insufficient_balance")

    def _hold(self, slot: Slot, wanted: Wanted, terms: FeeTerms, watched: Place | None) -> tuple[int, int]:
        """What resting orders hold back, and how many contracts at ``watched`` open.

        The best priced orders trade first, so they are the ones that close what is held and cost nothing.
        """
        position = self.positions.get(slot)
        count = position.count if position is not None else 0
        # A NO whose dollar has been returned already is not free to close.
        returned = position is not None and self.netting.returned.get((slot[0], slot[1], position.event_ticker), 0)
        closable = {BID: 0 if returned else max(0, -count), ASK: max(0, count)}
        total = opened = 0
        for side, price in sorted(wanted, key=lambda place: -place[1] if place[0] == BID else place[1]):
            closing = min(closable[side], wanted[side, price])
            closable[side] -= closing
            opening = wanted[side, price] - closing
            if opening:
                total += opening * leg_price(side, price) + trade_fee(terms, opening, price, False)
            if (side, price) == watched:
                opened = opening
        return total, opened

    def rest(self, order: Order) -> None:
        self.resting.setdefault(_slot(order), {})[order.order_id] = order
        wanted = self.wanted.setdefault(_slot(order), {})
        wanted[order.side, order.price] = wanted.get((order.side, order.price), 0) + order.remaining

    def unrest(self, order: Order) -> None:
        """Take a resting order away with what it still wants."""
        was_there = self.resting.get(_slot(order), {}).pop(order.order_id, None) is not None
        if was_there and order.remaining:
            self.shrink(order, order.remaining)

    def shrink(self, order: Order, count: int) -> None:
        """A resting order wants ``count`` fewer."""
        wanted, place = self.wanted[_slot(order)], (order.side, order.price)
        wanted[place] -= count
        if not wanted[place]:
            del wanted[place]

    def hold(self, market: Market, user: str, subaccount: int, terms: FeeTerms, now: int) -> None:
        """Bring what the user's resting orders in a market hold back up to date, and tell the balance."""
        if self.users[user].trusted:
            return
        slot, purse = (user, subaccount, market.ticker), (user, subaccount, market.shard)
        wanted = self.wanted.get(slot)
        total = self._hold(slot, wanted, terms, None)[0] if wanted else 0
        before = self.reserves.get(slot, (market.shard, 0))[1]
        self.reserves[slot] = (market.shard, total)
        self.reserved[purse] = self.reserved.get(purse, 0) + total - before
        self._tell_balance(*purse, now)

    def fill(self, market: Market, order: Order, count: int, price: int, terms: FeeTerms, taker: bool, now: int) -> int:
        """Book one side of a trade; returns the net fee. Opposite contracts held cancel out for a dollar a pair."""
        user = self.users[order.user]
        position = self.position(market, order.user, order.subaccount)
        leg = leg_price(order.side, price)
        signed = count if order.side == BID else -count
        closing = min(count, abs(position.count)) if position.count * signed < 0 else 0
        paid, returned = leg * count, closing * PRICE_ONE
        fee = trade_fee(terms, count, price, taker)
        fee, order.rounding = round_balance(returned - paid, fee, user.precision, order.rounding)
        self._pay(order.user, order.subaccount, market.shard, returned - paid - fee)
        self.house += paid - returned
        self.fees += fee
        self._move(position, signed, closing, leg)
        position.fees += fee
        position.traded += paid
        position.volume += count
        position.updated_ns = now
        self._net(position)
        if not user.trusted:
            self.notices.append(PositionChanged(copy(position), now))
        return fee

    def _net(self, position: Position, settled: bool = False) -> None:
        """Return collateral that the event's positions no longer need, or take it back."""
        change = self.netting.change(position, settled)
        if change:
            self._pay(position.user, position.subaccount, position.shard, change)
            self.house -= change

    def _move(self, position: Position, signed: int, closing: int, leg: int) -> None:
        if closing:
            released = position.cost * closing // abs(position.count)
            position.cost -= released
            position.realized += closing * (PRICE_ONE - leg) - released
        position.cost += (abs(signed) - closing) * leg
        position.count += signed

    def settle(self, market: Market, position: Position, now: int) -> int:
        """Pay out a position; returns the payment. What the account's precision cannot show goes to the fees."""
        value = market.value if market.value is not None else 0
        due = position.count * value if position.count > 0 else -position.count * (PRICE_ONE - value)
        precision = self.users[position.user].precision
        payment = due // precision * precision
        self.house -= due
        self.fees += due - payment
        self._pay(position.user, position.subaccount, market.shard, payment)
        position.realized += payment - position.cost
        position.fees += due - payment
        position.count = position.cost = 0
        self.netting.settle(market.ticker, value)
        self._net(position, settled=True)
        position.updated_ns = now
        self._tell_balance(position.user, position.subaccount, market.shard, now)
        return payment

    def close(self, position: Position, now: int) -> None:
        """Mark a position of a settled market."""
        position.settled = True
        if not self.users[position.user].trusted:
            self.notices.append(PositionChanged(copy(position), now))

    def position(self, market: Market, user: str, subaccount: int) -> Position:
        slot = (user, subaccount, market.ticker)
        position = self.positions.get(slot)
        if position is None:
            position = Position(user, subaccount, market.ticker, market.shard, market.event_ticker)
            self.positions[slot] = position
            self.netting.join(position)
        return position

    def _pay(self, user: str, subaccount: int, shard: int, amount: int) -> None:
        purse = (user, subaccount, shard)
        self.cash[purse] = self.cash.get(purse, 0) + amount

    def _tell_balance(self, user: str, subaccount: int, shard: int, now: int) -> None:
        if not self.users[user].trusted:
            available = self.available(user, subaccount, shard)
            self.notices.append(BalanceChanged(user, subaccount, shard, available, now))


def _slot(order: Order) -> Slot:
    return order.user, order.subaccount, order.ticker
