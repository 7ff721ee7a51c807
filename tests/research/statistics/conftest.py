"""Closed trades and event results for tests of statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np
import pytest

from engine.market.orders import Side
from engine.research.statistics.events import EventResults
from engine.research.trades import ClosedTrade

MakeTrade = Callable[..., ClosedTrade]
MakeEvents = Callable[..., EventResults]


@pytest.fixture
def trade() -> MakeTrade:
    """A contract bought at ``entry`` and settled at ``exit``, or anything with a net result of its own."""

    def made(
        symbol: str = "KXA-26MAR28-B", entry: str = "0.5", exit: str = "1", *, side: Side = Side.BUY,
        quantity: int = 10, fees: str = "0", closed_ns: int = 0,
    ) -> ClosedTrade:  # fmt: skip
        price, paid, units = Decimal(entry), Decimal(exit), Decimal(quantity)
        gross = (paid - price) * units * side.sign
        return ClosedTrade(
            "p.s", symbol, side, units, price, paid, 0, closed_ns, gross, Decimal(fees), gross - Decimal(fees),
            "settled", "c", 1.0, 0.0, None, 1,
        )  # fmt: skip

    return made


@pytest.fixture
def events() -> MakeEvents:
    """Results by event: net money, and how many trades each had (one by default)."""

    def made(net: Sequence[float], trades: Sequence[float] | None = None) -> EventResults:
        counts = np.ones(len(net)) if trades is None else np.array(trades, dtype=np.float64)
        return EventResults(tuple(f"E{n}" for n in range(len(net))), np.array(net, dtype=np.float64), counts, len(net))

    return made
