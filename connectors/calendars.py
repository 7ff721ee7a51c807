"""Trading calendars by name: the exchanges of exchange_calendars, half days included, and "24/7".

The sessions of a calendar are computed once, over a fixed range of years and not one that moves with today's date, so
that the same replay sees the same sessions next year. Lunch breaks (Hong Kong, Tokyo) count as open.
"""

from __future__ import annotations

import difflib
import textwrap
import warnings
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.calendar_cache import Sessions, cache_file, keep, load
from engine.market.calendar import ALWAYS_OPEN, TradingCalendar, TradingDay
from engine.market.events import NANOS, SourceError

DAY_NS = 86_400 * NANOS
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
FIRST_DATE = date(1990, 1, 1)
LAST_DATE = date(2035, 12, 31)


class CalendarError(SourceError):
    """A calendar that does not exist, or an instant that it does not cover. The text says which and what to do."""


@cache
def calendar(name: str) -> TradingCalendar:
    """The calendar of that name: an exchange code such as ``XNYS`` (exchange_calendars' list) or ``24/7`` (every day
    from midnight to midnight, UTC). With ``@`` and a timezone behind it, its days and clocks are those of that zone.

    Raises CalendarError for an unknown name, and where sessions run over midnight, which have no one local date.
    """
    exchange, at, timezone = name.partition("@")
    if at:
        return _elsewhere(exchange, timezone)
    if name == ALWAYS_OPEN:
        return AlwaysOpenCalendar(name, "UTC")
    path = cache_file(name, f"{FIRST_DATE.year}-{LAST_DATE.year}") if name.isalnum() else None
    kept = load(path) if path is not None else None
    sessions = kept or _computed(name)
    rows = zip(sessions.ordinals, sessions.opens_ns, sessions.closes_ns, strict=True)
    found = ExchangeSessions(name, sessions.timezone, list(map(TradingDay._make, rows)))
    for day in found.days[-5:]:
        if found.ordinal_at(day.open_ns) != day.ordinal:
            raise CalendarError(f"calendar {name!r} has sessions that begin on the evening before, which have no "
                                f"local date; use an exchange with day sessions, or {ALWAYS_OPEN!r}")
    if kept is None and path is not None:
        keep(path, sessions)
    return found


def _elsewhere(exchange: str, timezone: str) -> TradingCalendar:
    """A calendar by the clocks of another zone."""
    name, there = f"{exchange}@{timezone}", calendar(exchange)
    if not isinstance(there, ExchangeSessions):
        return AlwaysOpenCalendar(name, timezone)
    zone = LocalTime(timezone)
    days = [day._replace(ordinal=zone.ordinal_at(day.open_ns)) for day in there.days]
    for day in days:
        if zone.ordinal_at(day.close_ns - 1) != day.ordinal:
            raise CalendarError(f"the sessions of calendar {exchange!r} run over midnight in {timezone} and have no "
                                f"one date there; write `timezone: {there.timezone}`")
    return ExchangeSessions(name, timezone, days)


def _computed(name: str) -> Sessions:
    exchange = _load(name)
    ordinals = [session.toordinal() for session in exchange.sessions]
    return Sessions(str(exchange.tz), ordinals, exchange.opens_nanos.tolist(), exchange.closes_nanos.tolist())


def _load(name: str) -> Any:
    """The library's calendar over our range of years, cut to what the library knows."""
    import exchange_calendars as library  # late: it brings pandas, most of a second

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's own use of pandas is not the user's concern
            bounds = library.get_calendar(name)
            first, last = bounds.bound_min(), bounds.bound_max()
            return library.get_calendar(
                name,
                start=max(FIRST_DATE, first.date()) if first is not None else FIRST_DATE,
                end=min(LAST_DATE, last.date()) if last is not None else LAST_DATE,
            )
    except library.errors.InvalidCalendarName:
        close = difflib.get_close_matches(name.upper(), library.get_calendar_names(), n=1)
        mend = f"did you mean {close[0]}?" if close else f"use an exchange code such as XNYS, or {ALWAYS_OPEN!r}"
        raise CalendarError(f"there is no calendar {name!r}; {mend}") from None
    except Exception as error:  # rules of rarely used exchanges fail inside pandas in many ways; none is the user's
        reason = textwrap.shorten(f"{type(error).__name__}: {error}", 120)
        raise CalendarError(f"exchange_calendars could not compute calendar {name!r} ({reason})") from error


class LocalTime:
    """The clocks of a timezone."""

    def __init__(self, timezone: str) -> None:
        self.timezone = timezone
        try:
            self._zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise CalendarError(f"there is no timezone {timezone!r}; use one such as America/New_York") from None
        self._offset_of_utc_day: dict[int, int | None] = {}

    def ordinal_at(self, time_ns: int) -> int:
        """Proleptic ordinal of the local date at an instant."""
        return (time_ns + self.utc_offset_ns(time_ns)) // DAY_NS + EPOCH_ORDINAL

    def utc_offset_ns(self, time_ns: int) -> int:
        """Offset of local time from UTC at that instant, in nanoseconds."""
        offset = self.offset_all_day(time_ns)
        return offset if offset is not None else self._offset_at(time_ns)

    def offset_all_day(self, time_ns: int) -> int | None:
        """The offset all through the UTC day of an instant; None on the two days a year on which clocks change."""
        utc_day = time_ns // DAY_NS
        try:
            return self._offset_of_utc_day[utc_day]
        except KeyError:
            at_start, at_end = self._offset_at(utc_day * DAY_NS), self._offset_at((utc_day + 1) * DAY_NS - 1)
            self._offset_of_utc_day[utc_day] = offset = at_start if at_start == at_end else None
            return offset

    def midnight_ns(self, ordinal: int) -> int:
        """Where a local date begins."""
        day = date.fromordinal(ordinal)
        return int(datetime(day.year, day.month, day.day, tzinfo=self._zone).timestamp()) * NANOS

    def _offset_at(self, time_ns: int) -> int:
        try:
            local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_ns // NANOS)).astimezone(self._zone)
        except OverflowError:
            raise CalendarError(f"{time_ns} ns is an instant no calendar can hold; are the units right?") from None
        offset = local.utcoffset()
        assert offset is not None  # an aware datetime always has one
        return int(offset.total_seconds()) * NANOS


class ExchangeSessions(LocalTime):
    """All sessions of one exchange, looked up by the local date of an instant."""

    def __init__(self, name: str, timezone: str, days: Sequence[TradingDay]) -> None:
        super().__init__(timezone)
        self.name, self.days = name, days
        self._by_date = {day.ordinal: day for day in days}
        self._latest: tuple[int, int, TradingDay | None] = (0, 0, None)

    def day_at(self, time_ns: int) -> TradingDay | None:
        """The session of the local date of ``time_ns``; None on a holiday; CalendarError outside the years covered."""
        since, until, day = self._latest  # market time moves on slowly: nearly always the same day as before
        if since <= time_ns < until:
            return day
        day = self._look_up(time_ns)
        offset = self.offset_all_day(time_ns)
        if offset is not None:
            utc_midnight = time_ns // DAY_NS * DAY_NS
            midnight = (time_ns + offset) // DAY_NS * DAY_NS - offset
            self._latest = (max(utc_midnight, midnight), min(utc_midnight, midnight) + DAY_NS, day)
        return day

    def _look_up(self, time_ns: int) -> TradingDay | None:
        ordinal, first, last = self.ordinal_at(time_ns), self.days[0].ordinal, self.days[-1].ordinal
        day = self._by_date.get(ordinal)
        if day is None and not first <= ordinal <= last:
            asked, begins, ends = (date.fromordinal(n).isoformat() for n in (ordinal, first, last))
            raise CalendarError(f"calendar {self.name!r} covers {begins} to {ends}; {asked} is outside")
        return day


class AlwaysOpenCalendar(LocalTime):
    """Every day from midnight to midnight: venues that never close."""

    def __init__(self, name: str, timezone: str) -> None:
        super().__init__(timezone)
        self.name = name
        self._days: dict[int, TradingDay] = {}

    def day_at(self, time_ns: int) -> TradingDay:
        """The local day of an instant. Midnight belongs to the day it begins."""
        ordinal = self.ordinal_at(time_ns)
        day = self._days.get(ordinal)
        if day is None:
            day = TradingDay(ordinal, self.midnight_ns(ordinal), self.midnight_ns(ordinal + 1))
            self._days[ordinal] = day
        return day
