"""Starting a practice Tradier: in this process for tests, or as a server of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from connectors.simulators.clock import PracticeClock
from connectors.simulators.serving import ThreadedServer
from connectors.simulators.tradier.app import App
from connectors.simulators.tradier.prices import NANOS, Seeded, World, regular_hours
from connectors.simulators.tradier.venue import Options, Venue

ACCOUNT = "VA00000001"
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Setup:
    """What to start. Time begins at ``start_ns`` and runs ``speed`` times as fast as the machine's, since ``began``:
    steady seconds of the machine, None is when the venue is made."""

    start_ns: int
    speed: float = 1.0
    options: Options = field(default_factory=Options)
    world: World | None = None
    faults: str = ""
    token: str = ""
    account: str = ACCOUNT
    began: float | None = None


def start_of(day: date, minutes_before: int = 5) -> int:
    """So long before regular hours of a day begin. ValueError for a day without."""
    hours = regular_hours(day)
    if hours is None:
        raise ValueError(f"{day} is no trading day")
    return hours.open_ns - minutes_before * 60 * NANOS


class Practice:
    """A practice venue without a network: ``venue``, and ``app`` for an ASGI client. FaultSpecError for bad faults."""

    def __init__(self, setup: Setup) -> None:
        world = setup.world or Seeded(setup.options.seed)
        clock = PracticeClock(setup.start_ns, setup.speed, setup.began)
        self.token = setup.token or secrets.token_urlsafe(24)
        self.venue = Venue(setup.options, world, clock, self.token, setup.account)
        self.venue.faults.set(setup.faults)
        self.app = App(self.venue, secrets.token_urlsafe(24))


class PracticeServer(ThreadedServer):
    """A practice venue on loopback in a thread of its own, from ``with`` to its end. Port 0 takes a free one."""

    def __init__(self, practice: Practice, port: int = 0) -> None:
        self.practice = practice
        super().__init__(practice.app, port, "practice tradier")

    def do(self, work: Callable[[Practice], Answer]) -> Answer:
        """Run ``work`` between two events of the venue, and return what it returns."""
        return self.between(lambda: work(self.practice))
