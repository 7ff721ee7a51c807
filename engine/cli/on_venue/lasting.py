"""Accounts that last from run to run: what a run goes on from, and what it keeps for the next one."""

from __future__ import annotations

from connectors.paper import PaperBroker
from engine.cli.assemble import Assembly, now_ns
from engine.cli.conditions import PAPER_BROKER, RULES
from engine.cli.errors import UserError
from engine.cli.venues.port import VenuePort
from engine.decide.carryover import VERSION
from engine.decide.tick import Decider
from engine.execute.resume import Carried, Start, begin_with, never_arrived
from state import RunWriter, Store
from state.ledger import Account


def paper_book(port: VenuePort) -> str:
    """The name of the paper account on a venue's markets. It lasts from run to run."""
    return f"{port.venue} {port.place} paper"


def held_in(store: Store, book: str) -> dict[str, list[str]]:
    """Symbols in which a book holds something, by the strategy that does."""
    found: dict[str, set[str]] = {}
    for key, amount in store.balances(book).items():
        if key.account is Account.POSITION and amount:
            found.setdefault(key.strategy, set()).add(key.symbol)
    return {strategy: sorted(symbols) for strategy, symbols in sorted(found.items())}


def carried(store: Store, writer: RunWriter) -> Carried | None:
    """What the rules knew when the account's last run ended, and what its book has seen since."""
    told = store.last_kept(writer.book.name, RULES)
    if told is None:
        return None
    if told.get("version") != VERSION:
        raise UserError(
            f"{store.path}: cooldowns, limits of the day and what exits have done were kept there by another version "
            "of this engine; close what is held with that version or `engine flatten`, and begin another store.path"
        )
    return Carried(told, *writer.book.since(told["transaction"]))


def go_on(assembly: Assembly, decider: Decider, store: Store, writer: RunWriter) -> tuple[PaperBroker, Start]:
    """Put a fresh decider and broker where the last run on the account ended, however it ended.

    Positions and orders in markets that are gone stay in the ledger. An order that was written down and never placed
    counts as refused.
    """
    broker = assembly.broker(assembly.settings.paper.fill_model)
    kept = store.last_kept(writer.book.name, PAPER_BROKER)
    if kept is not None:
        there = assembly.instruments
        broker.restore({
            **kept,
            "positions": [p for p in kept["positions"] if p["symbol"] in there],
            "orders": [o for o in kept["orders"] if o["order"]["symbol"] in there],
        })  # fmt: skip
    start = Start(None, None, carried(store, writer))
    begin_with(decider, start)
    for update in never_arrived(decider, {order.client_id for order in broker.resting()}, now_ns()).updates:
        writer.update(update)
    writer.keep(PAPER_BROKER, broker.snapshot)
    return broker, start


def keep_rules(decider: Decider, writer: RunWriter) -> None:
    """From now on what the rules remember is on disk with every commit."""
    writer.keep(RULES, lambda: {"transaction": writer.book.last_transaction, **decider.told()})


def went_on(decider: Decider) -> str:
    """What a run goes on with, in words; empty when there is nothing."""
    held = decider.context.portfolio.held
    if not held:
        return ""
    return "goes on with " + ", ".join(f"{h.position.quantity:f} {symbol}" for (_, symbol), h in held.items())
