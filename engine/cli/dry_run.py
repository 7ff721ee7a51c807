"""What ``engine run --dry-run`` shows: the orders that would go out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.decide.actions import Decision
from engine.decide.tick import DataNote, Decider
from engine.market.events import Tick
from engine.market.orders import BrokerReport, Leg, Order
from engine.report.trace_text import clock

DRY_RUN = "dry_run"  # in what a run keeps of itself


class WouldBe:
    """A recorder of would-be orders. ``write`` takes a line for each; ``silent``: packs that tell of theirs in lines of
    their own. ``orders_told`` has all of them."""

    def __init__(self, timezone: str, write: Callable[[str], None], silent: Sequence[str] = ()) -> None:
        self._timezone, self._write, self._silent = timezone, write, silent
        self.orders_told: list[dict[str, Any]] = []

    def decision(self, decision: Decision, decider: Decider) -> None:
        """Told by others."""

    def orders(self, orders: Sequence[Order]) -> None:
        for order in orders:
            if order.leg not in (Leg.ENTRY, Leg.EXIT):
                continue
            self.orders_told.append(would_be(order))
            if order.rule.partition(".")[0] not in self._silent:
                price = "at the market" if order.limit is None else f"at {order.limit}"
                words = f"would {order.side} {order.quantity} {order.symbol} {price} ({order.rule})"
                self._write(f"{clock(order.created_ns, self._timezone)} dry run: {words}")

    def report(self, report: BrokerReport, decider: Decider) -> None:
        """Nothing fills."""

    def note(self, note: DataNote) -> None:
        """Told by others."""

    def ticks(self, ticks: Sequence[Tick], equity: Sequence[float], decider: Decider) -> None:
        """Nothing to tell of a tick."""


def would_be(order: Order) -> dict[str, Any]:
    """An order as JSON values."""
    return {
        "time_ns": order.created_ns, "rule": order.rule, "symbol": order.symbol, "side": str(order.side),
        "quantity": order.quantity, "type": str(order.type), "limit": order.limit, "leg": str(order.leg),
    }  # fmt: skip
