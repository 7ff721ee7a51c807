"""The account as reads show it: some time behind the exchange, which is where a real client's trouble begins."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.simulators.kalshi.core.model import Fill, Position, Settlement
from connectors.simulators.kalshi.core.notices import (
    BalanceChanged,
    Filled,
    Notice,
    OrderChanged,
    PositionChanged,
    Settled,
)
from connectors.simulators.kalshi.core.order import Order

_SHOWN = (BalanceChanged, Filled, OrderChanged, PositionChanged, Settled)


@dataclass(slots=True)
class Portfolio:
    """What one user's reads show. Orders and fills are oldest first."""

    orders: dict[str, Order] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    positions: dict[tuple[int, str], Position] = field(default_factory=dict)
    balances: dict[tuple[int, int], int] = field(default_factory=dict)  # by subaccount and shard, in money
    settlements: list[Settlement] = field(default_factory=list)
    balance_ns: int = 0


class Published:
    """All portfolios, ``lag_ns`` behind."""

    def __init__(self, lag_ns: int) -> None:
        self.lag_ns = lag_ns
        self.as_of_ns = 0
        self._waiting: deque[Notice] = deque()
        self._portfolios: dict[str, Portfolio] = {}

    def take(self, notices: Iterable[Notice]) -> None:
        self._waiting.extend(notice for notice in notices if isinstance(notice, _SHOWN))

    def portfolio(self, user: str, now: int) -> Portfolio:
        self.catch_up(now)
        return self._portfolios.setdefault(user, Portfolio())

    def catch_up(self, now: int) -> None:
        self.as_of_ns = max(self.as_of_ns, now - self.lag_ns)
        while self._waiting and self._waiting[0].time_ns <= now - self.lag_ns:
            self._show(self._waiting.popleft())

    def _show(self, notice: Notice) -> None:
        match notice:
            case OrderChanged(order=order):
                self._of(order.user).orders[order.order_id] = order
            case Filled(fill=fill):
                self._of(fill.user).fills.append(fill)
            case PositionChanged(position=position):
                self._of(position.user).positions[position.subaccount, position.ticker] = position
            case BalanceChanged():
                portfolio = self._of(notice.user)
                portfolio.balances[notice.subaccount, notice.shard] = notice.available
                portfolio.balance_ns = notice.time_ns
            case Settled(settlement=settlement):
                self._of(settlement.user).settlements.append(settlement)

    def _of(self, user: str) -> Portfolio:
        return self._portfolios.setdefault(user, Portfolio())
