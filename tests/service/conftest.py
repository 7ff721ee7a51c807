"""A service over a real store, with a stand-in for the engine that runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("prometheus_client")

from fastapi.testclient import TestClient

from engine.cli.clock import machine_ns
from engine.cli.serve.desk import StoreDesk
from engine.market.inputs import Requested
from engine.service.app import make_app
from engine.service.tokens import Scope, TokenFile
from engine.settings.load import read_settings
from state import Mode, Store, open_store
from state.service import ServiceBook, service_file

PROJECT = Path(__file__).parents[2]
FIGURES: dict[str, Any] = {
    "run": "r", "packs": ["p"], "running": True, "requests": [["kalshi", "ok", 3]],
    "outcomes": [["p", "VWAP_RECLAIM", "generated", 2], ["p", "VWAP_RECLAIM", "approved", 1],
                 ["q", "VWAP_RECLAIM", "generated", 5]],
    "strategies": [["p", "VWAP_RECLAIM"], ["q", "VWAP_RECLAIM"]],
    "orders": [], "updates": [], "fills": [], "active_trades": 1, "open_orders": 0, "fees": 1.5, "equity": 100.0,
    "cash": 50.0, "realised": 0.0, "halted": False, "halts": 0, "ticks": 3, "events": 6, "data_notes": 0,
    "last_tick": 1.0, "tick_seconds": {"buckets": [0.1, 1.0], "counts": [2, 1, 0], "sum": 0.4},
    "symbols": [
        {"symbol": "AAPL", "last": 100.0, "mid": 100.0, "tradable": True, "tick_size": "0.01", "lot_size": "1"}
    ],
}  # fmt: skip


class Service:
    """``client`` asks; ``engine`` answers wishes as an engine would that lets everything pass."""

    def __init__(
        self, folder: Path, *, open_reads: bool = True, per_second: float = 10_000, wait: float = 0.3
    ) -> None:  # fmt: skip
        (folder / "autotrader.toml").write_text(
            f'[rules]\npaths = ["{PROJECT / "rules"}"]\n[engine]\npacks = ["index_scalper"]\n'
            f"[service]\nwait_seconds = {wait}\n"
        )
        loaded = read_settings(folder / "autotrader.toml")
        self.settings = loaded.settings
        self.desk = StoreDesk(loaded, Mode.PAPER, "kalshi")
        self.book = ServiceBook(service_file(self.settings.store.path, Mode.PAPER))
        self.tokens = TokenFile(self.settings.service.tokens)
        self.app = make_app(self.desk, self.tokens, version="1", per_second=per_second, open_reads=open_reads)
        self.client = TestClient(self.app, base_url="http://localhost", raise_server_exceptions=False)
        self._store: Store | None = None
        self.taken: list[Requested] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def bearer(self, *scopes: Scope) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.make('test', scopes)[1]}"}

    def seen(self, seconds_ago: int = 0) -> None:
        """An engine has told of itself, and has the store."""
        if self._store is None:
            self._store = open_store(self.settings.store.path, Mode.PAPER)
            self._store.claim()
        self.book.publish("worker", FIGURES, machine_ns() - seconds_ago * 10**9)

    def engine(self, **answer: Any) -> None:
        """Begin to answer wishes."""
        self.seen()
        self._thread = threading.Thread(target=self._answer, args=(answer,))
        self._thread.start()

    def _answer(self, answer: dict[str, Any]) -> None:
        queue = self.book.requests()
        for look in count(1):
            if self._stop.wait(0.005):
                break
            if look % 200 == 0:
                self.seen()  # an engine tells of itself every second
            for request in queue.take("r", machine_ns()):
                self.taken.append(request)
                told = {"verdict": "fired", "guard": "", "reason": "", "guards": {}, "orders": [], **answer}
                queue.answer(request.id, told, machine_ns())
        queue.close()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.die()

    def die(self) -> None:
        """The engine has no store any more, as after a kill; what it told last stays."""
        if self._store is not None:
            self._store.close()
            self._store = None


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Reads are open, as on loopback."""
    made = Service(tmp_path, open_reads=True)
    yield made
    made.close()


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Service]:
    """Reads want a token, as on any other address."""
    made = Service(tmp_path, open_reads=False)
    yield made
    made.close()


@pytest.fixture
def make_service() -> type[Service]:
    """For a service of other settings."""
    return Service
