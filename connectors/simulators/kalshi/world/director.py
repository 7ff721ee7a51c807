"""Time and its stories: one call brings exchange, crowd, tape and results up to now."""

from __future__ import annotations

from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.kalshi.world.crowd import Crowd
from connectors.simulators.kalshi.world.judge import Judge
from connectors.simulators.kalshi.world.player import Player
from connectors.simulators.kalshi.world.pulse import Pulse
from connectors.simulators.kalshi.world.quoters import Quoters


class Director:
    """``crowd`` and ``player`` are None where there are no simulated traders or no tape."""

    def __init__(self, venue: Venue, crowd: Crowd | None = None, player: Player | None = None) -> None:
        self.venue = venue
        self.crowd = crowd
        self.player = player
        self.quoters = Quoters(venue.exchange, crowd, venue.options.seed, venue.now()) if crowd is not None else None
        self.pulse = Pulse(venue)
        if self.quoters is not None:
            venue.listen(self.quoters.take)
        self.judge = Judge(venue.exchange, crowd.books, venue.options.seed) if crowd is not None else None

    def catch_up(self) -> None:
        """Bring everything up to the clock's time, from one thing that is due to the next."""
        now = self.venue.clock.now()
        if self.judge is not None:
            self.judge.look()
        while (due := self._next()) is not None and due <= now:
            self._to(due)
        self.venue.tick()
        self.pulse.skip(now)

    def _next(self) -> int | None:
        stories = (self.venue, self.player, self.crowd, self.quoters, self.judge, self.pulse, self.venue.exchange.life)
        dues = [story.next_ns() for story in stories if story is not None]
        return min((due for due in dues if due is not None), default=None)

    def step(self, duration_ns: int, *, asleep: bool = False) -> None:
        """Let that much time pass at once; simulated traders who are ``asleep`` go on after it where they were."""
        if asleep:
            self.catch_up()
            if self.crowd is not None:
                self.crowd.sleep(duration_ns)
            if self.quoters is not None:
                self.quoters.sleep(duration_ns)
        self.venue.clock.step(duration_ns)
        self.catch_up()

    def _to(self, now: int) -> None:
        self.venue.exchange.advance(now)
        self.venue.keep_windows(now)
        if self.player is not None:
            self.player.play(now)
        if self.crowd is not None:
            self.crowd.act(now)
        if self.quoters is not None:
            self.quoters.act(now)
        if self.judge is not None:
            self.judge.decide(now)
        self.pulse.beat(now)
        self.venue.settle_up()
