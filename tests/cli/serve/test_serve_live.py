"""A person's order in a live run: through intents and the venue's broker, cancelled there, and never without a run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from connectors.simulators.kalshi.core.units import parse_price
from connectors.simulators.kalshi.listings import many
from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from engine.cli.serve.desk import StoreDesk
from engine.market.inputs import Requested, Wish
from engine.service.problems import ServiceError
from engine.settings.load import read_settings
from state import Mode, open_store
from tests.exchange import let_in
from tests.nursery import python
from tests.running import wait_for

PROJECT = Path(__file__).parents[3]
SECONDS = 60.0


class Place:
    """An exchange with a crowd, and a desk beside a run on it."""

    def __init__(self, server: PracticeServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.user, self.environment = let_in(server, folder, EXECUTION_MODE="live")
        (folder / "autotrader.toml").write_text(
            f'[rules]\npaths = ["{PROJECT}/engine/cli/template_kalshi/rules"]\n'
        )
        self.desk = self.desk_that_waits(20.0)

    def desk_that_waits(self, seconds: float) -> StoreDesk:
        """What stands behind the service; an engine may take so long to answer."""
        said = {"service.wait_seconds": seconds}
        return StoreDesk(read_settings(self.folder / "autotrader.toml", said, self.environment), Mode.DEMO)

    def start(self) -> subprocess.Popen[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AUTOTRADER_")}
        words = ("run", "--live", "--venue", "kalshi", "--pack", "practice", "--trace", "none", "--json")
        return subprocess.Popen(  # Python itself: what makes it hang can be passed on by no stand-in
            [sys.executable, "-m", "engine", *words], cwd=self.folder, text=True, stdout=subprocess.DEVNULL,
            env={**inherited, **self.environment, "PYTHONPATH": str(PROJECT)}, stderr=(self.folder / "err").open("w"),
        )  # fmt: skip

    def checked(self, mode: str) -> int:
        """What a health check of the worker answers."""
        words = [python(), "-m", "engine", "serve", "check", "worker", "--mode", mode]
        environment = {**os.environ, **self.environment, "PYTHONPATH": str(PROJECT)}
        return subprocess.run(words, cwd=self.folder, env=environment, capture_output=True, check=False).returncode

    def dear(self) -> str:
        """A market that the run knows, far above two cents; empty while there is none."""
        told = self.desk.figures()["worker"][1]["symbols"]
        return next((one["symbol"] for one in told if one["mid"] is not None and one["mid"] > 0.2), "")

    def resting(self) -> list[tuple[str, int]]:
        """The user's orders at the exchange: market, and price in hundredths of a cent."""

        def act(practice: Practice) -> list[tuple[str, int]]:
            orders = practice.venue.exchange.floor.orders.values()
            return [(o.ticker, o.price) for o in orders if o.user == self.user and o.resting]

        return self.server.do(act)

    def mine(self, symbol: str) -> int:
        """How many of them are the person's, at two cents."""
        return sum(1 for ticker, price in self.resting() if ticker == symbol and price == parse_price("0.02"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    practice = Practice(Setup(Options(seed=1, unlimited=True), markets=many(4, time.time_ns()), trader_rate=2.5))
    with PracticeServer(practice) as server:
        yield Place(server, tmp_path)


def test_a_live_run_orders_for_a_person_and_only_reduces_without_one(place: Place) -> None:
    order = Requested("w1", Wish.ENTER, "me", "", quantity=Decimal(1), limit=Decimal("0.02"), stop_ratio=Decimal("0.5"))
    with pytest.raises(ServiceError, match="no engine runs"):
        place.desk.wish(order)
    run = place.start()
    try:
        wait_for(lambda: place.desk.health()["worker"]["up"] or run.poll() is not None)
        assert run.poll() is None, (place.folder / "err").read_text()
        assert (place.checked("demo"), place.checked("paper")) == (0, 1)
        symbol = wait_for(place.dear)
        told = place.desk.wish(order._replace(symbol=symbol, force=True))
        assert told["verdict"] == "fired", (told, (place.folder / "err").read_text())
        wait_for(lambda: place.mine(symbol))
        again = place.desk.wish(order._replace(symbol=symbol, force=True))
        assert again["orders"] == told["orders"] and place.mine(symbol) == 1, "the same wish is the same order"
        cancelled = place.desk.wish(Requested("w2", Wish.CANCEL, "me"))
        assert told["orders"][0]["id"] in {o["id"] for o in cancelled["orders"]}, "beside what rules had ordered"
        wait_for(lambda: place.mine(symbol) == 0)
        resting = place.desk.wish(order._replace(id="w3", symbol=symbol, force=True))
        assert resting["verdict"] == "fired"
        wait_for(lambda: place.mine(symbol))
        hung = place.desk_that_waits(0.3)
        run.send_signal(signal.SIGSTOP)
        flat = hung.wish(Requested("w4", Wish.FLATTEN, "me"))
        assert "did not do it" in flat["reason"] and place.resting() == [], "an engine that hangs stops nobody"
        with pytest.raises(ServiceError):
            hung.wish(order._replace(id="w5", symbol=symbol, force=True))
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait(SECONDS)
    store = open_store(place.folder / "state" / "autotrader-demo.db", Mode.DEMO)
    kept = {row["client_id"]: row for row in store.open_orders(store.run()["book"])}
    assert kept[resting["orders"][0]["id"]]["strategy"] == "service.manual"
    store.close()
    assert not place.desk.health()["worker"]["up"], "what was killed is known to be dead at once"
    assert place.checked("demo") == 1
    swept = place.desk.wish(Requested("w6", Wish.CANCEL, "me"))
    assert "no engine runs" in swept["reason"] and place.mine(symbol) == 0
    flat = place.desk.wish(Requested("w7", Wish.FLATTEN, "me"))
    assert "no engine runs" in flat["reason"] and place.resting() == []
