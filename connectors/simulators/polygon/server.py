"""Starting a practice vendor: in this process for tests, or as a server of its own."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import TracebackType
from typing import TypeVar

import uvicorn

from connectors.simulators.kalshi.wire import PracticeHttp, PracticeWebSocket
from connectors.simulators.polygon.app import App
from connectors.simulators.polygon.vendor import Vendor

LOOPBACK = "127.0.0.1"
PING_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 75  # longer than clients keep idle connections, so that only faults break them
Answer = TypeVar("Answer")


class PolygonServer:
    """A practice vendor on loopback in a thread of its own, from ``with`` to its end. Port 0 takes a free one."""

    def __init__(self, vendor: Vendor, port: int = 0) -> None:
        self.app = App(vendor, secrets.token_urlsafe(24))
        self._listening = listen(port)
        self.port: int = self._listening.getsockname()[1]
        self._server = make_server(self.app)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="practice polygon", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def control_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.app.control_token}"}

    def do(self, action: Callable[[App], Answer]) -> Answer:
        """Run something in the server's thread, between two requests, and return what it returns."""

        async def act() -> Answer:
            return action(self.app)

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(act(), self._loop).result()

    def step(self, seconds: float) -> None:
        """Let time of the market pass, and tell what happened in it."""

        def act(app: App) -> None:
            app.vendor.clock.step(int(seconds * 1_000_000_000))
            app.hub.advance()

        self.do(act)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        serving = asyncio.ensure_future(self._server.serve(sockets=[self._listening]))
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.001)
        self._ready.set()
        await serving

    def __enter__(self) -> PolygonServer:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()


def run(app: App, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until an interrupt or a polite kill; ``ready`` is called once requests are answered."""
    asyncio.run(_run(app, listening, ready))


async def _run(app: App, listening: socket.socket, ready: Callable[[], None]) -> None:
    server = make_server(app)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, server.handle_exit, number, None)
    serving = asyncio.ensure_future(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.001)
    if server.started:
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


def make_server(app: App) -> uvicorn.Server:
    """The server of a practice vendor, to be run with ``serve(sockets=[listen(port)])``."""
    config = uvicorn.Config(
        app,
        http=PracticeHttp,
        ws=PracticeWebSocket,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=None,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    return _Server(config, app)
