"""A person hears of a position that an exit cannot judge: once, and not while the exit knows."""

from __future__ import annotations

from typing import Any

from engine.execute.unsure import UnsureExits

BUY = "kind: strategy\nname: buy\nwhen: close > 100 and not position.open\nthen: {buy: {size: 10}}\n---\n"
EXIT = "kind: exit\nname: out\nwhen: [volume > 50, close < 90]\n{more}then: {{close: all}}\n"


def told_of(engine: Any, more: str = "") -> tuple[Any, list[str]]:
    e, told = engine(BUY + EXIT.format(more=more)), list[str]()
    e.loop.recorders = [*e.loop.recorders, UnsureExits(told.append)]
    return e, told


def test_it_is_told_once_for_each_position(engine: Any) -> None:
    e, told = told_of(engine)
    e.bar(101, volume=100)
    e.bar(101, volume=100)
    assert told == [], "it knows"
    e.bar(101)
    assert told == [], "another condition is false: it stays, whatever the volume is"
    e.bar(85)
    e.bar(84)
    assert told == [
        "SPY of p.buy is held although p.out cannot tell: unknown is volume > 50; `unknown: close` would close it"
    ]
    e.bar(85, volume=100)
    assert e.bar(101, volume=100) and not e.bar(101, volume=100), "out, and in again"
    e.bar(85)
    assert len(told) == 2, "another position"


def test_what_closes_where_it_is_unknown_is_not_told(engine: Any) -> None:
    e, told = told_of(engine, "unknown: close\n")
    e.bar(101, volume=100)
    e.bar(101, volume=100)
    e.bar(85)
    e.bar(85)
    assert (told, e.held) == ([], {})
