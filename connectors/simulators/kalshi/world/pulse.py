"""The beat of the index channels: five times a second while somebody listens to them."""

from __future__ import annotations

from connectors.simulators.kalshi.core.notices import IndicesTicked
from connectors.simulators.kalshi.core.units import MILLIS
from connectors.simulators.kalshi.feeds import FAST_MS
from connectors.simulators.kalshi.venue import Venue

BEAT_NS = FAST_MS * MILLIS


class Pulse:
    """Beats lie on whole fifths of a second, whenever the listening began."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self._last_ns = venue.now()

    def skip(self, now: int) -> None:
        """Let time pass that nobody listened to."""
        if not self.venue.indices_watched():
            self._last_ns = max(self._last_ns, now)

    def next_ns(self) -> int | None:
        """When it beats next, None while nobody listens."""
        return (self._last_ns // BEAT_NS + 1) * BEAT_NS if self.venue.indices_watched() else None

    def beat(self, now: int) -> None:
        due = self.next_ns()
        if due is not None and due <= now:
            self._last_ns = due
            self.venue.floor.notices.append(IndicesTicked(due))
