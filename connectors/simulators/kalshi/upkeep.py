"""Maintenance windows: the venue's weekly one, and those that somebody announces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.simulators.kalshi.core.units import NANOS

ZONE = ZoneInfo("America/New_York")
WEEKDAY = 3  # Thursday
OPENS, ENDS = 3, 5  # hours of the day in New York: trading pauses, everything but that goes on


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A window in which the exchange (or only trading) pauses. UTC nanoseconds."""

    start_ns: int
    end_ns: int
    exchange: bool = False


class Upkeep:
    """``announced`` windows come beside the weekly one, which there is when ``weekly``."""

    def __init__(self, weekly: bool) -> None:
        self.weekly = weekly
        self.announced: list[Maintenance] = []

    def at(self, now: int) -> Maintenance | None:
        """The window that is on; an announced one before the weekly one, a stricter one before others."""
        on = [window for window in self._around(now) if window.start_ns <= now < window.end_ns]
        return max(on, key=lambda window: window.exchange, default=None)

    def next_ns(self, after: int) -> int | None:
        """When the next window begins or ends, later than ``after``."""
        times = [time for window in self._around(after) for time in (window.start_ns, window.end_ns)]
        return min((time for time in times if time > after), default=None)

    def coming(self, now: int) -> list[Maintenance]:
        """Windows that are not over, the earliest first."""
        return sorted((w for w in self._around(now) if w.end_ns > now), key=lambda window: window.start_ns)

    def _around(self, now: int) -> list[Maintenance]:
        """The announced windows, and the weekly one of this week and of the next."""
        if not self.weekly:
            return list(self.announced)
        return [*self.announced, weekly(now), weekly(now + 7 * 86_400 * NANOS)]


def weekly(now: int) -> Maintenance:
    """The window of the week (from Friday on) that a time lies in."""
    local = datetime.fromtimestamp(now // NANOS, UTC).astimezone(ZONE)
    day = local.date() + timedelta(days=(WEEKDAY - local.weekday()) % 7)
    start, end = (datetime(day.year, day.month, day.day, hour, tzinfo=ZONE) for hour in (OPENS, ENDS))
    return Maintenance(int(start.timestamp()) * NANOS, int(end.timestamp()) * NANOS)
