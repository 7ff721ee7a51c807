"""Keeps what the vendor streams: seconds as ticks and minutes as bars, in batches, without a hole.

Of each ticker the store always ends where everything before has been written. While a gap is read from the history
what is streamed meanwhile waits; whoever stops in between finds the same gap again from where the store ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from connectors.polygon.errors import BadKey, NotEntitled, NotFound, PolygonError, Refused
from connectors.polygon.events import Dropped, Event, Lost, Problem, Ready, Window
from connectors.polygon.feed import SETTLE_NS
from connectors.polygon.history import read_windows
from connectors.polygon.minutes import MINUTE_NS
from connectors.polygon.practice import MarketClock
from connectors.polygon.rest import PolygonRest
from connectors.polygon.rows import SOURCE, bar_row, tick_row
from connectors.polygon.stream import PolygonStream
from connectors.polygon.tickers import cluster_of, symbol_of
from engine.market.marketdata import BarRow, MarketDataStore, TickRow

OVERLAP_NS = 2 * MINUTE_NS  # read again before the end, for what came late
AGAIN_SECONDS = 5.0
LONGEST_AGAIN_SECONDS = 60.0
KINDS = ("A", "AM")
LOOK_SECONDS = 0.1
MOST_WAITING = 500_000  # rows; beyond it the socket is no longer read
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pace:
    """``batch``: rows that are written at once at the latest; ``flush``: seconds after which what is there is."""

    batch: int = 500
    flush: float = 1.0


@dataclass
class Counts:
    """What has been written and what happened."""

    ticks: int = 0
    bars: int = 0
    gaps: int = 0
    breaks: int = 0
    dropped: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Line:
    """One ticker: until when seconds and minutes are written or wait, and what waits for a gap to be read."""

    tick_ns: int
    bar_ns: int
    held: list[TickRow | BarRow] | None = None
    reading: asyncio.Task[None] | None = None


def channels_of(tickers: list[str]) -> list[str]:
    """What is streamed of each ticker: its seconds and its minutes."""
    return [f"{kind}.{ticker}" for kind in KINDS for ticker in tickers]


class Streamer:
    """``store`` opens the store; it is used in one thread of its own, so that a slow one does not stop the socket.

    ``stream`` must be open, with ``channels_of(tickers)``. ``tell`` hears in words what happens. ``since_ns``: where a
    ticker begins that the store does not have; None is now.
    """

    def __init__(
        self,
        rest: PolygonRest,
        stream: PolygonStream,
        store: Callable[[], MarketDataStore],
        tickers: list[str],
        clock: MarketClock,
        pace: Pace,
        tell: Callable[[str], None],
        since_ns: int | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rest, self._stream, self._tickers, self._clock = rest, stream, tickers, clock
        self._pace, self._tell, self._since_ns, self._sleep = pace, tell, since_ns, sleep
        self._open = store
        self._thread = ThreadPoolExecutor(1, "market data")
        self._lines: dict[str, _Line] = {}
        self._rows: list[TickRow | BarRow] = []
        self._since_flush = 0.0
        self._failure: BaseException | None = None
        self.counts = Counts()

    async def run(self, stop: asyncio.Event) -> Counts:
        """Stream until ``stop``, and write what is there; raises what ends the stream or the store."""
        loop = asyncio.get_running_loop()
        self._store = await loop.run_in_executor(self._thread, self._open)
        try:
            for ticker in self._tickers:
                self._lines[ticker] = await self._in_thread(partial(self._line, ticker))
            self._since_flush = loop.time()
            while not stop.is_set():
                await self._turn(loop)
                while self._waiting > MOST_WAITING and self._reading and not stop.is_set():
                    # The vendor cuts off who does not read; then the gap is longer, and nothing is lost.
                    await self._sleep(LOOK_SECONDS)
            return self.counts
        finally:
            for line in self._lines.values():
                if line.reading is not None:
                    line.reading.cancel()
            try:
                await self._flush()
            finally:
                await self._in_thread(self._store.close)
                self._thread.shutdown()

    async def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        left = self._since_flush + self._pace.flush - loop.time()
        for event in await self._stream.take(max(0.01, left)):
            self._take(event)
        if self._failure is not None:
            raise self._failure
        if len(self._rows) >= self._pace.batch or loop.time() - self._since_flush >= self._pace.flush:
            await self._flush()
            self._since_flush = loop.time()

    @property
    def _waiting(self) -> int:
        return sum(len(line.held or ()) for line in self._lines.values())

    @property
    def _reading(self) -> bool:
        return any(line.reading is not None for line in self._lines.values())

    # -- what is heard

    def _take(self, event: Event) -> None:
        match event:
            case Window():
                self._keep(event)
            case Ready():
                self._tell(f"{event.cluster.value}: connected, {len(event.channels)} channels")
                for ticker, line in self._lines.items():
                    if cluster_of(ticker) is event.cluster:
                        self._begin(ticker, line)
            case Lost():
                self.counts.breaks += 1
                self._tell(f"{event.cluster.value}: {event.reason}; connecting again")
                for ticker, line in self._lines.items():
                    if cluster_of(ticker) is event.cluster:
                        self._hold(line)
            case Dropped():
                self.counts.dropped[event.channel] = event.reason
                self._tell(f"{event.channel} is left out: {event.reason}")
                self._leave_out(event.channel.partition(".")[2])
            case Problem():
                self._tell(event.words)

    def _leave_out(self, ticker: str) -> None:
        """A ticker of which no channel is left is not looked for in the history either."""
        line = self._lines.get(ticker)
        if line is not None and not any(f"{kind}.{ticker}" in self._stream.channels for kind in KINDS):
            self._hold(line)
            del self._lines[ticker]

    def _keep(self, window: Window) -> None:
        line = self._lines.get(window.ticker)
        if line is None:
            return
        row = bar_row(window) if window.seconds == 60 else tick_row(window)
        if line.held is not None:
            line.held.append(row)
        else:
            self._accept(line, row)

    def _accept(self, line: _Line, row: TickRow | BarRow) -> None:
        if isinstance(row, BarRow):
            line.bar_ns = max(line.bar_ns, row.start_ns)
        else:
            line.tick_ns = max(line.tick_ns, row.time_ns)
        self._rows.append(row)

    # -- gaps

    def _line(self, ticker: str) -> _Line:
        """Where the store ends."""
        symbol = symbol_of(ticker)
        start = self._clock.now_ns() if self._since_ns is None else self._since_ns
        ticks, bars = self._store.last_tick_ns(symbol, SOURCE), self._store.last_bar_ns(symbol, SOURCE)
        return _Line(ticks or start, bars or start // MINUTE_NS * MINUTE_NS - MINUTE_NS, held=[])

    def _hold(self, line: _Line) -> None:
        """What comes from now on waits, and a gap that is being read is read anew after the next connection."""
        if line.reading is not None:
            line.reading.cancel()
            line.reading = None
        line.held = []

    def _begin(self, ticker: str, line: _Line) -> None:
        self._hold(line)
        line.reading = asyncio.create_task(self._read(ticker, line), name=f"history of {ticker}")
        line.reading.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()

    async def _read(self, ticker: str, line: _Line) -> None:
        """Read what is between the store's end and now, then let go of what waits."""
        now_ns = self._clock.now_ns()
        await self._clock.wait_until(now_ns + SETTLE_NS)
        try:
            rows = await self._history(ticker, line, now_ns)
        except (BadKey, NotEntitled, NotFound, Refused) as error:
            self._tell(f"{symbol_of(ticker)}: what was missed cannot be read: {error}")
            rows = list[TickRow | BarRow]()
        for row in rows:
            self._accept(line, row)
        held, line.held, line.reading = line.held or [], None, None
        for row in held:
            self._accept(line, row)
        if rows:
            self.counts.gaps += 1
            self._tell(f"{symbol_of(ticker)}: {len(rows)} rows of the history are read")

    async def _history(self, ticker: str, line: _Line, now_ns: int) -> list[TickRow | BarRow]:
        """Minutes and seconds up to a little after the connection; tried until it works, unless it is refused."""
        wait = AGAIN_SECONDS
        while True:
            try:
                here = now_ns // MINUTE_NS * MINUTE_NS
                bars = await read_windows(self._rest, ticker, line.bar_ns - OVERLAP_NS, here)
                ticks = await read_windows(self._rest, ticker, line.tick_ns - OVERLAP_NS, now_ns, "second")
            except (BadKey, NotEntitled, NotFound, Refused):
                raise
            except PolygonError as error:
                self._tell(f"{symbol_of(ticker)}: what was missed cannot be read yet: {error}")
                await self._sleep(wait)
                wait = min(LONGEST_AGAIN_SECONDS, wait * 2)
            else:
                return [*map(bar_row, bars), *map(tick_row, ticks)]

    # -- the store

    async def _flush(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            bars = [row for row in rows if isinstance(row, BarRow)]
            ticks = [row for row in rows if isinstance(row, TickRow)]
            await self._in_thread(partial(self._write, bars, ticks))
            self.counts.bars += len(bars)
            self.counts.ticks += len(ticks)

    def _write(self, bars: list[BarRow], ticks: list[TickRow]) -> None:
        if bars:
            self._store.upsert_bars(bars)
        if ticks:
            self._store.upsert_ticks(ticks)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
