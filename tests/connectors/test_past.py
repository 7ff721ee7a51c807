"""Reading the past up to now: until nothing is left, and never for longer than somebody can wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from connectors.past import MINUTE_NS, Read, read_past
from engine.market.events import Bar
from engine.market.venue import PastBars

SETTLE_NS = 3 * 10**9


class Broken(Exception):
    pass


class Clock:
    """Its time moves on by ``step_ns`` with every look."""

    def __init__(self, now_ns: int, step_ns: int = 0) -> None:
        self._now_ns, self._step_ns = now_ns, step_ns

    def __call__(self) -> int:
        self._now_ns += self._step_ns
        return self._now_ns


def minutes(symbol: str, from_ns: int, to_ns: int) -> list[Bar]:
    starts = range(from_ns, to_ns, MINUTE_NS)
    return [Bar(symbol, start, 60, 1.0, 1.0, 1.0, 1.0, 1.0) for start in starts]


async def plain(symbol: str, from_ns: int, to_ns: int) -> list[Bar]:
    return minutes(symbol, from_ns, to_ns)


def past(read: Read, clock: Callable[[], int], symbols: str = "A", patience: float = 5.0) -> PastBars:
    return asyncio.run(read_past(read, symbols.split(), 0, clock, SETTLE_NS, Broken, patience))


def test_a_minute_that_is_not_settled_is_left_to_the_stream() -> None:
    found = past(plain, Clock(10 * MINUTE_NS + SETTLE_NS - 1))
    assert (found.bars, found.until_ns) == (minutes("A", 0, 9 * MINUTE_NS), 9 * MINUTE_NS)
    assert past(plain, Clock(10 * MINUTE_NS + SETTLE_NS)).until_ns == 10 * MINUTE_NS


def test_minutes_that_pass_while_it_is_read_are_read_too_each_once() -> None:
    found = past(plain, Clock(10 * MINUTE_NS, MINUTE_NS), "A B")
    starts = sorted(bar.start_ns for bar in found.bars if bar.symbol == "B")
    assert starts == [bar.start_ns for bar in minutes("B", 0, found.until_ns)]
    assert found.until_ns > 12 * MINUTE_NS


def test_what_fails_or_takes_too_long_is_missing_and_the_rest_is_there() -> None:
    async def read(symbol: str, from_ns: int, to_ns: int) -> list[Bar]:
        if symbol == "B":
            raise Broken("no such thing")
        if symbol == "C":
            await asyncio.Event().wait()
        return minutes(symbol, from_ns, to_ns)

    found = past(read, Clock(5 * MINUTE_NS + SETTLE_NS), "A B C", 0.05)
    assert found.missing == {"B": "no such thing", "C": "not within 0.05 s"}
    assert found.bars == minutes("A", 0, 5 * MINUTE_NS)
