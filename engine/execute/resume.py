"""Puts a decider back to where the last run was, from what the store kept: positions, their legs, open entries."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from engine.decide import carryover
from engine.decide.portfolio import Pending
from engine.decide.tick import Decider
from engine.execute.accounts import FOREIGN
from engine.market.orders import BrokerReport, Leg, Order, OrderState, OrderUpdate
from engine.market.wire import Intent, Saved


class Carried(NamedTuple):
    """What the last decider on an account told (``Decider.told``), and what its book has seen since (money): what came
    or went by transfer, and profit after fees that was realised."""

    told: Mapping[str, Any]
    moved: Decimal = Decimal(0)
    missed: Decimal = Decimal(0)


class Start(NamedTuple):
    """What a run on a lasting account begins with. ``saved``: what the store kept of a venue's orders, and ``cash``
    the account's money by its book, positions apart; both None on paper, where the last decider knew everything. The
    venue's own word of its money has deposits in it that are not booked, and lacks what it keeps back for orders.
    """

    saved: Saved | None
    cash: Decimal | None
    carried: Carried | None = None


def begin_with(decider: Decider, start: Start) -> None:
    """Put a fresh decider where a run begins; a replay of the run does the same."""
    portfolio, carried = decider.context.portfolio, start.carried
    if start.saved is not None and start.cash is not None:
        resume(decider, start.saved)
        if carried is not None:
            carryover.take_notes(portfolio, carried.told)
        portfolio.start_with(start.cash)
    elif carried is not None:
        carryover.take_positions(portfolio, carried.told, decider.looks_after())
    if carried is not None:
        decider.go_on_from(carried.told)
        carryover.take_results(portfolio, carried.told, carried.moved, carried.missed)


def resume(decider: Decider, saved: Saved) -> None:
    """Give the decider the positions and orders of earlier runs; before the first tick.

    Positions are built again from the fills that made them, so that entry price, fees and age are the same to the
    digit. What today's rules cannot hold stays at the venue, and nothing here manages it: ``orphans`` names it.
    """
    portfolio, mine = decider.context.portfolio, decider.looks_after()
    entries = [
        i for i in saved.intents if i.order.leg is Leg.ENTRY and (i.order.strategy, i.order.symbol) in mine
    ]
    for intent in entries:
        legs = tuple(_legs(intent.order, saved.intents))
        portfolio.expect_entry(Pending(intent.order, legs, intent.entry_values, intent.trigger_symbol))
    for fill in saved.fills:
        decider.book(BrokerReport(fills=[fill]))
    portfolio.forget_today()  # they were counted on their own day
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


def orphans(decider: Decider, start: Start) -> list[tuple[str, str]]:
    """Positions (strategy, symbol) that the rules of today cannot hold: only their stop and target look after them."""
    held: list[tuple[str, str]] = []
    if start.saved is not None:
        held = [(strategy, symbol) for strategy, symbol, _ in start.saved.positions]
    elif start.carried is not None:
        held = carryover.positions(start.carried.told)
    mine = decider.looks_after()
    return [key for key in held if key not in mine and key[0] != FOREIGN]


def never_arrived(decider: Decider, resting: Collection[str], now_ns: int) -> BrokerReport:
    """Orders of a paper account that were written down as their process died, before the broker had them.

    The decider forgets them, and what they were for can be decided anew.
    """
    portfolio = decider.context.portfolio
    known = [*portfolio.pending]
    for held in portfolio.held.values():
        known += [*held.legs, *held.exiting]
    why = "written down, and its process ended before the paper broker had it"
    report = BrokerReport(
        updates=[OrderUpdate(name, OrderState.REFUSED, now_ns, why) for name in known if name not in resting]
    )
    decider.book(report)
    return report


def _legs(entry: Order, intents: Sequence[Intent]) -> list[Order]:
    return [i.order for i in intents if i.order.parent == entry.client_id and i.state.open and i.withdrawn is None]


def _entered(leg: Intent, intents: Sequence[Intent]) -> bool:
    """Whether some of the entry of a leg has filled, so that the leg is awake."""
    if leg.order.parent is None:
        return True
    return any(i.order.client_id == leg.order.parent and i.filled > 0 for i in intents)


