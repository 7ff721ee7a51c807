"""Which session windows are open at an instant, and what they allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from engine.decide.clock import DAY_SECONDS, Clock
from engine.market.calendar import ALWAYS_OPEN, TradingCalendar, in_zone
from engine.ruleset.rules import Pack, Session


def calendar_of(session: Session, calendars: Mapping[str, TradingCalendar]) -> str:
    """Which of a run's calendars a window goes by: that of its own exchange, by the clocks of its own timezone."""
    name = session.calendar or ALWAYS_OPEN
    found = calendars.get(name)
    return name if found is not None and found.timezone == session.timezone else f"{name}@{session.timezone}"


def window_calendars(packs: Iterable[Pack], calendars: Callable[[str], TradingCalendar]) -> set[str]:
    """The names of the calendars that the windows of packs go by."""
    sessions = [session for pack in packs for session in pack.sessions]
    return {in_zone(session.calendar or ALWAYS_OPEN, session.timezone, calendars) for session in sessions}


@dataclass(slots=True)
class Windows:
    """The windows of one pack. ``clocks``: of each of its sessions. ``open`` is kept between ticks.

    ``begun``: sessions of which a window has begun with the last update, be it right after another one.
    """

    pack: Pack
    clocks: tuple[Clock, ...] = ()
    open: tuple[Session, ...] = ()
    begun: tuple[Session, ...] = ()
    _since: dict[str, tuple[int, int]] = field(default_factory=dict)

    def update(self) -> bool:
        """Recompute what is open, now that the clocks have moved; True when that changed."""
        both = [(s, _open_window(s, clock)) for s, clock in zip(self.pack.sessions, self.clocks, strict=True)]
        self.begun = tuple(s for s, window in both if window is not None and window != self._since.get(s.key))
        self._since = {s.key: window for s, window in both if window is not None}
        now = tuple(s for s, window in both if window is not None)
        changed = now != self.open
        self.open = now
        return changed

    def next_change_ns(self) -> int:
        """Until when what is open stays as it is, at the longest until a local day ends (UTC nanoseconds)."""
        return min(_next_edge_ns(*both) for both in zip(self.pack.sessions, self.clocks, strict=True))

    def refusal(self, strategy: str) -> str:
        """Why a strategy may not enter now; empty when it may. A pack without sessions is always open."""
        if not self.pack.sessions:
            return ""
        if not self.open:
            return "outside every session window"
        for session in self.open:
            if strategy in session.block:
                return f"{session.name} blocks it"
        if not any(s.allow is None or strategy in s.allow for s in self.open):
            return f"{self.open[0].name} does not allow it"
        return ""

    def settings(self) -> dict[str, float]:
        """Parameters that the open windows set; the narrowest (last written) window wins."""
        merged: dict[str, float] = {}
        for session in self.open:
            merged.update(session.settings)
        return merged


def _next_edge_ns(session: Session, clock: Clock) -> int:
    moments = [clock.until_ns]
    if clock.session is not None:
        moments += [clock.session.open_ns + 1, clock.session.close_ns + 1]
    edges = {edge for hours in session.hours for edge in hours}
    moments += [clock.moment_ns(edge - before) for edge in edges for before in (0, DAY_SECONDS)]
    return min(moment for moment in moments if moment > clock.time_ns)


def _open_window(session: Session, clock: Clock) -> tuple[int, int] | None:
    """The window that is open: the day on which it began, and its place among the hours. Windows are half open: one
    that ends at 15:55 is over at 15:55:00."""
    if session.calendar and not clock.in_session:
        return None
    now = clock.seconds_of_day
    for place, (begin, end) in enumerate(session.hours):
        if clock.weekday in session.days and begin <= now < end:
            return clock.day, place
        if (clock.weekday - 1) % 7 in session.days and begin <= now + DAY_SECONDS < end:
            return clock.day - 1, place
    return None
