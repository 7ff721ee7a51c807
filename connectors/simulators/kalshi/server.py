"""Starting a practice exchange: in this process for tests, or as a server of its own."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import TypeVar

import uvicorn

from connectors.simulators.kalshi.app import App
from connectors.simulators.kalshi.clock import Clock, RealClock
from connectors.simulators.kalshi.keys import ApiKey, PrivateKey, make_private, private_pem
from connectors.simulators.kalshi.listings import made_up
from connectors.simulators.kalshi.scenario import Document, Opening, list_scenario
from connectors.simulators.kalshi.venue import Options, Venue
from connectors.simulators.kalshi.wire import PracticeHttp, PracticeWebSocket
from connectors.simulators.kalshi.world.crowd import RATE, Crowd
from connectors.simulators.kalshi.world.director import Director
from connectors.simulators.kalshi.world.player import Player
from connectors.simulators.kalshi.world.tape import Record, retimed

LOOPBACK = "127.0.0.1"
PING_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 75  # longer than clients keep idle connections, so that only faults break them
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
        self.control_token = secrets.token_urlsafe(24)
        self.app = App(self.director, self.control_token)

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


class PracticeServer:
    """A practice exchange on loopback in a thread of its own, from ``with`` to its end. Port 0 takes a free one."""

    def __init__(self, practice: Practice | None = None, port: int = 0) -> None:
        self.practice = practice or Practice()
        self._listening = listen(port)
        self.port: int = self._listening.getsockname()[1]
        self._server = make_server(self.practice)
        self._thread = threading.Thread(target=self._run, name="practice exchange", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def rest_url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/trade-api/v2"

    @property
    def ws_url(self) -> str:
        return f"ws://{LOOPBACK}:{self.port}/trade-api/ws/v2"

    @property
    def control_url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/practice"

    @property
    def control_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.practice.control_token}"}

    def do(self, action: Callable[[Practice], Answer]) -> Answer:
        """Run something on the exchange in the server's thread, between two requests, and return what it returns."""

        async def act() -> Answer:
            answer = action(self.practice)
            self.practice.venue.settle_up()
            return answer

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(act(), self._loop).result()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        serving = asyncio.ensure_future(self._server.serve(sockets=[self._listening]))
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.001)
        self._ready.set()
        await serving

    def __enter__(self) -> PracticeServer:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()


def run(practice: Practice, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until an interrupt or a polite kill; ``ready`` is called once requests are answered."""
    asyncio.run(_run(practice, listening, ready))


async def _run(practice: Practice, listening: socket.socket, ready: Callable[[], None]) -> None:
    server = make_server(practice)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, server.handle_exit, number, None)
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.001)
    ready()
    await serving


def listen(port: int) -> socket.socket:
    """A listening socket on loopback only. Raises OSError when the port is taken."""
    # Named as TCP, so that asyncio sends answers at once; else each waits 40 ms for the last to be acknowledged.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
    except OSError:
        listening.close()
        raise
    listening.listen(128)
    return listening


class _Server(uvicorn.Server):
    """Ends waits that faults have begun before it waits for requests to end."""

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.closing.set()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to whoever runs the server."""
        yield


def make_server(practice: Practice) -> uvicorn.Server:
    """The server of a practice exchange, to be run with ``serve(sockets=[listen(port)])``."""
    config = uvicorn.Config(
        practice.app,
        http=PracticeHttp,
        ws=PracticeWebSocket,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=None,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    return _Server(config, practice.app)
