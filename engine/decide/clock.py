"""The clock facts of one tick, computed once for all symbols of a calendar. Time comes in, it is never read."""

from __future__ import annotations

import datetime
import math

from engine.market.calendar import TradingCalendar, TradingDay
from engine.market.events import NANOS

DAY_NS = 86_400 * NANOS
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

    ``watched``: whether anything reads the values; they are not computed otherwise.
    """

    def __init__(self, calendar: TradingCalendar, weekday_codes: tuple[float, ...]) -> None:
        self._calendar, self._weekday_codes = calendar, weekday_codes
        self._day_begin_ns = self._day_end_ns = 0
        self._offset_ns = 0
        self._session: TradingDay | None = None
        self.watched = False
        self.time_ns = -1
        self.day = 0  # proleptic ordinal of the local date
        self.weekday = 0  # 0 is Monday
        self.values: list[float] = [math.nan] * len(NAMES)

    def move(self, time_ns: int) -> bool:
        """Set all values for an instant; True on the first tick of a new local day."""
        self.time_ns = time_ns
        new_day = not self._day_begin_ns <= time_ns < self._day_end_ns
        if new_day:
            self._start_day(time_ns)
        if self.watched:
            self._set_values(time_ns)
        return new_day

    def at(self, time_ns: int) -> tuple[float, ...]:
        """The values at another instant of the same local day."""
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
        """Whether an instant is of the local day on which this clock stands."""
        return self._day_begin_ns <= time_ns < self._day_end_ns

    def _set_values(self, time_ns: int) -> None:
        values, session = self.values, self._session
        values[0] = time_ns / NANOS
        values[1] = (time_ns - self._day_begin_ns) / NANOS
        if session is not None and session.open_ns < time_ns <= session.close_ns:
            values[4] = 1.0
            values[5] = float(session.ordinal)
            values[6] = (time_ns - session.open_ns) / 60e9
            values[7] = (session.close_ns - time_ns) / 60e9
        elif values[4] != 0.0:
            values[4] = 0.0
            values[5] = values[6] = values[7] = math.nan

    def _start_day(self, time_ns: int) -> None:
        """Local midnights around ``time_ns``; a day with a clock change is as long as its first offset says."""
        self._offset_ns = self._calendar.utc_offset_ns(time_ns)
        local = time_ns + self._offset_ns
        midnight = local - local % DAY_NS
        self._day_begin_ns = midnight - self._offset_ns
        self._day_end_ns = self._day_begin_ns + DAY_NS
        date = datetime.date(1970, 1, 1) + datetime.timedelta(days=midnight // DAY_NS)
        self.day, self.weekday = date.toordinal(), date.weekday()
        self._session = self._calendar.day_at(time_ns)
        self.values[2] = float(self.day)
        self.values[3] = self._weekday_codes[self.weekday]
        self.values[4] = 1.0  # forces the session values to be set below

    @property
    def seconds_of_day(self) -> float:
        return self.values[1]

    def moment_ns(self, seconds_of_day: float) -> int:
        """The instant that many seconds after the last local midnight."""
        return self._day_begin_ns + int(seconds_of_day * NANOS)

    @property
    def session(self) -> TradingDay | None:
        """Today's regular session, if there is one."""
        return self._session

    @property
    def day_end_ns(self) -> int:
        """The next local midnight."""
        return self._day_end_ns

    def session_end_ns(self, now_ns: int) -> int:
        """The close of today's session, or midnight when there is none to come."""
        if self._session is not None and now_ns < self._session.close_ns:
            return self._session.close_ns
        return self._day_end_ns
