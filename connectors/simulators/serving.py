"""Serving a practice venue on loopback: in a thread of this process for tests, or until a signal for its users."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeVar

import uvicorn

from connectors.simulators.app import PracticeApp
from connectors.simulators.wire import PracticeHttp, PracticeWebSocket

LOOPBACK = "127.0.0.1"
PING_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 75  # longer than clients keep idle connections, so that only faults break them
Answer = TypeVar("Answer")


class ThreadedServer:
    """An application on loopback in a thread of its own, from ``with`` to its end. Port 0 takes a free one."""

    def __init__(self, app: PracticeApp, port: int, name: str, *, dates: bool = False) -> None:
        self._app = app
        self._listening = listen(port)
        self.port: int = self._listening.getsockname()[1]
        self._server = make_server(app, dates=dates)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name=name, daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def url(self) -> str:
        """Where it is, without a closing slash."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def control_headers(self) -> dict[str, str]:
        """What the control side wants of a request."""
        return {"Authorization": f"Bearer {self._app.control.token}"}

    def between(self, work: Callable[[], Answer]) -> Answer:
        """Run ``work`` in the server's thread, between two requests, and return what it returns."""

        async def act() -> Answer:
            return work()

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(act(), self._loop).result()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await _until_over(self._server, self._listening, self._ready.set)

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


def run(app: PracticeApp, listening: socket.socket, ready: Callable[[], None], *, dates: bool = False) -> None:
    """Serve until an interrupt or a polite kill; ``ready`` is called once requests are answered."""

    async def serve() -> None:
        server = make_server(app, dates=dates)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, server.handle_exit, number, None)
        await _until_over(server, listening, lambda: ready() if server.started else None)

    asyncio.run(serve())


async def _until_over(server: uvicorn.Server, listening: socket.socket, ready: Callable[[], None]) -> None:
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

    def __init__(self, config: uvicorn.Config, app: PracticeApp) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.closing.set()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to whoever runs the server."""
        yield


def make_server(app: PracticeApp, *, dates: bool) -> uvicorn.Server:
    """The server of a practice venue, to be run with ``serve(sockets=[listen(port)])``. ``dates``: it puts the
    machine's date on answers; venues with a clock of their own do it themselves."""
    config = uvicorn.Config(
        app, http=PracticeHttp, ws=PracticeWebSocket, ws_ping_interval=PING_SECONDS, ws_ping_timeout=None,
        lifespan="on", log_config=None, access_log=False, server_header=False, date_header=dates,
        timeout_graceful_shutdown=1, timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )  # fmt: skip
    return _Server(config, app)
