"""Cancel and flatten: they need no rules, no store and no engine, and they only ever reduce."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from engine.execute.flatten import Cleared, cancel_orders, flatten
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.orders import Side
from engine.market.venue import WireOrder

D = Decimal
INSTRUMENTS = {s: Instrument(s, InstrumentKind.BINARY, lowest=D("0.01"), highest=D("0.99")) for s in ("A", "B")}


def put(rig: Any, client_id: str, symbol: str, side: Side, quantity: int, limit: str) -> None:
    asyncio.run(rig.venue.send(WireOrder(client_id, symbol, side, D(quantity), D(limit))))


def run_flatten(rig: Any, symbol: str | None = None) -> Cleared:
    async def pause(seconds: float) -> None:
        rig.venue.now += int(seconds * 1e9)

    return asyncio.run(flatten(rig.venue, INSTRUMENTS, D("0.05"), "stamp", symbol, pause))


def test_everything_is_taken_off_and_closed(rig: Any) -> None:
    rig.venue.book["B"] = ("0.30", "0.32")
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    put(rig, "b", "B", Side.SELL, 3, "0.30")
    put(rig, "rests", "A", Side.BUY, 9, "0.20")
    done = run_flatten(rig)
    assert (len(done.cancelled), done.closed, done.left) == (1, {"A": 5, "B": 3}, {})
    assert rig.venue.positions() == {}
    assert rig.resting() == []
    assert all(o.reduce_only for o in rig.venue.sent if o.client_id.startswith("stamp"))


def test_one_market_alone(rig: Any) -> None:
    rig.venue.book["B"] = ("0.30", "0.32")
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    put(rig, "b", "B", Side.BUY, 3, "0.32")
    assert run_flatten(rig, "A").closed == {"A": 5}
    assert rig.venue.positions() == {"B": 3}


def test_what_finds_nobody_is_said(rig: Any) -> None:
    put(rig, "a", "A", Side.BUY, 5, "0.51")
    rig.venue.book["A"] = (None, "0.51")
    assert run_flatten(rig).left == {"A": "nobody is there to trade with"}
    rig.venue.book["A"], rig.venue.depth = ("0.40", "0.51"), D(0)
    assert run_flatten(rig).left == {"A": "5 of 5 found nobody"}


def test_stale_orders_only(rig: Any) -> None:
    put(rig, "old", "A", Side.BUY, 1, "0.20")
    rig.venue.now += 10
    put(rig, "new", "A", Side.BUY, 1, "0.20")
    picture = asyncio.run(rig.venue.picture(0))
    done = asyncio.run(cancel_orders(rig.venue, picture, None, rig.venue.now))
    assert [o.client_id for o in done.cancelled] == ["old"]
