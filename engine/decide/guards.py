"""Guards judge each wanted order, one after the other: what a cap left is what those after it see.

The first that blocks is named; all are evaluated, for the trace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from engine.decide.feeds import OrderFeed, order_facts
from engine.decide.portfolio import Held
from engine.decide.symbol import SymbolState
from engine.market.instrument import round_quantity
from engine.market.orders import Leg, Order, Side
from engine.plan.build import GUARD, ORDER_OWNER, Texts
from engine.plan.ops import Group
from engine.ruleset.rules import Guard, GuardEffect, Judged

_EVERYTHING = Group.ORDER | Group.POSITION | Group.PORTFOLIO | Group.QUOTE | Group.CLOCK | Group.SIGNAL | Group.BAR
_WITHOUT_MEMORY = Group.START  # what has memory has taken its one step for this order


@dataclass(slots=True)
class Judgement:
    """What the guards say of one order. ``quantity``: whole lots, capped perhaps; ``effects``: halts and
    flattens to carry out."""

    quantity: Decimal
    blocked_by: str = ""
    reason: str = ""
    verdicts: dict[str, str] = field(default_factory=dict)
    effects: list[Guard] = field(default_factory=list)


def judge(
    guards: list[Guard],
    order: Order,
    state: SymbolState,
    feed: OrderFeed,
    held: Held | None,
    price: float,
    stop: float | None,
    texts: Texts,
) -> Judgement:
    """Evaluate every guard that concerns ``order`` (its entry or its reduction)."""
    judgement = Judgement(order.quantity)
    wanted = Judged.ENTRIES if order.leg is Leg.ENTRY else Judged.EXITS
    concerned = [g for g in guards if g.judged in (wanted, Judged.ALL)]
    if not concerned:
        return judgement
    feed.write(order_facts(order, price, stop, texts, state.instrument), held, order.created_ns)
    state.memory.compute(GUARD, _EVERYTHING)
    unit_cost = state.instrument.unit_cost(order.side is Side.BUY, price)
    for guard in concerned:
        _apply(guard, state, judgement, unit_cost)
        if judgement.quantity < order.quantity and order.leg is Leg.ENTRY:  # a reduction is sent whole
            order = order._replace(quantity=judgement.quantity)
            feed.write(order_facts(order, price, stop, texts, state.instrument), held, order.created_ns)
            state.memory.compute(GUARD, _WITHOUT_MEMORY)
    return judgement


def _apply(guard: Guard, state: SymbolState, judgement: Judgement, unit_cost: float) -> None:
    values = [state.v[state.memory.program.slot(t, ORDER_OWNER)] for t in guard.require]
    if all(value == 1.0 for value in values):
        judgement.verdicts[guard.key] = "true"
        return
    failed = any(value == 0.0 for value in values)
    judgement.verdicts[guard.key] = "false" if failed else "unknown"
    if guard.action.effect is GuardEffect.CAP and _cap(guard, state, judgement, unit_cost):
        return
    if guard.action.effect in (GuardEffect.HALT, GuardEffect.FLATTEN) and failed:
        judgement.effects.append(guard)  # unknown blocks, but it is no reason to close positions
    if not judgement.blocked_by:
        judgement.blocked_by = guard.key
        judgement.reason = guard.action.reason if failed else f"{guard.action.reason} (unknown, so it blocks)"


def _cap(guard: Guard, state: SymbolState, judgement: Judgement, unit_cost: float) -> bool:
    """Shrink the order to the cap; False when the cap is unknown or leaves nothing, and the guard blocks instead."""
    assert guard.action.cap is not None
    lot = float(state.instrument.lot_size)
    cap = state.v[state.memory.program.slot(guard.action.cap, ORDER_OWNER)]
    if cap != cap:
        return False
    most = cap / unit_cost if guard.action.cap.type.kind == "money" and unit_cost > 0 else cap
    if not most >= lot:
        return False
    capped = min(judgement.quantity, Decimal(repr(round(float(most), 9))))
    judgement.quantity = round_quantity(capped, state.instrument.lot_size)
    return True
