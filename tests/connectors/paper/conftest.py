"""A broker with one symbol, fed by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.paper import PaperBroker, PaperSettings
from engine.market.events import NANOS, Bar, Quote
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.orders import BrokerReport, Fill, Leg, Order, OrderState, OrderType, Side

MINUTE = 60 * NANOS
FREE = {"fee_per_unit": Decimal(0), "fee_minimum": Decimal(0), "slippage_bps": Decimal(0)}
TYPES = {
    (False, False): OrderType.MARKET,
    (True, False): OrderType.LIMIT,
    (False, True): OrderType.STOP,
    (True, True): OrderType.STOP_LIMIT,
}


class Market:
    """SPY at 100, without costs unless a test sets them. ``fills`` collects what filled, ``told_ns`` when each
    was told, ``states`` what was told of orders."""

    def __init__(self, *, first_bar: bool = True, **settings: Any) -> None:
        self.instruments = {"SPY": Instrument("SPY"), "SPX": Instrument("SPX", InstrumentKind.INDEX)}
        self.settings = PaperSettings(**(FREE | settings))
        self.broker = PaperBroker(self.settings, self.instruments)
        self.now = 0
        self.fills: list[Fill] = []
        self.told_ns: list[int] = []
        self.states: dict[str, list[OrderState]] = {}
        self.reasons: dict[str, str] = {}
        if first_bar:
            self.bar(100, 100, 100, 100)

    def bar(self, open_: float, high: float, low: float, close: float, volume: float | None = None) -> list[Fill]:
        """The next minute, wherever in it the clock is."""
        start = self.now // MINUTE * MINUTE
        self.now = start + MINUTE
        return self.take(self.broker.on_events(self.now, [Bar("SPY", start, 60, open_, high, low, close, volume)]))

    def flat(self, price: float, volume: float | None = None) -> list[Fill]:
        return self.bar(price, price, price, price, volume)

    def quote(
        self, bid: float | None, ask: float | None, size: float | None = None, after_ns: int = NANOS
    ) -> list[Fill]:
        self.now += after_ns
        return self.take(self.broker.on_events(self.now, [Quote("SPY", self.now, bid, size, ask, size)]))

    def place(self, *orders: Order) -> None:
        self.take(self.broker.place(orders, self.now))

    def replace(self, name: str, stop: Decimal) -> None:
        self.take(self.broker.replace(name, self.now, stop))

    def cancel(self, *names: str) -> None:
        self.take(self.broker.cancel(names, self.now))

    def order(self, name: str = "o", side: Side = Side.BUY, quantity: int = 10, leg: Leg = Leg.ENTRY, *,
              limit: str | None = None, stop: str | None = None, **rest: Any) -> Order:  # fmt: skip
        kind = rest.pop("type", TYPES[limit is not None, stop is not None])
        symbol, strategy = rest.pop("symbol", "SPY"), rest.pop("strategy", "s")
        return Order(
            name, symbol, side, Decimal(quantity), kind, leg, strategy, "r", self.now,
            Decimal(limit) if limit else None, Decimal(stop) if stop else None, **rest,
        )  # fmt: skip

    def bracket(
        self, stop: str = "95", target: str = "110", quantity: int = 10, *, sells: bool = False,
        entry_stop: str | None = None, **entry: Any,
    ) -> None:  # fmt: skip
        """An entry ``o`` with its legs ``stop`` and ``target``."""
        side, common = Side.SELL if sells else Side.BUY, {"parent": "o", "group": "o"}
        self.place(
            self.order("o", side, quantity, stop=entry_stop, **entry),
            self.order("stop", side.opposite, quantity, Leg.STOP, stop=stop, **common),
            self.order("target", side.opposite, quantity, Leg.TARGET, limit=target, **common),
        )

    def held(self, strategy: str = "s") -> Decimal:
        return self.broker.account.positions.get((strategy, "SPY"), Decimal(0))

    def resting(self) -> dict[str, Decimal]:
        return {order.client_id: order.quantity for order in self.broker.resting()}

    def take(self, report: BrokerReport | None) -> list[Fill]:
        if report is None:
            return []
        self.fills += report.fills
        self.told_ns += [self.now] * len(report.fills)
        for update in report.updates:
            self.states.setdefault(update.client_id, []).append(update.state)
            self.reasons[update.client_id] = update.reason
        return list(report.fills)


def told(fills: list[Fill]) -> list[tuple[str, str]]:
    """What filled and at which price, to compare at a glance."""
    return [(f.client_id, f"{f.price.normalize():f}") for f in fills]


@pytest.fixture(scope="session")
def paper() -> type[Market]:
    """Makes a market with a paper broker; keyword arguments are settings."""
    return Market


@pytest.fixture(scope="session", name="told")
def _told() -> Any:
    return told
