"""A run on a live feed: one event loop, in which ticks, answers of the venue and the clock take turns.

Paper and live differ in the broker only. With a venue's broker nothing is decided before the account has been read and
followed once; after every break of the stream it is read again, and no entry goes out until that is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from engine.execute.broker import VenueBroker
from engine.execute.inputs import JournaledBroker
from engine.execute.loop import Loop
from engine.execute.recovery import Recovery
from engine.market.events import Bar, MarketEvent, Tick, later
from engine.market.inputs import FOREVER_NS, Past, Unseen, Waits
from engine.market.past import BarAges, old_bars, ticks_of
from engine.market.venue import Batch, Feed, LinkDown, LinkUp, PastBars, Unheard, VenueError

NANOS = 1_000_000_000
PULSE_NS = NANOS
SHORTEST_PAUSE_NS = NANOS // 2  # between two readings of the account
LOOK_SECONDS = 0.05
FLUSH_SECONDS = 0.95  # less than a second, so that the pulse of a clock at real speed is never just too early
KNOWN_SECONDS = 10.0
SETTLE_SECONDS = 5.0
ANSWER_SECONDS = 25.0  # how long requests under way are waited for when a run ends; none takes longer
UNKNOWN_NOW = "what is counted from the session's open is unknown until the next one"
NOT_CONNECTED = "the stream of the venue is not connected"
NOT_READ = "the venue's account has not been read since the stream was connected"


class Overview(Protocol):
    """A feed that can tell everything at once."""

    def known(self) -> bool:
        """Whether every market has told its prices."""
        ...

    def whole(self, now_ns: int) -> Sequence[MarketEvent]:
        """All prices and facts as they are."""
        ...


@dataclass(slots=True)
class Account:
    """The venue's side of a live run. A paper run has none."""

    broker: VenueBroker
    recovery: Recovery


class LiveRun:
    """``journal`` is the loop's broker. ``pulse`` gives what changes by the passing of time alone; ``before_tick`` is
    called before each tick and ``every_second`` once a second; ``tell`` hears of connections, in words. ``beside`` is
    work that goes on while the run does. ``behind``: whether bars of a break are still to come; None where there are no
    bars. ``ages``: when bars are late, and when they are of the past. ``leave`` is called as the run ends: requests
    that wait for their turn are not sent then.
    """

    def __init__(
        self, loop: Loop, journal: JournaledBroker, feed: Feed, clock: Callable[[], int], *,
        account: Account | None = None,
        pulse: Callable[[int], Sequence[MarketEvent]] = lambda now: (),
        before_tick: Callable[[], None] = lambda: None, every_second: Callable[[], None] = lambda: None,
        tell: Callable[[str], None] = lambda words: None, beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
        behind: Callable[[], bool] | None = None, ages: BarAges | None = None, leave: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.loop, self.journal, self.feed, self.account = loop, journal, feed, account
        self.connections = 0
        self.ready = account is None
        self._clock, self._pulse = clock, pulse
        self._before_tick, self._every_second, self._tell = before_tick, every_second, tell
        self._beside, self._behind, self._leave = beside, behind, leave
        self._ages, self._waits_ns = ages or BarAges(), 0
        self._looks_only = False
        self._linked = False
        self._now = 0
        self._requests: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[None] | None = None
        self._read_again_ns = 0  # not before then, unless the stream is new
        self._failure: asyncio.Future[None] | None = None
        if account is not None:
            account.broker.heard = self.listen

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until ``stop``; requests under way are answered and booked before this returns.

        VenueError when the stream cannot go on.
        """
        await self._go_on_until(stop)

    async def once(self, stop: asyncio.Event, market: Overview) -> None:
        """Decide at one instant, as soon as the whole market is known, and see what becomes of its orders.

        What is not known after ten seconds stays unknown; what is under way five seconds later goes on without us.
        VenueError when the stream fails, or the account could not be read in time.
        """
        self._looks_only = True
        await self._go_on_until(stop, self._look_once(stop, market))

    async def _look_once(self, stop: asyncio.Event, market: Overview) -> None:
        await _within(KNOWN_SECONDS, lambda: self.ready and market.known())
        if not self.ready:
            raise VenueError(f"the venue's account could not be followed within {KNOWN_SECONDS:.0f} seconds")
        self._before_tick()
        now = self._time()
        self.loop.step(Tick(now, market.whole(now)))
        self._dispatch()
        portfolio = self.loop.decider.context.portfolio
        await _within(SETTLE_SECONDS, lambda: not portfolio.under_way())
        stop.set()

    async def _go_on_until(self, stop: asyncio.Event, *more: Coroutine[Any, Any, None]) -> None:
        self._failure = asyncio.get_running_loop().create_future()
        self._wait_for_bars()
        works = [self._pump(), self._beat(), *more, *([self._beside()] if self._beside is not None else [])]
        tasks = [asyncio.create_task(self._guarded(work)) for work in works]
        stopped = asyncio.ensure_future(stop.wait())
        ends: list[asyncio.Future[Any]] = [stopped, self._failure]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._failure.done():
                self._failure.result()
        finally:
            for task in (*tasks, stopped, *filter(None, [self._reading])):
                task.cancel()
            await asyncio.gather(*tasks, stopped, return_exceptions=True)
            self._leave()
            if self._requests:
                await asyncio.wait(self._requests, timeout=ANSWER_SECONDS)
            self.listen()

    def listen(self) -> None:
        """Book what the venue has told, and send what follows; the rules are not asked."""
        if self.account is None:
            return
        now = self._time()
        report = self.journal.heard(now)
        if report is not None:
            self.loop.hear(report, now)
        self._dispatch()

    def withdraw_entries(self, reason: str) -> None:
        """Take entries off the market; what becomes of them is heard by ``listen``."""
        assert self.account is not None
        self.account.broker.withdraw_entries(reason)
        self.listen()

    def begin_after(self, past: PastBars) -> None:
        """Before the run: what the rules must have seen of the time before it."""
        self._remember(past.bars)
        for symbol, reason in past.missing.items():
            self._miss(Unseen(symbol, past.until_ns, reason))

    # -- ticks ---------------------------------------------------------------------------------------------------------

    async def _pump(self) -> None:
        while True:
            self.take(await self.feed.batch())

    def take(self, batch: Batch) -> None:
        """One batch of the feed."""
        for news in batch.news:
            if isinstance(news, LinkUp):
                self._up()
            elif isinstance(news, LinkDown):
                self._down(news.reason)
            elif isinstance(news, Unheard):
                self._tell(f"{news.symbol}: {news.reason}; {UNKNOWN_NOW}")
                self._miss(Unseen(news.symbol, news.time_ns, news.reason))
        if self.account is not None:
            self.account.broker.hear(batch.news)
        if batch.events:
            self._tick(batch.time_ns, batch.events)
        else:
            self.listen()

    def _remember(self, bars: Sequence[Bar]) -> None:
        """Bars of the past: nothing is decided on them, and the broker is not shown what it cannot trade at."""
        for tick in ticks_of(bars):
            self.journal.keep(Past(tick))
            self.loop.decider.remember(tick)

    def _wait_for_bars(self) -> None:
        """Bars of higher timeframes wait for minutes that are late, and over a break until it is filled."""
        if self._behind is None:
            return
        nanos = FOREVER_NS if self._behind() else self._ages.late
        if nanos != self._waits_ns:
            self._waits_ns = nanos
            self.journal.keep(Waits(nanos))
            self.loop.decider.wait(Waits(nanos))

    def _miss(self, unseen: Unseen) -> None:
        self.journal.keep(unseen)
        self.loop.decider.miss(unseen)

    async def _beat(self) -> None:
        """Time passes also when nothing is told. What is written down waits for the disk, whose seconds are this
        machine's, however fast a practice venue's are."""
        due, seconds = 0, asyncio.get_running_loop().time
        flush = 0.0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = self._clock()
            if self.account is not None and 0 < self.account.broker.look_ns <= now and self._may_read(now):
                self.read_account()
            if now >= due:
                due = now + PULSE_NS
                self._tick(now, self._pulse(now))
                self._wait_for_bars()
                if seconds() >= flush:
                    flush = seconds() + FLUSH_SECONDS
                    self._every_second()

    def _tick(self, told_ns: int, events: Sequence[MarketEvent]) -> None:
        """A tick at the instant for which its events were told, so that a capture of those gives the same ticks."""
        self._before_tick()
        self._now = later(told_ns, self._now)
        old, events = old_bars(events, self._now - self._ages.old)
        self._remember(old)
        tick = Tick(self._now, events)
        if self.ready and not self._looks_only:
            self.loop.step(tick)
        else:
            # What is held is protected from the first quote on; deciding has to wait.
            self.journal.history = True
            self.loop.observe(tick)
            self.journal.history = False
        self._dispatch()

    def _time(self) -> int:
        self._now = later(self._clock(), self._now)
        return self._now

    # -- the venue -----------------------------------------------------------------------------------------------------

    def _up(self) -> None:
        self.connections += 1
        self._linked = True
        self._tell("connected")
        if self.account is not None:
            self.account.broker.hold = NOT_READ
            self.read_account()

    def _down(self, reason: str) -> None:
        self._linked = False
        self._tell(f"connection lost: {reason}")
        if self.account is not None:
            self.account.broker.hold = NOT_CONNECTED

    def _may_read(self, now: int) -> bool:
        return self._linked and now >= self._read_again_ns

    def read_account(self) -> None:
        """Read the venue's lists and follow them, unless that is under way."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._guarded(self._read_account()))

    async def _read_account(self) -> None:
        account = self.account
        assert account is not None
        broker = account.broker
        broker.look_ns = 0
        began, connection = self._clock(), self.connections
        try:
            picture = await account.recovery.read()
        except VenueError as error:
            self._tell(f"the venue's account could not be read: {error}")
            broker.doubt(self._clock() + NANOS)
            return
        finally:
            # Readings take half of the time at most, and of the venue's read budget: prices and terms need it, too.
            now = self._clock()
            self._read_again_ns = now + max(now - began, SHORTEST_PAUSE_NS)
        if connection != self.connections:
            # The stream was lost and made anew meanwhile: what happened then may not be in what was read.
            broker.doubt(self._clock())
            return
        self.listen()
        findings = account.recovery.apply(picture, self._time())
        self.listen()
        if findings.settled and self._linked:
            broker.hold = ""
            self.ready = True

    def _dispatch(self) -> None:
        if self.account is not None:
            self.account.broker.dispatch(self._spawn)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guarded(coroutine))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _guarded(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """A fault in a task of its own ends the run: it must not go on half blind."""
        try:
            await coroutine
        except Exception as error:
            if self._failure is not None and not self._failure.done():
                self._failure.set_exception(error)


async def _within(seconds: float, check: Callable[[], bool]) -> None:
    """Wait until it is so, at the longest for so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not check():
                await asyncio.sleep(LOOK_SECONDS)
