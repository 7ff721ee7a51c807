"""Puts a decider back to where the last run was, from what the store kept: positions, their legs, open entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from engine.decide.memory import recall
from engine.decide.portfolio import Pending
from engine.decide.tick import Decider
from engine.execute.accounts import FOREIGN
from engine.market.orders import BrokerReport, Leg, Order, OrderUpdate
from engine.market.wire import Intent, Saved


class Start(NamedTuple):
    """What a run begins with that goes on from earlier ones: what the store kept, the account's cash (money, positions
    apart), and what the rules remembered; None when no run kept that."""

    saved: Saved
    cash: Decimal
    memory: Mapping[str, Any] | None = None


def begin_with(decider: Decider, start: Start) -> None:
    """Put a fresh decider where such a run begins; a replay of the run does the same."""
    resume(decider, start.saved)
    decider.context.portfolio.start_with(start.cash)
    if start.memory is not None:
        recall(decider.context, start.memory)


def resume(decider: Decider, saved: Saved) -> None:
    """Give the decider the positions and orders of earlier runs; before the first tick.

    Positions are built again from the fills that made them, so that entry price, fees and age are the same to the
    digit. Strategies that are no longer loaded keep their positions at
    the venue, and nothing here manages them: ``orphans`` names them.
    """
    portfolio = decider.context.portfolio
    known, symbols = decider.context.plan.exits, decider.context.states
    entries = [
        i for i in saved.intents
        if i.order.leg is Leg.ENTRY and i.order.strategy in known and i.order.symbol in symbols
    ]  # fmt: skip
    for intent in entries:
        legs = tuple(_legs(intent.order, saved.intents))
        portfolio.expect_entry(Pending(intent.order, legs, intent.entry_values, intent.trigger_symbol))
    for fill in saved.fills:
        if fill.strategy in known and fill.symbol in symbols:
            decider.book(BrokerReport(fills=[fill]))
    portfolio.entries_today.clear()  # they were counted on their own day
    portfolio.entered_today = 0.0
    done = [i for i in entries if not i.state.open]
    decider.book(BrokerReport(updates=[OrderUpdate(i.order.client_id, i.state, i.order.created_ns) for i in done]))
    for intent in saved.intents:
        held = portfolio.held.get((intent.order.strategy, intent.order.symbol))
        if held is None or not intent.state.open or intent.withdrawn is not None:
            continue
        if intent.order.leg is Leg.EXIT:
            held.exiting[intent.order.client_id] = intent.order
        elif intent.order.leg is not Leg.ENTRY and _entered(intent, saved.intents):
            held.legs[intent.order.client_id] = intent.order


def orphans(decider: Decider, saved: Saved) -> list[tuple[str, str]]:
    """Positions (strategy, symbol) whose strategy is not loaded, or whose symbol no rule looks at, so that only their
    stop and target look after them."""
    known, symbols = decider.context.plan.exits, decider.context.states
    return [(s, t) for s, t, _ in saved.positions if s != FOREIGN and (s not in known or t not in symbols)]


def _legs(entry: Order, intents: Sequence[Intent]) -> list[Order]:
    return [i.order for i in intents if i.order.parent == entry.client_id and i.state.open and i.withdrawn is None]


def _entered(leg: Intent, intents: Sequence[Intent]) -> bool:
    """Whether some of the entry of a leg has filled, so that the leg is awake."""
    if leg.order.parent is None:
        return True
    return any(i.order.client_id == leg.order.parent and i.filled > 0 for i in intents)


