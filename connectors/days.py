"""Days by the clocks of a zone, as bounds of what is read."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.market.events import NANOS, SourceError
from engine.market.inputs import FOREVER_NS


class DayRange:
    """Local days of ``timezone`` (IANA) from ``first`` to ``last``, both included; None is without a bound.

    ``begin`` is the first instant of it and ``end`` the first one after it, ``begin_ns`` and ``end_ns`` are the same in
    UTC nanoseconds: 0 and the last that there is where there is no bound, or one further away.
    """

    def __init__(self, first: date | None, last: date | None, timezone: str) -> None:
        self._zone = zone = ZoneInfo(timezone)
        following = None if last is None or last == date.max else last + timedelta(days=1)
        self.begin = None if first is None else datetime.combine(first, time(), zone)
        self.end = None if following is None else datetime.combine(following, time(), zone)
        self.begin_ns = 0 if self.begin is None else max(0, _nanos(self.begin))
        self.end_ns = FOREVER_NS if self.end is None else min(_nanos(self.end), FOREVER_NS)

    def before(self, time_ns: int) -> bool:
        """Whether an instant lies before the range."""
        return time_ns < self.begin_ns

    def after(self, time_ns: int) -> bool:
        """Whether an instant lies after the range."""
        return time_ns >= self.end_ns

    @property
    def bounded(self) -> bool:
        """Whether it leaves anything out."""
        return self.begin is not None or self.end is not None

    def nothing(self, what: str, first_ns: int, last_ns: int | None) -> SourceError:
        """Of data that lies from ``first_ns`` to ``last_ns`` nothing is in the range; None: who knows where it ends."""
        begin, end = (
            f" {word} {moment:%Y-%m-%d %H:%M %Z}" if moment else ""
            for word, moment in (("from", self.begin), ("until", self.end))
        )
        first = f"{datetime.fromtimestamp(first_ns // NANOS, self._zone):%Y-%m-%d}"
        last = "" if last_ns is None else f"{datetime.fromtimestamp(last_ns // NANOS, self._zone):%Y-%m-%d}"
        there = f"it covers {first} to {last}" if last else f"it begins on {first}"
        return SourceError(f"{what}: nothing is told{begin}{end}; {there}")

    def __contains__(self, time_ns: int) -> bool:
        return self.begin_ns <= time_ns < self.end_ns


def _nanos(moment: datetime) -> int:
    return int(moment.timestamp()) * NANOS


ALL_TIME = DayRange(None, None, "UTC")
