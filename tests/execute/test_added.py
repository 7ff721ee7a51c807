"""A position made of several entries, each with its own stop and target, and an exit beside them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal as D
from typing import Any

from engine.market.orders import Order


def test_a_part_exit_goes_out_though_every_entry_has_its_target(
    rig: Any, new_bracket: Callable[..., list[Order]], new_exit: Callable[..., Order]
) -> None:
    rig.place(*new_bracket("e", limit=None))
    rig.place(*new_bracket("f", limit=None))
    assert rig.held() == 20 and sum(o.quantity - o.filled for o in rig.resting()) == 20
    rig.place(new_exit("x", 5))
    for _ in range(4):
        rig.tick(1.0)
    assert rig.held() == 15, "the exit has its turn"
    assert sum(o.quantity - o.filled for o in rig.resting()) == D(15)
    sent = len(rig.venue.sent)
    for _ in range(4):
        rig.tick(1.0)
    assert len(rig.venue.sent) == sent, "and then all is quiet"
