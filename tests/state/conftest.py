"""Stores, runs and orders to test with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from engine.market.orders import Fill, Leg, Order, OrderType, Side
from state import RunWriter, Store, open_store

START = 1_709_649_000_000_000_000
Begin = Callable[[Store], RunWriter]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "s.db")
    yield opened
    opened.close()


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
