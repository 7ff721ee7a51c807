"""Reading what the stream has missed from the vendor's history."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from connectors.polygon.errors import BadKey, NotEntitled, PolygonError, Refused
from connectors.polygon.events import Window
from connectors.polygon.minutes import Gap
from connectors.polygon.rest import SPAN_SECONDS, PolygonRest
from connectors.polygon.rows import bar_of, window_of
from connectors.polygon.tickers import ticker_of
from engine.market.events import Bar

TRIES = 5
FIRST_WAIT_SECONDS = 1.0
AT_ONCE = 4  # gaps that are read side by side
NANOS = 1_000_000_000


async def read_bars(rest: PolygonRest, symbol: str, from_ns: int, to_ns: int) -> list[Bar]:
    """The minute bars of a symbol that begin in [from_ns, to_ns), as rules see them."""
    return [bar_of(window) for window in await read_windows(rest, ticker_of(symbol), from_ns, to_ns)]


async def read_windows(rest: PolygonRest, ticker: str, from_ns: int, to_ns: int, span: str = "minute") -> list[Window]:
    """All windows of a ticker that begin in [from_ns, to_ns). PolygonError when any page fails."""
    seconds = SPAN_SECONDS[span]
    return [window_of(ticker, row, seconds) async for row in rest.aggregates(ticker, from_ns, to_ns, span)]


class Failures(NamedTuple):
    """What a read raises: when it is asked again, and when it is not."""

    passing: type[Exception]
    lasting: tuple[type[Exception], ...]


FAILURES = Failures(PolygonError, (BadKey, NotEntitled, Refused))


class GapReader:
    """Reads gaps once they have settled, a few side by side.

    ``read`` gives all windows of a gap; it is asked again after a failure that passes. ``wait_until`` sleeps until a
    time of the market, UTC nanoseconds. ``done`` gets each gap with what was read, or None where it could not be read,
    and why.
    """

    def __init__(
        self,
        read: Callable[[Gap], Awaitable[list[Window]]],
        wait_until: Callable[[int], Awaitable[None]],
        done: Callable[[Gap, list[Window] | None, str], None],
        failures: Failures,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._read_gap, self._wait_until, self._done, self._sleep = read, wait_until, done, sleep
        self._failures = failures
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[asyncio.Task[None], str] = {}

    def read(self, gap: Gap) -> None:
        """Begin to read one gap."""
        task = asyncio.create_task(self._read(gap), name=f"history of {gap.ticker}")
        self._tasks[task] = gap.ticker
        task.add_done_callback(lambda ended: self._tasks.pop(ended, None))

    def forget(self, tickers: frozenset[str]) -> None:
        """Read no more of these: another break has come."""
        for task, ticker in list(self._tasks.items()):
            if ticker in tickers:
                task.cancel()

    async def close(self) -> None:
        """Stop reading."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, gap: Gap) -> None:
        await self._wait_until(gap.settled_ns)
        words = ""
        for attempt in range(TRIES):
            try:
                async with self._turns:
                    windows = await self._read_gap(gap)
            except self._failures.lasting as error:
                words = str(error)
                break
            except self._failures.passing as error:
                words = str(error)
                await self._sleep(FIRST_WAIT_SECONDS * 2**attempt)
            else:
                self._done(gap, windows, "")
                return
        self._done(gap, None, words)
