"""Starting a practice exchange: in this process for tests, or as a server of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from connectors.simulators.kalshi.app import App
from connectors.simulators.kalshi.clock import Clock, RealClock
from connectors.simulators.kalshi.keys import ApiKey, PrivateKey, make_private, private_pem
from connectors.simulators.kalshi.listings import made_up
from connectors.simulators.kalshi.scenario import Document, Opening, list_scenario
from connectors.simulators.kalshi.venue import Options, Venue
from connectors.simulators.kalshi.world.crowd import RATE, Crowd
from connectors.simulators.kalshi.world.director import Director
from connectors.simulators.kalshi.world.player import Player
from connectors.simulators.kalshi.world.tape import Record, retimed
from connectors.simulators.serving import LOOPBACK, ThreadedServer

_USER = "practice user"
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Setup:
    """What to start. Without ``markets`` and ``tape`` the listings are made up.

    ``trader_rate`` is actions of simulated traders per market and second, 0 none; the tape's markets have none.
    """

    options: Options = field(default_factory=Options)
    clock: Clock = field(default_factory=RealClock)
    markets: Document | None = None
    tape: Sequence[Record] = ()
    tape_speed: float = 1.0
    trader_rate: float = RATE
    faults: str = ""
    keys: Sequence[ApiKey] = ()


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key that was made for a client: its id, and the private key as PEM."""

    key_id: str
    pem: str
    private: PrivateKey
    user: str


class Practice:
    """A practice exchange without a network: ``venue``, ``director``, and ``app`` for an ASGI client.

    Raises ScenarioError or FaultSpecError for a setup that cannot be.
    """

    def __init__(self, setup: Setup | None = None) -> None:
        setup = setup or Setup()
        self.venue = Venue(setup.options, setup.clock)
        self.venue.faults.set(setup.faults)
        now = self.venue.clock.now()
        openings = self._list(setup, now)
        seed = setup.options.seed
        crowd = Crowd(self.venue.exchange, openings, seed, now, setup.trader_rate) if setup.trader_rate else None
        tape = retimed(setup.tape, now, setup.tape_speed) if setup.tape else None
        player = Player(self.venue.exchange, tape) if tape else None
        self.director = Director(self.venue, crowd, player)
        for key in setup.keys:
            self.venue.add_key(key)
        self.venue.settle_up()
        self.app = App(self.director, secrets.token_urlsafe(24))

    def _list(self, setup: Setup, now: int) -> list[Opening]:
        """List the markets; returns those for simulated traders."""
        document = setup.markets
        if document is None:
            document = {"markets": []} if setup.tape else made_up(now)
        openings = list_scenario(self.venue.exchange, document, now)
        taped = {record.ticker for record in setup.tape}
        missing = sorted(taped - self.venue.floor.markets.keys())
        plain = [{"ticker": t, "event_ticker": t.rpartition("-")[0] or t, "status": "active"} for t in missing]
        list_scenario(self.venue.exchange, {"markets": plain}, now, "tape")
        return [opening for opening in openings if opening.ticker not in taped]

    def make_key(
        self, kind: str = "rsa", scopes: tuple[str, ...] = ("read", "write"), user: str = _USER,
        subaccount: int | None = None,
    ) -> Credentials:  # fmt: skip
        """A key of a user (opened with the starting deposit when new); ``kind`` is rsa or ed25519."""
        return self.take_key(self.venue.floor.ids(), make_private(kind), scopes, user, subaccount)

    def take_key(
        self, key_id: str, private: PrivateKey, scopes: tuple[str, ...] = ("read", "write"), user: str = _USER,
        subaccount: int | None = None,
    ) -> Credentials:  # fmt: skip
        """As ``make_key``, with a key that is there already."""
        user_id = self.venue.floor.ids.of("user", user)
        self.venue.add_key(ApiKey(key_id, user_id, private.public_key(), user, scopes, subaccount))
        return Credentials(key_id, private_pem(private), private, user_id)


class PracticeServer(ThreadedServer):
    """A practice exchange on loopback in a thread of its own, from ``with`` to its end. Port 0 takes a free one."""

    def __init__(self, practice: Practice | None = None, port: int = 0) -> None:
        self.practice = practice or Practice()
        super().__init__(self.practice.app, port, "practice exchange")

    @property
    def rest_url(self) -> str:
        return f"{self.url}/trade-api/v2"

    @property
    def ws_url(self) -> str:
        return f"ws://{LOOPBACK}:{self.port}/trade-api/ws/v2"

    @property
    def control_url(self) -> str:
        return f"{self.url}/practice"

    def do(self, action: Callable[[Practice], Answer]) -> Answer:
        """Run something on the exchange in the server's thread, between two requests, and return what it returns."""

        def act() -> Answer:
            answer = action(self.practice)
            self.practice.venue.settle_up()
            return answer

        return self.between(act)
