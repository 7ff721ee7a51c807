"""What rules cost that share indicators: a thousand against ten, per tick, when none of them fires.

Both sets compute the same ten indicators; every rule compares them with thresholds of its own. The whole decision is
timed (events, clock, plan, looking for strategies that fire), not only the plan. Run:
``python -m benchmarks.shared_indicators``.
"""

from __future__ import annotations

import random
import time
from decimal import Decimal

from benchmarks.machine import header
from connectors.calendars import calendar
from engine.decide.tick import Decider
from engine.market.events import NANOS, Bar, Tick
from engine.market.instrument import Instrument
from engine.plan.compiled import compiled_kernel
from engine.plan.plan import make_plan
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

INDICATORS = (
    "ema(close, 10)", "ema(close, 20)", "ema(close, 50)", "sma(close, 30)", "rsi(close, 14) * 10", "atr(14) * 1000",
    "highest(high, 20)", "lowest(low, 20)", "stdev(close, 20) * 1000", "wma(close, 15)",
)  # fmt: skip
START_NS = 1_709_649_000 * NANOS  # 2024-03-05 09:30 New York
TICKS = 20_000


def rules(count: int) -> str:
    """``count`` rules; together any ten in a row use every indicator. None of them can be true."""
    draw = random.Random(count)
    documents = []
    for number in range(count):
        first, second = INDICATORS[number % 10], INDICATORS[(number + 3) % 10]
        documents.append(
            f"kind: strategy\nname: rule_{number}\nuniverse: [SPY]\nwhen:\n"
            f"  - {first} > {draw.uniform(1e7, 2e7):.3f}\n  - {second} > {draw.uniform(1, 50):.3f}\n"
            "then: {buy: {size: 1}}\n"
        )
    return "---\n".join(documents)


def decider(count: int) -> Decider:
    text = rules(count).replace("rsi(close, 14) * 10 >", "rsi(close, 14) * 10 >")
    ruleset = link([PackFiles("bench", [load_text("bench.yaml", text)])])
    problems = [f for f in ruleset.findings if f.code != "AT206"]
    assert not problems, problems[0]
    plan = make_plan(ruleset, ["SPY"])
    instruments, calendars = {"SPY": Instrument("SPY")}, {"XNYS": calendar("XNYS")}
    return Decider(plan, instruments, calendars, Decimal(100_000), kernel=compiled_kernel())


def ticks() -> list[Tick]:
    draw, price, found = random.Random(3), 500.0, []
    for number in range(TICKS):
        price += draw.gauss(0, 0.2)
        bar = Bar("SPY", START_NS + number * 60 * NANOS, 60, price - 0.05, price + 0.1, price - 0.1, price, 1000.0)
        found.append(Tick(bar.known_ns, [bar]))
    return found


def microseconds(count: int, stream: list[Tick]) -> float:
    """Time of one tick, best of three runs."""
    best = float("inf")
    for _ in range(3):
        engine = decider(count)
        began = time.perf_counter()
        for tick in stream:
            assert not engine.tick(tick)
        best = min(best, time.perf_counter() - began)
    return best / len(stream) * 1e6


def main() -> None:
    print(header("numba", "numpy"))
    stream = ticks()
    few, many = microseconds(10, stream), microseconds(1000, stream)
    print(f"   10 rules: {few:6.2f} us a tick\n 1000 rules: {many:6.2f} us a tick\n ratio:      {many / few:6.2f}")


if __name__ == "__main__":
    main()
