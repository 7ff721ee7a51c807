"""What the paper broker costs for each bar: with nothing resting, with a bracket that is not touched, with fills.

Run: ``python -m benchmarks.paper_broker``. Each figure is the best of several rounds, in microseconds for one call of
``on_events`` with one bar.
"""

from __future__ import annotations

import time
from decimal import Decimal

from benchmarks.machine import header
from connectors.paper import PaperBroker, PaperSettings
from engine.market.events import NANOS, Bar
from engine.market.instrument import Instrument
from engine.market.orders import Leg, Order, OrderType, Side

BARS, ROUNDS = 20_000, 7
MINUTE = 60 * NANOS


def bars(count: int, first: int = 0) -> list[tuple[int, list[Bar]]]:
    """Minutes around 100 that never leave 99 to 101."""
    return [
        ((i + 1) * MINUTE, [Bar("SPY", i * MINUTE, 60, 100.0, 100.5, 99.5, 100.0 + (i % 7) / 100, 10_000.0)])
        for i in range(first, first + count)
    ]  # fmt: skip


def bracket(number: int, time_ns: int, stop: str, target: str) -> list[Order]:
    """A market entry with a stop and a target."""
    name, quantity = f"e{number}", Decimal(10)
    common = ("s", "r", time_ns)
    return [
        Order(name, "SPY", Side.BUY, quantity, OrderType.MARKET, Leg.ENTRY, *common),
        Order(f"{name}s", "SPY", Side.SELL, quantity, OrderType.STOP, Leg.STOP, *common, stop=Decimal(stop),
              parent=name, group=name),
        Order(f"{name}t", "SPY", Side.SELL, quantity, OrderType.LIMIT, Leg.TARGET, *common, limit=Decimal(target),
              parent=name, group=name),
    ]  # fmt: skip


def started() -> PaperBroker:
    broker = PaperBroker(PaperSettings(), {"SPY": Instrument("SPY")})
    broker.on_events(*bars(1)[0])
    return broker


def timed(broker: PaperBroker, ticks: list[tuple[int, list[Bar]]]) -> float:
    """Microseconds a call."""
    on_events = broker.on_events
    begin = time.perf_counter()
    for time_ns, events in ticks:
        on_events(time_ns, events)
    return (time.perf_counter() - begin) / len(ticks) * 1e6


def idle() -> float:
    return timed(started(), bars(BARS, 1))


def untouched() -> float:
    broker = started()
    broker.place(bracket(0, MINUTE, "90", "110"), MINUTE)
    broker.on_events(*bars(1, 1)[0])
    assert len(broker.resting()) == 2, "the entry must have filled, and its legs must rest"
    return timed(broker, bars(BARS, 2))


def round_trips() -> float:
    """At every bar a bracket is placed, filled and stopped out: microseconds for a bar, orders included."""
    broker, ticks = started(), bars(2_000, 1)
    fills = 0
    begin = time.perf_counter()
    for number, (time_ns, events) in enumerate(ticks):
        broker.place(bracket(number, time_ns - MINUTE, "99.60", "101.50"), time_ns - MINUTE)
        report = broker.on_events(time_ns, events)
        fills += len(report.fills) if report is not None else 0
    took = (time.perf_counter() - begin) / len(ticks) * 1e6
    assert fills == 2 * len(ticks), f"each bracket must fill and stop out, but {fills} fills came"
    return took


def main() -> None:
    print(header("pydantic"))
    for name, run in (("nothing rests", idle), ("a bracket rests", untouched), ("a round trip a bar", round_trips)):
        print(f"{name:20} {min(run() for _ in range(ROUNDS)):8.3f} us a bar")


if __name__ == "__main__":
    main()
