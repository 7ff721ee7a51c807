"""The server: recorded tables in order of time, faster than they came, with caching as the site has it."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from connectors.arena.board import Board
from connectors.arena.flight import SLICE
from connectors.simulators.arena.faults import KINDS, SCOPES
from connectors.simulators.arena.pages import Layout, Wrong, page_of, whole
from connectors.simulators.faults import Faults, Rule
from engine.market.events import NANOS

LOOPBACK = "127.0.0.1"
PATHS = {f"/leaderboard/text/{SLICE}": "primary", f"/fallback/leaderboard/text/{SLICE}": "fallback"}
_WRONG = {
    "wrong-slice": Wrong(style_control=True), "few-rows": Wrong(few_rows=True), "disagrees": Wrong(disagrees=True),
    "broken-ranks": Wrong(broken_ranks=True), "vanished": Wrong(without_leader=True),
}  # fmt: skip
_ROBOT = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Are you a robot?</body></html>"


@dataclass(slots=True)
class Showing:
    """Which table is shown when: ``speed`` times as fast as they came, the first at the start, the last for good.

    ``now_ns`` is the clock: UTC nanoseconds. ``dated``: it says which table is shown by its date, whatever ``speed``.
    FaultSpecError for a ``fault_spec`` that cannot be read.
    """

    boards: Sequence[Board]
    speed: float = 1.0
    layout: Layout = "now"
    fault_spec: str = ""
    seed: int = 7
    now_ns: Callable[[], int] = time.time_ns
    dated: bool = False
    _began_ns: int = 0
    _times: list[int] = field(default_factory=list)
    faults: Faults = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.boards = [whole(board) for board in self.boards]
        self._times = [board.seen_ns for board in self.boards]
        self._began_ns, self.faults = self.now_ns(), Faults(self.seed, KINDS, SCOPES, self.fault_spec)

    def place(self) -> int:
        """Which table is shown now, from 0."""
        if self.dated:
            return max(bisect_right(self._times, self.now_ns()) - 1, 0)
        passed = int((self.now_ns() - self._began_ns) * self.speed)
        return max(bisect_right(self._times, self._times[0] + passed) - 1, 0)

    def struck(self, scope: str) -> Rule | None:
        """The fault that this request meets."""
        with self._lock:
            return self.faults.strike(KINDS, (scope,))

    def page(self, fault: Rule | None) -> str:
        """The page of now."""
        place = self.place()
        kind = fault.kind if fault is not None else ""
        if kind == "html":
            return _ROBOT
        if kind == "backwards":
            older = self.boards[max(place - 1, 0)]
            return page_of(_days_older(older) if place == 0 else older, self.layout)
        return page_of(self.boards[place], self.layout, _WRONG.get(kind))


def _days_older(board: Board) -> Board:
    assert board.cutoff_ns is not None
    return replace(board, cutoff_ns=board.cutoff_ns - 2 * 86_400 * NANOS)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        scope = PATHS.get(self.path.partition("?")[0])
        if scope is None:
            self._answer(404, b"not found")
            return
        fault = self.server.showing.struck(scope)
        if fault is not None and fault.kind in ("timeout", "drop"):
            if fault.kind == "timeout":
                self.server.closing.wait(fault.value)
            self.close_connection = True
            return
        if fault is not None and fault.kind in ("5xx", "429"):
            status = int(fault.value) if fault.kind == "5xx" else 429
            more = {} if fault.kind == "5xx" else {"Retry-After": str(int(fault.value))}
            self._answer(status, b"not now", more)
            return
        body = self.server.showing.page(fault).encode()
        tag = f'"{sha256(body).hexdigest()[:32]}"'
        if fault is None and self.headers.get("If-None-Match") == tag:
            self._answer(304, b"", {"ETag": tag})
            return
        self._answer(200, body, {"ETag": tag, "Cache-Control": "private, no-cache"})

    def _answer(self, status: int, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(timestamp if timestamp is not None else time.time(), usegmt=True)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: requests are not worth a line each."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, showing: Showing) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.showing, self.closing = showing, threading.Event()


class ArenaServer:
    """A practice leaderboard in threads of its own, from ``with`` to its end. Port 0 takes a free one; OSError when
    the port is taken."""

    def __init__(self, showing: Showing, port: int = 0) -> None:
        self.showing = showing
        self._server = _Server(port, showing)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def urls(self) -> tuple[str, str]:
        """Primary and fallback."""
        primary, fallback = (f"http://{LOOPBACK}:{self.port}{path}" for path in PATHS)
        return primary, fallback

    def __enter__(self) -> ArenaServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
