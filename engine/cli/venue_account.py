"""The venue's account at the ends of a live run: read and followed until everything about it is certain."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.cli.assemble import now_ns
from engine.execute.live import LiveRun
from engine.execute.recovery import Recovery
from engine.execute.resume import Start
from engine.market.venue import ZERO, VenueError
from state import RunWriter
from state.ledger import Account as LedgerAccount
from state.orders import LiveOrders

READINGS = 40  # of the account, until everything is certain
PAUSE_SECONDS = 0.25


async def recover(recovery: Recovery, store: LiveOrders, writer: RunWriter) -> Start:
    """Reconcile first: follow the venue until everything is certain. Nothing is sent, and no rule is asked.

    VenueError while it cannot be known.
    """
    broker = recovery.broker
    before = store.load()
    broker.accounts.restore(before)
    recovery.start(before.reconciled_ns, now_ns())
    broker.muted = True
    for _ in range(READINGS):
        picture = await recovery.read()
        findings = recovery.apply(picture, now_ns())
        broker.on_events(now_ns(), ())
        if findings.settled and not findings.different:
            break
        await asyncio.sleep(PAUSE_SECONDS)
    else:
        raise VenueError("what became of earlier orders is not certain yet; `engine reconcile` says which")
    broker.muted = False
    # The venue keeps back one dollar for each contract sold short, which our books do not.
    short = sum((-quantity for quantity in picture.positions.values() if quantity < 0), ZERO)
    cash = picture.cash + short
    if not before.reconciled_ns:
        known = writer.book.balances.amount(LedgerAccount.CASH)
        writer.book.transfer(cash - known, picture.as_of_ns, "opening")
    return Start(store.load(), cash)


async def close(run: LiveRun, recovery: Recovery) -> bool:
    """Read the account until everything is certain; whether the venue's books and ours agree then."""
    for _ in range(READINGS):
        try:
            picture = await recovery.read()
        except VenueError:
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        run.listen()
        findings = recovery.apply(picture, now_ns())
        run.listen()
        if findings.agrees:
            return True
        await asyncio.sleep(PAUSE_SECONDS)
    return False


def account_note(run: LiveRun, recovery: Recovery, agree: bool) -> dict[str, Any]:
    """What a live run says at its end of how it got on with the venue."""
    broker = recovery.broker
    return {
        "connections": run.connections,
        "orders_at_the_venue": len(broker.accounts.attempts),
        "unknown_at_first": broker.unknowns,
        "settled_by_the_lists": recovery.settled_unknowns,
        "still_unknown": sum(1 for attempt in broker.accounts.open_attempts() if attempt.doubtful),
        "account_readings": recovery.readings,
        "positions": len(broker.accounts.positions),
        "books_agree": agree,
    }
