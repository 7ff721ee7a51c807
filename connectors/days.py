"""Days in UTC, as bounds of what is replayed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from engine.market.events import NANOS


class DayRange:
    """From ``first`` to ``last``, both included; None is without a bound."""

    def __init__(self, first: date | None, last: date | None) -> None:
        self.begin_ns = None if first is None else _midnight_ns(first)
        self.end_ns = None if last is None else _midnight_ns(last + timedelta(days=1))

    def before(self, time_ns: int) -> bool:
        """Whether an instant lies before the range."""
        return self.begin_ns is not None and time_ns < self.begin_ns

    def after(self, time_ns: int) -> bool:
        """Whether an instant lies after the range."""
        return self.end_ns is not None and time_ns >= self.end_ns

    def __contains__(self, time_ns: int) -> bool:
        return not self.before(time_ns) and not self.after(time_ns)


def _midnight_ns(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * NANOS
