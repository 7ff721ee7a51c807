"""The practice venue beside its network side: exchange, clock, prices, what reads see of it, and who listens."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.simulators.clock import PracticeClock
from connectors.simulators.faults import HTTP_KINDS, WS_KINDS, Faults
from connectors.simulators.tradier import render
from connectors.simulators.tradier.core.exchange import Exchange
from connectors.simulators.tradier.core.orders import Order
from connectors.simulators.tradier.limits import Windows
from connectors.simulators.tradier.prices import World, day_of
from connectors.simulators.tradier.world import Director

SESSION_SECONDS = 300.0
NANOS_PER_MS = 1_000_000
SCOPES = frozenset({
    "read", "write", "create", "modify", "cancel", "preview", "order", "orders", "positions", "balances", "gainloss",
    "account-history", "profile", "quotes", "timesales", "history", "clock", "calendar", "chains", "expirations",
    "strikes", "lookup", "session", "websocket", "http-stream", "market", "account",
})  # fmt: skip


@dataclass(slots=True)
class Options:
    """How the venue behaves. By the venue's clock: ``read_lag_ms`` is how far lists are behind, ``cancel_ms`` from a
    cancel's acknowledgement to the cancel, ``average_ms`` from a fill to its average price. ``sandbox``: what the
    sandbox lacks is lacking."""

    seed: int = 7
    cash: Decimal = Decimal(100_000)
    read_lag_ms: int = 60
    cancel_ms: int = 30
    average_ms: int = 0
    unlimited: bool = False
    sandbox: bool = False
    oco_gap: Decimal = Decimal(0)
    commission: Decimal = Decimal(0)


class Venue:
    """``token`` and ``account`` are the client's. Listeners hear of orders (as events) and of moved symbols."""

    def __init__(self, options: Options, world: World, clock: PracticeClock, token: str, account: str) -> None:
        self.options, self.clock, self.token, self.account = options, clock, token, account
        self.exchange = Exchange(options.cash, self._changed, options.oco_gap, options.commission)
        self.director = Director(self.exchange, world, clock, options.seed)
        self.director.moved = self._moved
        self.faults = Faults(options.seed, {**HTTP_KINDS, **WS_KINDS}, SCOPES)
        self.windows = Windows(options.sandbox, lambda: options.unlimited, clock.now)
        self.sessions: dict[str, tuple[str, float]] = {}  # id: kind, when it was made
        self.on_order: list[Callable[[dict[str, Any]], None]] = []
        self.on_move: list[Callable[[str, int], None]] = []
        self.on_session: list[Callable[[str], None]] = []
        self._due: list[tuple[int, Order]] = []
        self._orders: dict[int, list[tuple[int, str]]] = {}
        self._money: list[tuple[int, str]] = []
        self._keep_money(0)

    def now(self) -> int:
        return self.clock.now()

    def tick(self) -> None:
        """Let time pass: prices, and cancels that are due."""
        self.director.catch_up()
        now = self.now()
        due = [order for at, order in self._due if at <= now]
        self._due = [(at, order) for at, order in self._due if at > now]
        for order in due:
            if not order.over and not order.root.over:
                self.exchange.cancel(order, self.now())

    def cancel(self, order: Order) -> None:
        """Acknowledge a cancel; it happens a little later. Raises BadRequest."""
        if order.over or order.root.over or not self.options.cancel_ms:
            self.exchange.cancel(order, self.now())
        else:
            self._due.append((self.now() + self.options.cancel_ms * NANOS_PER_MS, order))

    def make_session(self, kind: str) -> str:
        """One at a time: an older one of its kind counts no more."""
        self.sessions = {k: v for k, v in self.sessions.items() if v[0] != kind}
        made = secrets.token_hex(16)
        self.sessions[made] = (kind, time.monotonic())
        for act in list(self.on_session):
            act(kind)
        return made

    def takes(self, session: str, kind: str) -> bool:
        """Whether a session may be used now."""
        found = self.sessions.get(session)
        return found is not None and found[0] == kind and time.monotonic() - found[1] <= SESSION_SECONDS

    # -- what reads see ------------------------------------------------------------------------------------------------

    def listed(self) -> list[dict[str, Any]]:
        """Orders of this trading day and those that rest, as far as reads have them by now."""
        today = day_of(self.now())
        roots = (o for o in self.exchange.orders.values() if not o.over or day_of(o.changed_ns) == today)
        return [found for order in roots if (found := self.seen(order)) is not None]

    def seen(self, order: Order) -> dict[str, Any] | None:
        """A root order as reads have it by now; None while they do not."""
        return self._newest(self._orders.get(order.id, []), order)

    def money(self) -> dict[str, Any]:
        """Positions and cash as reads have them by now."""
        found = self._at(self._money)
        assert found is not None
        return found

    def pay_in(self, dollars: Decimal) -> None:
        """Money comes, or goes where it is below zero; reads have it after their lag."""
        self.exchange.cash += dollars
        self._keep_money(self.now())

    def _newest(self, versions: list[tuple[int, str]], order: Order) -> dict[str, Any] | None:
        found = self._at(versions)
        if found is not None and self.options.average_ms:
            young = self.now() - order.changed_ns < self.options.average_ms * NANOS_PER_MS
            if young:
                render.without_average(found)
        return found

    def _at(self, versions: list[tuple[int, str]]) -> dict[str, Any] | None:
        seen = self.now() - self.options.read_lag_ms * NANOS_PER_MS
        old = [number for number, (at, _) in enumerate(versions) if at <= seen]
        if not old:
            return None
        del versions[: old[-1]]
        found: dict[str, Any] = json.loads(versions[0][1])
        return found

    def _changed(self, order: Order, now: int) -> None:
        root = order.root
        self._orders.setdefault(root.id, []).append((now, json.dumps(render.order(root))))
        self._keep_money(now)
        event = render.order_event(order, self.account, now)
        for act in list(self.on_order):
            act(event)

    def _keep_money(self, now: int) -> None:
        told = {
            "cash": str(self.exchange.cash), "positions": [render.position(h) for h in self.exchange.held.values()]
        }
        self._money.append((now, json.dumps(told)))
        del self._money[:-200]

    def _moved(self, symbol: str, now: int) -> None:
        for act in list(self.on_move):
            act(symbol, now)
