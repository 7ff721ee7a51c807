"""What a run on a venue must have seen before it decides: how far back, read from the venue, and what stays unknown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from engine.cli.assemble import Assembly, now_ns
from engine.cli.console import err
from engine.cli.venues.port import VenueDesk
from engine.decide.tick import Decider
from engine.market.calendar import TradingCalendar
from engine.market.events import NANOS
from engine.market.venue import PastBars
from engine.plan.lookback import DAY_SECONDS, Lookback, lookback, of_session, warming

DAY_NS = DAY_SECONDS * NANOS
NAMED = 4  # expressions in one warning


async def read_past(desk: VenueDesk, assembly: Assembly, decider: Decider) -> PastBars | None:
    """The bars that the rules must have seen; None where they look at none, or the venue has none."""
    programs = {symbol: plan.program for symbol, plan in decider.context.plan.symbols.items()}
    needs = {symbol: lookback([program]) for symbol, program in programs.items()}
    symbols = sorted(symbol for symbol, need in needs.items() if need != Lookback())
    if not symbols or not desk.past_sessions:
        return None
    now = now_ns()
    calendars = {assembly.calendars[assembly.instruments[symbol].calendar] for symbol in symbols}
    need = lookback(programs.values())
    past = await desk.past(symbols, min(begin_of(calendar, now, need, desk.past_sessions) for calendar in calendars))
    err().print(f"read {len(past.bars)} bars of the time before, of {len(symbols) - len(past.missing)} symbol(s)")
    return past


def begin_of(calendar: TradingCalendar, time_ns: int, need: Lookback, most: int) -> int:
    """Local midnight of the day from which bars must be read: of today, or of so many sessions before it as are needed,
    ``most`` at the most. It is the same all day, so that whoever starts again begins with the same bars."""
    midnight = earliest = _midnight(calendar, time_ns)
    seconds = sessions = 0
    while (seconds < need.seconds or sessions < need.sessions) and sessions < most:
        midnight = _midnight(calendar, midnight - DAY_NS // 2)
        day = calendar.day_at(midnight + DAY_NS // 2)
        if day is not None:
            earliest, sessions = midnight, sessions + 1
            seconds += (day.close_ns - day.open_ns) // NANOS
    return earliest


def _midnight(calendar: TradingCalendar, time_ns: int) -> int:
    """The local midnight before an instant; clocks change later in the night."""
    noon = (time_ns + calendar.utc_offset_ns(time_ns)) // DAY_NS * DAY_NS + DAY_NS // 2
    noon -= calendar.utc_offset_ns(time_ns)
    return (noon + calendar.utc_offset_ns(noon)) // DAY_NS * DAY_NS - calendar.utc_offset_ns(noon - DAY_NS // 2 + 1)


def tell_unknown(
    decider: Decider, missing: Mapping[str, str], symbols: Collection[str], timezone: str, tell: Callable[[str], None]
) -> None:
    """One line for each symbol of which something is not known yet: what, and until when. ``missing``: those whose past
    could not be read, and why."""
    for symbol in sorted(symbols):
        unknown = _unknown(decider, symbol, symbol in missing, timezone)
        if unknown:
            more = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
            why = f"its past could not be read ({missing[symbol]})" if symbol in missing else "its past is too short"
            mend = "; another start reads it again" if symbol in missing else ""
            tell(f"{symbol}: {why}; unknown are {', '.join(unknown[:NAMED])}{more}{mend}")


def _unknown(decider: Decider, symbol: str, missed: bool, timezone: str) -> list[str]:
    context = decider.context
    program, seen = context.plan.symbols[symbol].program, context.states[symbol].bars_seen
    found = [f"{text} until the next session" for text in of_session(program)] if missed else []
    for one in warming(program):
        left = one.bars - seen.get(one.seconds, 0)
        if left > 0:
            found.append(f"{one.text} until {_when(left, one.seconds, timezone)}")
    return list(dict.fromkeys(found))


def _when(bars: int, seconds: int, timezone: str) -> str:
    if seconds >= DAY_SECONDS:
        return f"{bars} more session(s) are over"
    then = datetime.fromtimestamp(now_ns() // NANOS + bars * seconds, UTC).astimezone(ZoneInfo(timezone))
    return f"{then:%H:%M %Z} at the earliest"
