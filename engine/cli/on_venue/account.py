"""The venue's account at the ends of a live run: read and followed until everything about it is certain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from engine.cli.assemble import now_ns
from engine.cli.console import err
from engine.execute.live import LiveRun
from engine.execute.recovery import Recovery
from engine.execute.resume import Start
from engine.market.events import NANOS
from engine.market.venue import VenueError
from state import RunWriter
from state.orders import LiveOrders

SPARE_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.2
SAID_AFTER = 3  # readings that did not settle everything
CASH_READINGS = 10  # after so many, money that no two readings told alike is left to the next run
LONGEST_PAUSE_SECONDS = 2.0


async def recover(recovery: Recovery, store: LiveOrders, writer: RunWriter) -> Start:
    """Reconcile first: follow the venue until everything is certain. Nothing is sent, and no rule is asked.

    VenueError while it cannot be known.
    """
    broker = recovery.broker
    before = store.load()
    broker.accounts.restore(before)
    recovery.start(before, now_ns())
    broker.muted = True
    async for number in patiently(recovery):
        picture = await recovery.read()
        findings = recovery.apply(picture, now_ns())
        broker.on_events(now_ns(), ())
        if number == SAID_AFTER and findings.unsettled:
            longest = recovery.settings.ages.grace / NANOS
            words = f"{len(findings.unsettled)} order(s) of an earlier run may still be on their way"
            err().print(f"{words}: it is certain {longest:.0f} s after they were sent")
        if findings.settled and not findings.different and cash_is_certain(recovery, number):
            break
    else:
        raise VenueError("what became of earlier orders is not certain yet; `engine reconcile` says which")
    recovery.book_moved(now_ns())
    broker.muted = False
    store.settle(now_ns())
    return Start(store.load(), store.cash())


def cash_is_certain(recovery: Recovery, number: int) -> bool:
    """Whether what the readings told of the account's money needs no other one; ``number``: how many there were."""
    return not recovery.watch.doubt or number >= CASH_READINGS


async def close(run: LiveRun, recovery: Recovery, *, fused: bool) -> bool:
    """Read the account until everything is certain; whether the venue's books and ours agree then. ``fused``: entries
    hung on a fuse at the venue, and have to be gone with it."""
    async for _ in patiently(recovery):
        try:
            picture = await recovery.read()
        except VenueError:
            continue
        run.listen()
        findings = recovery.apply(picture, now_ns())
        run.listen()
        hanging = fused and any(a.wire.guarded for a in recovery.broker.accounts.open_attempts())
        if findings.agrees and not hanging:
            return True
    return False


async def patiently(recovery: Recovery) -> AsyncIterator[int]:
    """Count tries, with pauses that grow, for as long as an order may be on its way and the lists be behind.

    The first is the venue's time, which on a practice venue runs faster than ours, or stands still.
    """
    grace, began_ns, began = recovery.settings.ages.grace, now_ns(), time.monotonic()
    ends, number = began + grace / NANOS + SPARE_SECONDS, 0
    while not number or time.monotonic() < ends:
        yield number
        await asyncio.sleep(min(FIRST_PAUSE_SECONDS * 1.5**number, LONGEST_PAUSE_SECONDS))
        number += 1
        if now_ns() - began_ns >= grace:
            ends = min(ends, time.monotonic() + SPARE_SECONDS)


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
