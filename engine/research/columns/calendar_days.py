"""Days, sessions and session windows of every tick, worked out before a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from engine.decide.clock import DAY_NS, DAY_SECONDS, WEEKDAYS, Clock
from engine.decide.sessions import Windows, calendar_of
from engine.market.calendar import TradingCalendar
from engine.market.columns import MarketColumns
from engine.market.events import NANOS
from engine.plan.arrays import Floats, Ints
from engine.plan.build import Texts
from engine.research.columns.machine.layout import DAY, NEW_DAY, NONE, WINDOWS_MOVED
from engine.research.statistics import local_days
from engine.ruleset.rules import Pack, Session

MOST_WINDOWS = 60
Records = np.ndarray[tuple[int, ...], np.dtype[np.void]]
LIMITS = ("positions", "positions_per_symbol", "orders", "entries", "entries_per_symbol")
COUNTED = LIMITS[3:]  # within a window, each by itself


@dataclass(slots=True)
class TickTimes:
    """What the clocks say at each tick.

    ``day_of``, shape (calendars, ticks): number in ``days`` (records ``layout.DAY``). ``flags``: NEW_DAY and
    WINDOWS_MOVED. ``combo_of``, shape (packs, ticks): which windows of a pack are open, a number in ``combos``.
    ``begun``, of the same shape: a bit for each of its sessions of which a window begins.
    """

    calendars: list[str]
    day_of: Ints
    days: Records
    flags: Ints
    combo_of: Ints
    begun: Ints
    combos: list[tuple[Pack, tuple[Session, ...]]]
    _numbers: dict[tuple[str, tuple[str, ...]], int] = field(default_factory=dict)


def tick_times(
    market: MarketColumns, calendars: Mapping[str, TradingCalendar], of_symbols: Collection[str], packs: Sequence[Pack],
    texts: Texts,
) -> TickTimes:
    """Work out days and windows for all ticks. ``of_symbols``: the calendars whose days are the account's."""
    times, names = market.times, list(calendars)
    codes = np.array([texts.code(day) for day in WEEKDAYS])
    spans = [market.kept(("days", calendars[name]), partial(_days, times, calendars[name])) for name in names]
    records = [span.records for span in spans if len(times)] or [np.zeros(1, dtype=DAY)]
    days = np.concatenate(records)
    weekdays = days["weekday"].astype(np.int64)
    days["weekday"] = codes[weekdays]
    new = np.zeros(len(times), dtype=np.int64)
    day_of = np.zeros((max(len(names), 1), len(times)), dtype=np.int64)
    before = 0
    for number, (name, span) in enumerate(zip(names, spans, strict=True)):
        if name in of_symbols:
            new[span.begins] |= NEW_DAY
        np.add(span.number, before, out=day_of[number])
        before += len(span.records)
    nothing = np.zeros((max(len(packs), 1), len(times)), dtype=np.int64)
    found = TickTimes(names, day_of, days, new, nothing, nothing.copy(), [])
    for number, pack in enumerate(packs):
        _windows(found, number, pack, calendars, times, weekdays)
    return found


class _Days(NamedTuple):
    """The local days of a calendar that ticks fall on, ``records`` with the number of the weekday in the place of its
    text; of a day on which clocks are changed, a record before and one after. ``begins``: the first tick of each day;
    ``number``: of each tick's record."""

    records: Records
    begins: Ints
    number: Ints


def _days(times: Ints, calendar: TradingCalendar) -> _Days:
    clock, at, begins, firsts = Clock(calendar, (0.0,) * 7), 0, list[int](), list[int]()
    records = list[tuple[int, ...]]()
    while at < len(times):
        if clock.move(int(times[at])):
            begins.append(at)
        firsts.append(at)
        records.append(_record(clock))
        at = int(times.searchsorted(clock.until_ns))
    counts = np.diff([*firsts, len(times)])
    return _Days(
        np.array(records, dtype=DAY), np.array(begins, dtype=np.int64), np.repeat(np.arange(len(firsts)), counts)
    )


def _record(clock: Clock) -> tuple[int, ...]:
    session = clock.session
    opens, closes, ordinal = (session.open_ns, session.close_ns, session.ordinal) if session else (0, 0, 0)
    times = (clock.midnight_ns, clock.day_end_ns, clock.day, opens, closes)
    return (*times, int(session is not None), ordinal, clock.weekday)


def _windows(
    found: TickTimes, number: int, pack: Pack, calendars: Mapping[str, TradingCalendar], times: Ints, weekdays: Ints
) -> None:
    found.combo_of[number] = _combo(found, pack, ())
    if not pack.sessions or not len(times):
        return
    if len(pack.sessions) > MOST_WINDOWS:
        raise ValueError(f"a pack has at most {MOST_WINDOWS} session windows, {pack.name} has {len(pack.sessions)}")
    mask = np.zeros(len(times), dtype=np.int64)
    for bit, session in enumerate(pack.sessions):
        of = found.day_of[found.calendars.index(calendar_of(session, calendars))]
        window = _window(session, times, found.days[of], weekdays[of])
        opened = window != NONE
        mask |= opened.astype(np.int64) << bit
        begun = opened & np.concatenate(([True], window[1:] != window[:-1]))
        found.begun[number] |= begun.astype(np.int64) << bit
    moved = np.concatenate(([mask[0] != 0], mask[1:] != mask[:-1]))
    for value in {int(mask[0]), *mask[moved].tolist()}:
        sessions = tuple(s for bit, s in enumerate(pack.sessions) if value >> bit & 1)
        found.combo_of[number][mask == value] = _combo(found, pack, sessions)
    found.flags[moved | (found.begun[number] != 0)] |= WINDOWS_MOVED


def _window(session: Session, times: Ints, day: Records, weekday: Ints) -> Ints:
    """The window that is open at each tick, as ``engine.decide.sessions`` decides it; NONE where there is none."""
    now: Floats = (times - day["begin"]) / 1e9
    days = np.array(sorted(session.days), dtype=np.int64)
    today, yesterday = np.isin(weekday, days), np.isin((weekday - 1) % 7, days)
    count = len(session.hours)
    found: Ints = np.full(len(now), NONE, dtype=np.int64)
    for place, (begin, end) in reversed(list(enumerate(session.hours))):
        late = yesterday & (begin <= now + DAY_SECONDS) & (now + DAY_SECONDS < end)
        found[late] = (day["ordinal"][late] - 1) * count + place
        early = today & (begin <= now) & (now < end)
        found[early] = day["ordinal"][early] * count + place
    if session.calendar:
        found[(day["has_session"] == 0) | (day["opens"] >= times) | (times > day["closes"])] = NONE
    return found


class LocalDays(NamedTuple):
    """Local calendar days that ticks fall on, as days since 1970-01-01, and for each tick the number of its day."""

    days: Ints
    number: Ints


def local_days_of(market: MarketColumns, timezone: str) -> LocalDays:
    """The days of a market's ticks in ``timezone``."""
    return market.kept(("local days", timezone), lambda: _local_days_of(market.times, timezone))


def _local_days_of(times: Ints, timezone: str) -> LocalDays:
    """``times``: ascending, UTC nanoseconds."""
    if not len(times):
        return LocalDays(times, times)
    first, last = int(times[0]) // DAY_NS, int(times[-1]) // DAY_NS
    bounds = times.searchsorted(np.arange(first, last + 2) * DAY_NS)
    spans: list[tuple[int, int]] = []  # local day, first tick
    for n in np.flatnonzero(np.diff(bounds)).tolist():
        spans += _spans_of(times, int(bounds[n]), int(bounds[n + 1]), first + n, timezone)
    found = [span for k, span in enumerate(spans) if k == 0 or span[0] != spans[k - 1][0]]
    begins = [begin for _, begin in found]
    counts = np.diff([*begins, len(times)])
    days = np.array([day for day, _ in found], dtype=np.int64)
    return LocalDays(days, np.repeat(np.arange(len(found)), counts))


def _spans_of(times: Ints, begin: int, end: int, utc_day: int, timezone: str) -> list[tuple[int, int]]:
    """Local days within one UTC day, each with its first tick."""
    offset = _offset_ns(utc_day, timezone)
    if offset is None:  # clocks change on this day
        days = local_days(times[begin:end], timezone)
        at = np.flatnonzero(np.concatenate(([True], np.diff(days) != 0)))
        return [(int(days[k]), begin + int(k)) for k in at]
    day = (int(times[begin]) + offset) // DAY_NS
    if (int(times[end - 1]) + offset) // DAY_NS == day:
        return [(day, begin)]
    return [(day, begin), (day + 1, begin + int(times[begin:end].searchsorted((day + 1) * DAY_NS - offset)))]


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
    """For each combo of open windows: which strategies it refuses, and its limits in the order of LIMITS, shape
    (combos, 1 + sessions, limits): the tightest of what stands at a moment, then what each session counts."""
    refusals = np.zeros((max(len(times.combos), 1), max(len(strategies), 1)), dtype=np.int64)
    limits = np.full((max(len(times.combos), 1), 1 + most_sessions(times), len(LIMITS)), np.inf)
    for number, (pack, sessions) in enumerate(times.combos):
        windows = Windows(pack, open=sessions)
        for k, key in enumerate(strategies):
            refusals[number, k] = int(bool(windows.refusal(key)))
        for session in sessions:
            for name, limit in session.limits.items():
                of = 1 + pack.sessions.index(session) if name in COUNTED else 0
                at = number, of, LIMITS.index(name)
                limits[at] = min(limits[at], limit)
    return refusals, limits


def most_sessions(times: TickTimes) -> int:
    """How many sessions the pack with the most of them has."""
    return max((len(pack.sessions) for pack, _ in times.combos), default=0)
