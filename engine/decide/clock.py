"""The clock facts of one tick, computed once for all symbols of a calendar. Time comes in, it is never read."""

from __future__ import annotations

import datetime
import math

from engine.market.calendar import TradingCalendar, TradingDay
from engine.market.events import NANOS

DAY_SECONDS = 86_400
DAY_NS = DAY_SECONDS * NANOS
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMES = (
    "now",
    "time_of_day",
    "today",
    "weekday",
    "session.open",
    "session.ordinal",
    "session.minutes",
    "session.minutes_left",
)


class Clock:
    """Values of the facts in ``NAMES``, in that order. Text is passed as its code.

    ``watched``: whether anything reads the values; they are not computed otherwise. On a day on which clocks are
    changed the values are those of the clock on the wall: it stands on one side of the change or on the other.
    """

    def __init__(self, calendar: TradingCalendar, weekday_codes: tuple[float, ...]) -> None:
        self._calendar, self._weekday_codes = calendar, weekday_codes
        self._offset_ns = self._midnight_ns = 0  # local midnight as it would be had the offset been this one then
        self._begin_ns = self.until_ns = 0  # how long date and offset hold
        self._session: TradingDay | None = None
        self.watched = False
        self.time_ns = -1
        self.day = 0  # proleptic ordinal of the local date
        self.weekday = 0  # 0 is Monday
        self.values: list[float] = [math.nan] * len(NAMES)

    def move(self, time_ns: int) -> bool:
        """Set all values for an instant; True on the first tick of a new local day."""
        self.time_ns = time_ns
        new_day = False
        if not self._begin_ns <= time_ns < self.until_ns:
            before = self.day
            self._start(time_ns)
            new_day = self.day != before
        if self.watched:
            self._set_values(time_ns)
        return new_day

    def at(self, time_ns: int) -> tuple[float, ...]:
        """The values at another instant that this clock ``has``."""
        values = self.values
        self.values = list(values)
        self._set_values(time_ns)
        self.values, found = values, tuple(self.values)
        return found

    def another(self) -> Clock:
        """A clock of the same calendar that has not moved yet."""
        found = Clock(self._calendar, self._weekday_codes)
        found.watched = True
        return found

    def has(self, time_ns: int) -> bool:
        """Whether an instant is of the local day on which this clock stands, and before the next change of clocks."""
        return self._begin_ns <= time_ns < self.until_ns

    def _set_values(self, time_ns: int) -> None:
        values, session = self.values, self._session
        values[0] = time_ns / NANOS
        values[1] = (time_ns - self._midnight_ns) / NANOS
        if session is not None and session.open_ns < time_ns <= session.close_ns:
            values[4] = 1.0
            values[5] = float(session.ordinal)
            values[6] = (time_ns - session.open_ns) / 60e9
            values[7] = (session.close_ns - time_ns) / 60e9
        elif values[4] != 0.0:
            values[4] = 0.0
            values[5] = values[6] = values[7] = math.nan

    def _start(self, time_ns: int) -> None:
        """Take up the local date of an instant."""
        self._offset_ns = offset = self._calendar.utc_offset_ns(time_ns)
        local = time_ns + offset
        self._midnight_ns = midnight = local - local % DAY_NS - offset
        self._begin_ns, self.until_ns = midnight, midnight + DAY_NS
        if self._calendar.utc_offset_ns(midnight) != offset:
            self._begin_ns = self._change_ns(midnight, time_ns)
        if self._calendar.utc_offset_ns(self.until_ns - 1) != offset:
            self.until_ns = self._change_ns(time_ns, self.until_ns - 1)
        date = datetime.date(1970, 1, 1) + datetime.timedelta(days=(midnight + offset) // DAY_NS)
        self.day, self.weekday = date.toordinal(), date.weekday()
        self._session = self._calendar.day_at(time_ns)
        self.values[2] = float(self.day)
        self.values[3] = self._weekday_codes[self.weekday]
        self.values[4] = 1.0  # forces the session values to be set below

    def _change_ns(self, before_ns: int, after_ns: int) -> int:
        """The first instant of the later of two offsets, to the second."""
        offset, before, after = self._calendar.utc_offset_ns(after_ns), before_ns // NANOS, after_ns // NANOS + 1
        while after - before > 1:
            middle = (before + after) // 2
            if self._calendar.utc_offset_ns(middle * NANOS) == offset:
                after = middle
            else:
                before = middle
        return after * NANOS

    @property
    def in_session(self) -> bool:
        """Whether the exchange is open for regular trading."""
        return self.values[4] == 1.0

    @property
    def seconds_of_day(self) -> float:
        return self.values[1]

    @property
    def midnight_ns(self) -> int:
        """Local midnight; on a day on which clocks were changed, as it would be by the offset of now."""
        return self._midnight_ns

    def moment_ns(self, seconds_of_day: float) -> int:
        """The instant of this date, or of the one before or after it, at which the clock on the wall says so."""
        moment = self._midnight_ns + int(seconds_of_day * NANOS)
        moved = self._calendar.utc_offset_ns(moment) - self._offset_ns
        if not moved:
            return moment
        if self._calendar.utc_offset_ns(moment - moved) - self._offset_ns == moved:
            return moment - moved
        return max(moment, moment - moved)  # the wall never shows it: the moment at which it is passed over

    @property
    def session(self) -> TradingDay | None:
        """Today's regular session, if there is one."""
        return self._session

    @property
    def day_end_ns(self) -> int:
        """The next local midnight."""
        return self.moment_ns(DAY_SECONDS)

    def session_end_ns(self, now_ns: int) -> int:
        """The close of today's session, or midnight when there is none to come."""
        if self._session is not None and now_ns < self._session.close_ns:
            return self._session.close_ns
        return self.day_end_ns
