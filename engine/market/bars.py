"""Higher-timeframe bars from base bars, without ever knowing one before it is over."""

from __future__ import annotations

from engine.market.calendar import TradingCalendar
from engine.market.events import NANOS, Bar

DAY_SECONDS = 86_400


class BarAggregator:
    """Builds the bars of one symbol at one higher timeframe.

    Intraday buckets begin at whole multiples of ``seconds`` since the epoch. With ``seconds`` = 86400 a bucket is one
    regular session of ``calendar``: bars before its open or after its close are no part of it, and the daily bar has
    the session's start and length (``seconds`` 23400 in New York, 12600 on a half day), so that ``known_ns`` is the
    close.

    On each tick, push the base bars that arrived and then flush once::

        for done in (aggregator.push(bar, now_ns), aggregator.flush(now_ns)): ...

    A bucket is complete at the first instant at or after its end, also when its last minutes never came. A base bar
    that arrives twice counts once, as its last copy; one that arrives after its bucket was completed changes nothing
    and is counted in ``late``. A bucket with no base bar at all gives no bar.
    """

    def __init__(self, seconds: int, calendar: TradingCalendar | None = None) -> None:
        if seconds <= 0:
            raise ValueError(f"a bar must last at least one second, not {seconds}")
        if seconds > DAY_SECONDS:
            raise ValueError(f"a bar lasts a day at most, not {seconds} seconds")
        if seconds == DAY_SECONDS and calendar is None:
            raise ValueError("daily bars need a trading calendar")
        self.seconds = seconds
        self.late = 0
        self._calendar = calendar if seconds == DAY_SECONDS else None
        self._start_ns = 0
        self._end_ns = 0
        self._parts: dict[int, Bar] = {}

    def push(self, bar: Bar, now_ns: int) -> Bar | None:
        """Add one base bar, known at ``now_ns`` (UTC nanoseconds); the higher bar that is complete thereby, if any.

        When it is the first bar of a new bucket, the bar returned is the previous bucket's, and ``flush`` gives the
        new one should that be over too. Raises ValueError for a bar that is not yet over or straddles two buckets.
        """
        known_ns = bar.known_ns
        if known_ns > now_ns:
            raise ValueError(f"{bar.symbol} bar of {bar.start_ns} is known at {known_ns}, not yet at {now_ns}")
        if bar.start_ns < self._start_ns:
            self.late += 1
            return None
        done: Bar | None = None
        if bar.start_ns >= self._end_ns:
            done = self._complete()
            bucket = self._bucket_of(bar.start_ns)
            if bucket is None:
                return done
            self._start_ns, self._end_ns = bucket
        if known_ns > self._end_ns:
            raise ValueError(f"{bar.symbol} bar of {bar.start_ns} lasts {bar.seconds} s and straddles two bars "
                             f"of {self.seconds} s")
        self._parts[bar.start_ns] = bar
        return self._complete() if done is None and now_ns >= self._end_ns else done

    def flush(self, now_ns: int) -> Bar | None:
        """The pending bar if its bucket is over at ``now_ns``: for buckets whose last minutes are missing."""
        return self._complete() if now_ns >= self._end_ns else None

    @property
    def pending_ns(self) -> int:
        """When the bar under way will be over (UTC nanoseconds); the end of time when there is none."""
        return self._end_ns if self._parts else 2**63 - 1

    def _bucket_of(self, start_ns: int) -> tuple[int, int] | None:
        """Start and end of the bucket that holds an instant; None outside the sessions of daily bars."""
        if self._calendar is None:
            width_ns = self.seconds * NANOS
            first_ns = start_ns // width_ns * width_ns
            return first_ns, first_ns + width_ns
        day = self._calendar.day_at(start_ns)
        if day is None or not day.open_ns <= start_ns < day.close_ns:
            return None
        return day.open_ns, day.close_ns

    def _complete(self) -> Bar | None:
        """The pending bar, and no bucket pending any more; None when there is none."""
        if not self._parts:
            return None
        bars = [self._parts[start_ns] for start_ns in sorted(self._parts)]
        volumes = [bar.volume for bar in bars if bar.volume is not None]
        done = Bar(
            symbol=bars[0].symbol,
            start_ns=self._start_ns,
            seconds=(self._end_ns - self._start_ns) // NANOS,
            open=bars[0].open,
            high=max(bar.high for bar in bars),
            low=min(bar.low for bar in bars),
            close=bars[-1].close,
            volume=sum(volumes) if len(volumes) == len(bars) else None,
        )
        self._parts.clear()
        self._start_ns = self._end_ns  # whatever begins earlier now comes too late
        return done
