"""Time and its stories: one call brings exchange, crowd, tape and results up to now."""

from __future__ import annotations

from connectors.simulators.kalshi.core.units import MILLIS
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.kalshi.world.crowd import Crowd
from connectors.simulators.kalshi.world.judge import Judge
from connectors.simulators.kalshi.world.player import Player

STEP_NS = 100 * MILLIS


class Director:
    """``crowd`` and ``player`` are None where there are no simulated traders or no tape."""

    def __init__(self, venue: Venue, crowd: Crowd | None = None, player: Player | None = None) -> None:
        self.venue = venue
        self.crowd = crowd
        self.player = player
        self.judge = Judge(venue.exchange, crowd.books, venue.options.seed) if crowd is not None else None
        self._until = venue.clock.now()

    def catch_up(self) -> None:
        """Bring everything up to the clock's time, in small steps so that the stories interleave."""
        now = self.venue.clock.now()
        while self._until < now:
            self._until = min(now, self._until + STEP_NS)
            self._to(self._until)
        self.venue.tick()

    def step(self, duration_ns: int) -> None:
        """Let that much time pass at once."""
        self.venue.clock.step(duration_ns)
        self.catch_up()

    def _to(self, now: int) -> None:
        self.venue.exchange.advance(now)
        if self.player is not None:
            self.player.play(now)
        if self.crowd is not None:
            self.crowd.act(now)
        if self.judge is not None:
            self.judge.decide(now)
        self.venue.settle_up()
