"""A paper run on a venue goes on where the last one was: account, positions, orders, and what the rules remember."""

from __future__ import annotations

from connectors.paper import PaperBroker
from engine.cli.assemble import Assembly, now_ns
from engine.cli.conditions import MEMORY, PAPER_BROKER, START, encode_start
from engine.decide.memory import remember
from engine.decide.tick import Decider
from engine.execute.intents import IntentKeeper, lost
from engine.execute.resume import Start, begin_with
from engine.market.orders import OrderState, OrderUpdate
from engine.market.wire import Saved
from state import RunWriter, Store
from state.ledger import Account


def paper_book(exchange: str) -> str:
    """The name of the paper account on an exchange's markets. It lasts from run to run."""
    return f"kalshi {exchange} paper"


def held_in(store: Store, book: str) -> list[str]:
    """Symbols in which a book holds something."""
    balances = store.balances(book)
    return sorted({key.symbol for key, amount in balances.items() if key.account is Account.POSITION and amount})


def go_on(
    assembly: Assembly, decider: Decider, store: Store, writer: RunWriter
) -> tuple[PaperBroker, Start, IntentKeeper]:
    """Put a fresh decider and broker where the last run on the account ended, however it ended.

    Fills and orders in the store are the truth; the broker's own state says how its orders stood. An order that was
    written down and never placed counts as cancelled.
    """
    orders = writer.live_orders()
    broker, saved = assembly.broker(assembly.settings.paper.fill_model), orders.load()
    cash = writer.book.balances.amount(Account.CASH)
    before = store.last_snapshot(writer.book.name, PAPER_BROKER)
    if before is not None:
        broker.restore({
            **before, "cash": str(cash),
            "positions": [{"strategy": s, "symbol": t, "quantity": str(q)} for s, t, q in saved.positions
                          if t in assembly.instruments],
            "orders": [o for o in before["orders"] if o["order"]["symbol"] in assembly.instruments],
        })  # fmt: skip
    gone = lost(saved.intents, (order.client_id for order in broker.resting()))
    if gone:
        orders.save(gone, (), now_ns())
    for intent in gone:
        writer.update(OrderUpdate(intent.order.client_id, OrderState.CANCELLED, now_ns(), intent.reason))
    start = Start(saved, cash, store.last_snapshot(writer.book.name, MEMORY))
    begin_with(decider, start)
    writer.snapshot(now_ns(), START, encode_start(start))
    writer.keep(PAPER_BROKER, broker.snapshot)
    return broker, start, IntentKeeper(orders, [i for i in saved.intents if i.state.open])


def keep_memory(decider: Decider, writer: RunWriter) -> None:
    """From now on what the rules remember is on disk with every commit."""
    writer.keep(MEMORY, lambda: remember(decider.context))


def went_on(saved: Saved) -> str:
    """What a run goes on with, in words; empty when there is nothing."""
    if not saved.positions:
        return ""
    return "goes on with " + ", ".join(f"{quantity:f} {symbol}" for _, symbol, quantity in saved.positions)
