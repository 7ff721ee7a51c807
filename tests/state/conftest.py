"""Stores of both kinds, runs and orders to test with: what uses ``store`` or ``place`` runs on each back end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from engine.market.orders import Fill, Leg, Order, OrderType, Side
from state import RunWriter, Store, open_store
from state.connection import connect
from state.place import Place
from tests import postgres

START = 1_709_649_000_000_000_000
Begin = Callable[[Store], RunWriter]
NewPlace = Callable[[], Place]
_number = count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    """A PostgreSQL server for all tests of this process."""
    if missing := postgres.why_not():
        pytest.skip(missing)
    with postgres.running() as started:
        yield started


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def new_place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NewPlace:
    """Gives places where no store is yet."""
    server = request.getfixturevalue("server") if request.param == "postgresql" else None

    def make() -> Place:
        folder = tmp_path_factory.mktemp("store")
        return folder / "s.db" if server is None else server.place(f"t{next(_number)}", folder)

    return make


@pytest.fixture
def place(new_place: NewPlace) -> Place:
    return new_place()


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    opened = open_store(place)
    yield opened
    opened.close()


@pytest.fixture
def tamper() -> Callable[[Place, str], None]:
    """Does to a store what its triggers forbid, as somebody with the right tool can."""

    def tamper(place: Place, statement: str) -> None:
        if isinstance(place, Path):
            with sqlite3.connect(place) as connection:
                query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
                triggers = connection.execute(query).fetchall()
                for name, _ in triggers:
                    connection.execute(f"DROP TRIGGER {name}")
                assert connection.execute(statement).rowcount > 0
                for _, sql in triggers:
                    connection.execute(sql)
            return
        ours = connect(place)
        ours.execute("SET session_replication_role = replica")
        assert ours.execute(statement.replace("x'00'", "'\\x00'")).rowcount > 0
        ours.close()

    return tamper


@pytest.fixture
def begin() -> Begin:
    def begin(store: Store) -> RunWriter:
        return store.begin_run(
            "paper", START, "test", ["p"], ["SPY"], "sha", {}, {}, {}, {}, "1", conditions={}, cash=Decimal(10_000)
        )

    return begin


@pytest.fixture
def order() -> Callable[..., Order]:
    def order(client_id: str = "a1", quantity: str = "10", side: Side = Side.BUY, leg: Leg = Leg.ENTRY) -> Order:
        return Order(client_id, "SPY", side, Decimal(quantity), OrderType.MARKET, leg, "p.a", "p.a", START)

    return order


@pytest.fixture
def fill() -> Callable[..., Fill]:
    def fill(
        fill_id: str = "f1", client_id: str = "a1", quantity: str = "10", price: str = "100", side: Side = Side.BUY,
        fee: str = "1",
    ) -> Fill:  # fmt: skip
        return Fill(
            fill_id, client_id, "SPY", "p.a", side, Decimal(quantity), Decimal(price), Decimal(fee), START, Leg.ENTRY
        )

    return fill
