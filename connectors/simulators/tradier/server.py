"""Starting a practice Tradier: in this process for tests, or as a server of its own."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import Self, TypeVar

import uvicorn

from connectors.simulators.kalshi.server import KEEP_ALIVE_SECONDS, LOOPBACK, PING_SECONDS, listen
from connectors.simulators.kalshi.wire import PracticeHttp, PracticeWebSocket
from connectors.simulators.tradier.app import App
from connectors.simulators.tradier.clock import PracticeClock
from connectors.simulators.tradier.prices import NANOS, Seeded, World, regular_hours
from connectors.simulators.tradier.venue import Options, Venue

ACCOUNT = "VA00000001"
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Setup:
    """What to start. Time begins at ``start_ns`` and runs ``speed`` times as fast as the machine's."""

    start_ns: int
    speed: float = 1.0
    options: Options = field(default_factory=Options)
    world: World | None = None
    faults: str = ""
    token: str = ""
    account: str = ACCOUNT


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
        clock = PracticeClock(setup.start_ns, setup.speed)
        self.token = setup.token or secrets.token_urlsafe(24)
        self.venue = Venue(setup.options, world, clock, self.token, setup.account)
        self.venue.faults.set(setup.faults)
        self.control_token = secrets.token_urlsafe(24)
        self.app = App(self.venue, self.control_token)


class PracticeServer:
    """A practice venue on loopback in a thread of its own, from ``with`` to its end. Port 0 takes a free one."""

    def __init__(self, practice: Practice, port: int = 0) -> None:
        self.practice = practice
        self._listening = listen(port)
        self.port: int = self._listening.getsockname()[1]
        self._server = make_server(practice)
        self._thread = threading.Thread(target=self._run, name="practice tradier", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def do(self, work: Callable[[Practice], Answer]) -> Answer:
        """Run ``work`` between two events of the venue, and return what it returns."""
        assert self._loop is not None

        async def call() -> Answer:
            return work(self.practice)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        serving = asyncio.ensure_future(self._server.serve(sockets=[self._listening]))
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.001)
        self._ready.set()
        await serving

    def __enter__(self) -> Self:
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
    async def serve() -> None:
        server = make_server(practice)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, server.handle_exit, number, None)
        serving = asyncio.ensure_future(server.serve(sockets=[listening]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.001)
        ready()
        await serving

    asyncio.run(serve())


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
    """The server of a practice venue, to be run with ``serve(sockets=[listen(port)])``."""
    config = uvicorn.Config(
        practice.app, http=PracticeHttp, ws=PracticeWebSocket, ws_ping_interval=PING_SECONDS, ws_ping_timeout=None,
        lifespan="on", log_config=None, access_log=False, server_header=False, date_header=False,
        timeout_graceful_shutdown=1, timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )  # fmt: skip
    return _Server(config, practice.app)


__all__ = ["ACCOUNT", "LOOPBACK", "Practice", "PracticeServer", "Setup", "listen", "make_server", "run", "start_of"]
