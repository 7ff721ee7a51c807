"""Trading days that the data says nothing of: a back-test over them is one over other days than it seems."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.market.calendar import ALWAYS_OPEN, TradingCalendar
from engine.market.instrument import Instrument
from engine.research.results import BacktestResult

HALF_DAY_NS = 12 * 3600 * 10**9  # a step that leaves no local date out, also where clocks are changed


def with_gaps(
    result: BacktestResult, instruments: Mapping[str, Instrument], calendars: Mapping[str, TradingCalendar]
) -> BacktestResult:
    """The result with a data note for each exchange of which whole trading days are missing."""
    used = sorted({instrument.calendar for instrument in instruments.values()})
    counts = {name: days_without_data(result.equity_times_ns, calendars[name]) for name in used}
    notes = {f"trading days of {name} without data": days for name, days in counts.items() if days}
    return replace(result, data_notes={**result.data_notes, **notes}) if notes else result


def days_without_data(times_ns: Sequence[int], calendar: TradingCalendar) -> int:
    """How many sessions between the first and the last tick have no tick in their regular hours; none of an exchange
    that never closes, where nothing may be said for days. ``times_ns``: UTC, rising."""
    if not len(times_ns) or calendar.name.partition("@")[0] == ALWAYS_OPEN:
        return 0
    first, last = int(times_ns[0]), int(times_ns[-1])
    days = {day for time in range(first, last, HALF_DAY_NS) if (day := calendar.day_at(time)) is not None}
    return sum(
        1 for day in days
        if first <= day.open_ns and day.close_ns <= last
        and bisect_right(times_ns, day.open_ns) == bisect_right(times_ns, day.close_ns)
    )  # fmt: skip
