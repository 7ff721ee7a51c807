"""Which session windows are open at an instant, and what they allow."""

from __future__ import annotations

from dataclasses import dataclass

from engine.decide.clock import Clock
from engine.ruleset.rules import Pack, Session

DAY_SECONDS = 86_400


@dataclass(slots=True)
class Windows:
    """The windows of one pack. ``open`` is kept between ticks and recomputed when the minute may have changed it."""

    pack: Pack
    open: tuple[Session, ...] = ()

    def update(self, clock: Clock, session_open: bool) -> bool:
        """Recompute what is open; True when that changed."""
        now = tuple(s for s in self.pack.sessions if _is_open(s, clock, session_open))
        changed = now != self.open
        self.open = now
        return changed

    def next_change_ns(self, clock: Clock) -> int:
        """Until when what is open stays as it is, at the longest until the local day ends (UTC nanoseconds)."""
        moments = [clock.day_end_ns]
        if clock.session is not None:
            moments += [clock.session.open_ns + 1, clock.session.close_ns + 1]
        edges = {edge for session in self.pack.sessions for hours in session.hours for edge in hours}
        moments += [clock.moment_ns(edge - before) for edge in edges for before in (0, DAY_SECONDS)]
        return min(moment for moment in moments if moment > clock.time_ns)

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

    def limit(self, name: str) -> float | None:
        """The tightest limit of that name among open windows."""
        found = [s.limits[name] for s in self.open if name in s.limits]
        return min(found) if found else None


def _is_open(session: Session, clock: Clock, session_open: bool) -> bool:
    """Windows are half open: a window that ends at 15:55 is over at 15:55:00."""
    if session.calendar and not session_open:
        return False
    now = clock.seconds_of_day
    for begin, end in session.hours:
        if clock.weekday in session.days and begin <= now < end:
            return True
        if (clock.weekday - 1) % 7 in session.days and begin <= now + DAY_SECONDS < end:
            return True
    return False
