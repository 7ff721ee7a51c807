"""Collateral return in events with one winner at most (``MECNET``), for subaccounts that want it.

Whoever holds NO in several markets of such an event is paid for all of them but one, whatever happens. That much is
paid back at once, and taken back when the positions go. Source: the venue's help page on collateral return.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.simulators.kalshi.core.model import Position
from connectors.simulators.kalshi.core.units import PRICE_ONE

Share = tuple[str, int, str]  # user, subaccount, event


@dataclass(slots=True)
class Netting:
    """``returned`` is what has been paid back, in money. ``wanted``: users and subaccounts that net."""

    exclusive: set[str] = field(default_factory=set)  # events with one winner at most
    wanted: set[tuple[str, int]] = field(default_factory=set)
    returned: dict[Share, int] = field(default_factory=dict)
    _positions: dict[Share, list[Position]] = field(default_factory=dict)
    _values: dict[str, int] = field(default_factory=dict)  # of settled markets: what a YES paid

    def join(self, position: Position) -> None:
        """A new position; those of other events do not matter here."""
        if position.event_ticker in self.exclusive:
            self._positions.setdefault(_share(position), []).append(position)

    def settle(self, ticker: str, value: int) -> None:
        self._values[ticker] = value

    def change(self, position: Position, settled: bool = False) -> int:
        """What is to be paid back now, or taken back when negative. A settlement pays nothing back by itself."""
        share = _share(position)
        before = self.returned.get(share, 0)
        nets = (position.user, position.subaccount) in self.wanted and share in self._positions
        if not before and not nets:
            return 0
        after = self._certain(share)
        if settled or not nets:
            after = min(before, after)
        self.returned[share] = after
        return after - before

    def together(self, user: str, subaccount: int, event_ticker: str) -> list[str]:
        """The markets in which one holds something and whose collateral hangs together."""
        share = (user, subaccount, event_ticker)
        if (user, subaccount) not in self.wanted and not self.returned.get(share):
            return []
        return [position.ticker for position in self._positions.get(share, ())]

    def _certain(self, share: Share) -> int:
        """What open NO positions pay in the worst case: all of them once another market has won, else all but one."""
        held = [-p.count for p in self._positions[share] if p.count < 0 and p.ticker not in self._values]
        won = any(self._values.get(p.ticker) == PRICE_ONE for p in self._positions[share])
        return (sum(held) - (0 if won else max(held, default=0))) * PRICE_ONE


def _share(position: Position) -> Share:
    return position.user, position.subaccount, position.event_ticker
