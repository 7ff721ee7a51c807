"""`engine cancel` and `engine flatten` on an exchange with troubles that are none of theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")

from connectors.simulators.kalshi.core.order import NewOrder
from connectors.simulators.kalshi.core.units import parse_count, parse_price
from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from tests.exchange import let_in

A, B = "KXT-26-A", "KXT-26-B"
BOOK = {"yes_dollars": [["0.4000", "10.00"]], "no_dollars": [["0.5500", "10.00"]]}
LISTINGS = {
    "markets": [
        {"ticker": ticker, "event_ticker": "KXT-26", "status": "active", "orderbook_fp": BOOK} for ticker in (A, B)
    ],
}


class Place:
    """An exchange on which one user holds A and has orders in both markets."""

    def __init__(self, server: PracticeServer, folder: Path, engine_cli: Callable[..., Any]) -> None:
        self.server, self.folder, self.cli = server, folder, engine_cli
        self.user, self.environment = let_in(server, folder)

    def order(self, ticker: str, side: str, price: str, count: str, user: str = "") -> None:
        def act(practice: Practice) -> Any:
            wanted = NewOrder(ticker, side, parse_count(count), parse_price(price))
            return practice.venue.exchange.place(user or self.user, wanted, practice.venue.now())

        self.server.do(act)

    def faults(self, spec: str) -> None:
        self.server.do(lambda practice: practice.venue.faults.set(spec))

    def run(self, *words: str) -> Any:
        return self.cli(*words, cwd=self.folder, env=self.environment)

    def resting(self) -> list[str]:
        def act(practice: Practice) -> list[str]:
            orders = practice.venue.exchange.floor.orders.values()
            return [o.ticker for o in orders if o.user == self.user and o.resting]

        return self.server.do(act)


@pytest.fixture
def place(tmp_path: Path, engine_cli: Callable[..., Any]) -> Iterator[Place]:
    with PracticeServer(Practice(Setup(Options(seed=1), markets=LISTINGS, trader_rate=0))) as server:
        found = Place(server, tmp_path, engine_cli)
        found.order(A, "bid", "0.45", "3")
        for ticker in (A, B):
            found.order(ticker, "bid", "0.10", "2")
        yield found


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ("skew=-90,5xx@account", "signed by the venue's clock"),
        ("html@exchange=502,5xx@orders", "the list of orders could not be read"),
    ],
)
def test_no_trouble_elsewhere_stops_what_reduces(place: Place, faults: str, said: str) -> None:
    place.faults(faults)
    cancelled = place.run("cancel")
    assert cancelled.code == 0, cancelled.err
    assert said in cancelled.out + cancelled.err
    assert place.resting() == []
    place.order(B, "bid", "0.10", "2")
    flat = place.run("flatten")
    assert (flat.code, f"closed 3 {A}" in flat.out) == (0, True), flat.out + flat.err
    assert place.resting() == []


def test_what_finds_nobody_is_left_and_the_answer_is_no(place: Place) -> None:
    other = place.server.do(lambda practice: practice.make_key("ed25519", user="other")).user
    place.order(A, "ask", "0.40", "10", other)  # nobody bids for A any more
    place.order(B, "bid", "0.45", "3")
    answer = place.run("flatten")
    assert (answer.code, f"closed 3 {B}" in answer.out) == (1, True), answer.out + answer.err
    assert f"left: {A}: nobody is there to trade with" in answer.out
