"""Days, sessions and session windows of every tick, worked out before a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from engine.decide.clock import DAY_NS, WEEKDAYS, Clock
from engine.decide.sessions import DAY_SECONDS, Windows
from engine.market.calendar import TradingCalendar
from engine.market.events import NANOS
from engine.plan.arrays import Floats, Ints
from engine.plan.build import Texts
from engine.research.columns.machine.layout import DAY, NEW_DAY, WINDOWS_MOVED
from engine.research.statistics import local_days
from engine.ruleset.rules import Pack, Session

MOST_WINDOWS = 60
Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
LIMITS = ("positions", "positions_per_symbol", "orders", "entries", "entries_per_symbol")


@dataclass(slots=True)
class TickTimes:
    """What the clocks say at each tick.

    ``day_of``, shape (calendars, ticks): number in ``days`` (records ``layout.DAY``). ``flags``: NEW_DAY and
    WINDOWS_MOVED. ``combo_of``, shape (packs, ticks): which windows of a pack are open, a number in ``combos``.
    """

    calendars: list[str]
    day_of: Ints
    days: np.ndarray[tuple[int, ...], np.dtype[np.void]]
    flags: Ints
    combo_of: Ints
    combos: list[tuple[Pack, tuple[Session, ...]]]
    closed: list[int]  # for each pack, the combo of no open window
    _numbers: dict[tuple[str, tuple[str, ...]], int] = field(default_factory=dict)


def tick_times(
    times: Ints, calendars: Mapping[str, TradingCalendar], packs: Sequence[Pack], texts: Texts
) -> TickTimes:
    """Work out days and windows for all ticks (UTC nanoseconds)."""
    codes = tuple(texts.code(day) for day in WEEKDAYS)
    names = list(calendars)
    records: list[tuple[int | float, ...]] = []
    weekdays: list[int] = []
    day_of = np.zeros((max(len(names), 1), len(times)), dtype=np.int64)
    new = np.zeros(len(times), dtype=np.int64)
    for number, name in enumerate(names):
        clock, at = Clock(calendars[name], codes), 0
        while at < len(times):
            clock.move(int(times[at]))
            new[at] |= NEW_DAY
            end = int(times.searchsorted(clock.day_end_ns))
            day_of[number, at:end] = len(records)
            records.append(_record(clock, codes))
            weekdays.append(clock.weekday)
            at = end
    days = np.array(records or [tuple([0] * 7 + [0.0])], dtype=DAY)
    found = TickTimes(names, day_of, days, new, np.zeros((max(len(packs), 1), len(times)), dtype=np.int64), [], [])
    for number, pack in enumerate(packs):
        _windows(found, number, pack, times, np.array(weekdays or [0], dtype=np.int64))
    return found


def _record(clock: Clock, codes: tuple[float, ...]) -> tuple[int | float, ...]:
    session = clock.session
    opens, closes, ordinal = (session.open_ns, session.close_ns, session.ordinal) if session else (0, 0, 0)
    begin = clock.moment_ns(0)
    return (begin, clock.day_end_ns, clock.day, opens, closes, int(session is not None), ordinal, codes[clock.weekday])


def _windows(found: TickTimes, number: int, pack: Pack, times: Ints, weekdays: Ints) -> None:
    closed = _combo(found, pack, ())
    found.closed.append(closed)
    found.combo_of[number] = closed
    if not pack.sessions or pack.calendar not in found.calendars or not len(times):
        return
    if len(pack.sessions) > MOST_WINDOWS:
        raise ValueError(f"a pack has at most {MOST_WINDOWS} session windows, {pack.name} has {len(pack.sessions)}")
    of = found.day_of[found.calendars.index(pack.calendar)]
    day = found.days[of]
    now: Floats = (times - day["begin"]) / 1e9
    inside = (day["has_session"] == 1) & (day["opens"] < times) & (times <= day["closes"])
    mask = np.zeros(len(times), dtype=np.int64)
    for bit, session in enumerate(pack.sessions):
        mask |= _open(session, now, weekdays[of], inside).astype(np.int64) << bit
    moved = np.concatenate(([mask[0] != 0], mask[1:] != mask[:-1]))
    for value in {int(mask[0]), *mask[moved].tolist()}:
        sessions = tuple(s for bit, s in enumerate(pack.sessions) if value >> bit & 1)
        found.combo_of[number][mask == value] = _combo(found, pack, sessions)
    found.flags[moved] |= WINDOWS_MOVED


def _open(session: Session, now: Floats, weekday: Ints, inside: Flags) -> Flags:
    """As ``engine.decide.sessions`` decides it, for all ticks."""
    days = np.array(sorted(session.days), dtype=np.int64)
    today, yesterday = np.isin(weekday, days), np.isin((weekday - 1) % 7, days)
    opened = np.zeros(len(now), dtype=np.bool_)
    for begin, end in session.hours:
        opened |= today & (begin <= now) & (now < end)
        opened |= yesterday & (begin <= now + DAY_SECONDS) & (now + DAY_SECONDS < end)
    return opened & inside if session.calendar else opened


def days_of(times: Ints, timezone: str) -> Ints:
    """Local calendar day of ascending instants (UTC nanoseconds), as days since 1970-01-01 in ``timezone``."""
    if not len(times):
        return times
    utc = times // DAY_NS
    begins = np.flatnonzero(np.concatenate(([True], np.diff(utc) > 0)))
    found = np.empty(len(times), dtype=np.int64)
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(times)], strict=True):
        day = int(utc[begin])
        offset = _offset_ns(day, timezone)
        if offset is not None:
            found[begin:end] = (times[begin:end] + offset) // DAY_NS
        else:  # clocks change on this day
            found[begin:end] = local_days(times[begin:end], timezone)
    return found


@lru_cache(maxsize=32_768)
def _offset_ns(utc_day: int, timezone: str) -> int | None:
    """The offset from UTC all through a UTC day; None on a day on which clocks change."""
    begin = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=utc_day)
    zone = ZoneInfo(timezone)
    first, last = ((begin + timedelta(seconds=s)).astimezone(zone).utcoffset() for s in (0, 86_399))
    return None if first is None or first != last else int(first.total_seconds()) * NANOS


def _combo(found: TickTimes, pack: Pack, sessions: tuple[Session, ...]) -> int:
    key = (pack.name, tuple(session.key for session in sessions))
    if key not in found._numbers:
        found._numbers[key] = len(found.combos)
        found.combos.append((pack, sessions))
    return found._numbers[key]


def playbook(times: TickTimes, strategies: Sequence[str]) -> tuple[Ints, Floats]:
    """For each combo of open windows: which strategies it refuses, and its limits in the order of LIMITS."""
    refusals = np.zeros((max(len(times.combos), 1), max(len(strategies), 1)), dtype=np.int64)
    limits = np.full((max(len(times.combos), 1), len(LIMITS)), np.inf)
    for number, (pack, sessions) in enumerate(times.combos):
        windows = Windows(pack, sessions)
        for k, key in enumerate(strategies):
            refusals[number, k] = int(bool(windows.refusal(key)))
        for place, name in enumerate(LIMITS):
            limit = windows.limit(name)
            limits[number, place] = np.inf if limit is None else limit
    return refusals, limits
