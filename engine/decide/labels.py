"""What each stretch of a day is called: the sessions of a calendar, and the windows of a pack's playbook. Pure.

A stretch is from its start up to its end. Windows are those that a run opens and closes; at the very instants at which
an exchange opens and closes they differ by that nanosecond, because a bar is told at its end: what is told at 09:30:00
was traded before the open, what is told at 16:00:00 before the close.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from engine.decide.clock import DAY_NS, WEEKDAYS, Clock
from engine.market.calendar import TradingCalendar, TradingDay
from engine.market.events import SourceError
from engine.ruleset.rules import Session

PRE, REGULAR, POST, HALF_DAY = "pre", "regular", "post", "half_day"
AROUND_DAYS: Final = 15  # before and after a day: what is usual there
_EPOCH: Final = date(1970, 1, 1).toordinal()
_NO_CODES: Final = tuple(float(number) for number in range(len(WEEKDAYS)))  # nothing reads the names of weekdays here


class Stretch(NamedTuple):
    """From ``start_ns`` up to ``end_ns`` (UTC nanoseconds)."""

    start_ns: int
    label: str
    end_ns: int


class ExtendedHours(NamedTuple):
    """When trading before the open begins and trading after the close ends, in seconds after local midnight."""

    pre: int
    post: int
    post_of_half_day: int


def calendar_stretches(
    calendar: TradingCalendar, first: date, last: date, extended: ExtendedHours | None = None
) -> Iterator[Stretch]:
    """The sessions of the local days from ``first`` to ``last``, in order; a holiday has none.

    ``half_day`` is a second name of a session that is shorter than usual. Raises SourceError outside the years that
    the calendar covers.
    """
    for clock in _days(calendar, first, last):
        day = clock.session
        if day is None:
            continue
        half = day.close_ns - day.open_ns < _usual_ns(calendar, day)
        if extended is not None:
            yield from _stretch(clock.moment_ns(extended.pre), PRE, day.open_ns)
        if half:
            yield Stretch(day.open_ns, HALF_DAY, day.close_ns)
        yield Stretch(day.open_ns, REGULAR, day.close_ns)
        if extended is not None:
            end = extended.post_of_half_day if half else extended.post
            yield from _stretch(day.close_ns, POST, clock.moment_ns(end))


def window_stretches(
    sessions: Sequence[Session], calendar: TradingCalendar, first: date, last: date
) -> Iterator[Stretch]:
    """The windows that begin on the local days from ``first`` to ``last``, by ``pack.name``.

    ``calendar``: that of all of them. A window that keeps to it is cut where a session ends, and has no stretch on a
    holiday.
    """
    for clock in _days(calendar, first, last):
        found: list[Stretch] = []
        for session in sessions:
            for begin, end in session.hours if clock.weekday in session.days else ():
                start_ns, end_ns = clock.moment_ns(begin), clock.moment_ns(end)
                open_ns = _sessions(calendar, clock) if session.calendar else [(start_ns, end_ns)]
                for opens_ns, closes_ns in open_ns:
                    found += _stretch(max(start_ns, opens_ns), session.key, min(end_ns, closes_ns))
        yield from sorted(found)


def _days(calendar: TradingCalendar, first: date, last: date) -> Iterator[Clock]:
    """A clock at noon of each local day: clocks are changed at night."""
    clock = Clock(calendar, _NO_CODES)
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        clock.move(_noon_ns(calendar, ordinal))
        yield clock


def _noon_ns(calendar: TradingCalendar, ordinal: int) -> int:
    noon_ns = (ordinal - _EPOCH) * DAY_NS + DAY_NS // 2
    return noon_ns - calendar.utc_offset_ns(noon_ns)


def _sessions(calendar: TradingCalendar, clock: Clock) -> list[tuple[int, int]]:
    """Of the clock's day and of the next, into which a window may reach."""
    days = (clock.session, calendar.day_at(clock.time_ns + DAY_NS))
    return [(day.open_ns, day.close_ns) for day in days if day is not None]


def _stretch(start_ns: int, label: str, end_ns: int) -> list[Stretch]:
    return [Stretch(start_ns, label, end_ns)] if start_ns < end_ns else []


def _usual_ns(calendar: TradingCalendar, day: TradingDay) -> int:
    """How long the sessions around a day last, for the most part."""
    lengths: Counter[int] = Counter()
    for ordinal in range(day.ordinal - AROUND_DAYS, day.ordinal + AROUND_DAYS + 1):
        try:
            other = calendar.day_at(_noon_ns(calendar, ordinal))
        except SourceError:
            continue  # the first and the last days that are known have neighbours on one side
        if other is not None:
            lengths[other.close_ns - other.open_ns] += 1
    return lengths.most_common(1)[0][0]
