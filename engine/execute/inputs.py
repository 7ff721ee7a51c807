"""Keeps everything that reaches a run from outside, at the one place where it comes in: the broker's door.

The broker is shown every tick before the rules are, and answers every order. So a broker that writes down what it is
shown and what it answers has all inputs, in the order in which the run met them.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from engine.market.events import Bar, MarketEvent, Tick
from engine.market.inputs import Aside, Asked, History, InputLog, Reported
from engine.market.orders import Broker, BrokerReport, Order


class JournaledBroker:
    """A broker as it is, with a journal of its answers. ``history``: ticks are taken in only, not decided on."""

    def __init__(self, broker: Broker, log: InputLog) -> None:
        self._broker, self._log = broker, log
        self.history = False

    def on_events(self, time_ns: int, events: Sequence[MarketEvent]) -> BrokerReport | None:
        """As the broker; the events are kept before it sees them."""
        tick = Tick(time_ns, events)
        self._log.input(History(tick) if self.history else tick)
        report = self._broker.on_events(time_ns, events)
        return None if report is None else self._keep(Asked.EVENTS, report)

    def keep(self, item: Aside) -> None:
        """Keep what the rules are told of the past and of what is late; it is nothing to the broker."""
        self._log.input(item)

    def heard(self, time_ns: int) -> BrokerReport | None:
        """What the broker has to tell between two ticks."""
        report = self._broker.on_events(time_ns, ())
        return None if report is None else self._keep(Asked.HEARD, report)

    def place(self, orders: Sequence[Order], time_ns: int) -> BrokerReport:
        """As the broker."""
        return self._keep(Asked.PLACE, self._broker.place(orders, time_ns))

    def cancel(self, client_ids: Sequence[str], time_ns: int) -> BrokerReport:
        """As the broker."""
        return self._keep(Asked.CANCEL, self._broker.cancel(client_ids, time_ns))

    def replace(self, client_id: str, time_ns: int, stop: Decimal) -> BrokerReport:
        """As the broker."""
        return self._keep(Asked.REPLACE, self._broker.replace(client_id, time_ns, stop))

    def untouched(self, bars: Sequence[Bar]) -> int:
        """None, so that every tick comes by here and is kept."""
        return 0

    def _keep(self, asked: Asked, report: BrokerReport) -> BrokerReport:
        self._log.input(Reported(asked, report))
        return report
