"""Trading days as the core sees them: plain data, computed by a connector, never looked up inside a decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

ALWAYS_OPEN: Final = "24/7"  # the calendar of venues that never close


class TradingDay(NamedTuple):
    """One session of an exchange. ``ordinal`` is the proleptic ordinal of its date; times are UTC nanoseconds."""

    ordinal: int
    open_ns: int
    close_ns: int

    def contains(self, time_ns: int) -> bool:
        """Whether an instant lies in regular hours: after the open, up to and including the close."""
        return self.open_ns < time_ns <= self.close_ns


class TradingCalendar(Protocol):
    """Sessions of one exchange, half days included, on the dates and by the clocks of ``timezone``."""

    name: str
    timezone: str

    def day_at(self, time_ns: int) -> TradingDay | None:
        """The session of the local date of ``time_ns`` (also before its open or after its close); None on a holiday."""
        ...

    def utc_offset_ns(self, time_ns: int) -> int:
        """Offset of local time from UTC at that instant, in nanoseconds (New York in winter: -5 h)."""
        ...


def in_zone(name: str, timezone: str, calendars: Callable[[str], TradingCalendar]) -> str:
    """The name of the calendar of that name by the clocks of ``timezone``: ``XNYS`` in New York is ``XNYS``, in Berlin
    ``XNYS@Europe/Berlin``. Without a timezone it is the calendar's own."""
    exchange = name.partition("@")[0]
    if not timezone or calendars(exchange).timezone == timezone:
        return exchange
    return f"{exchange}@{timezone}"
