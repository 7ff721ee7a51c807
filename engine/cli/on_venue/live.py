"""A run on a venue with real orders: the account is followed first, and agreed with at the end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from engine.cli.assemble import now_ns
from engine.cli.errors import ExitCode
from engine.cli.on_venue.account import account_note, close, recover
from engine.cli.on_venue.charges import keep_charges
from engine.cli.on_venue.lasting import carried
from engine.cli.on_venue.session import CONNECTED, VenueSession, statistics_from
from engine.cli.venues.port import LiveFeed, Orders
from engine.decide.tick import Decider
from engine.execute.broker import VenueBroker
from engine.execute.inputs import JournaledBroker
from engine.execute.live import Account, LiveRun
from engine.execute.loop import Loop
from engine.execute.recovery import Recovery
from engine.execute.resume import Start, begin_with
from engine.market.instrument import Instrument
from engine.market.past import ages_at
from engine.market.venue import PastBars, VenueError
from state import RunWriter


async def trade_live(
    session: VenueSession, instruments: dict[str, Instrument], decider: Decider, feed: LiveFeed, writer: RunWriter,
    past: PastBars | None,
) -> int:  # fmt: skip
    """Until it is stopped; returns the exit code. ``instruments``: those of the run, and of what earlier runs hold;
    ``past``: what the rules must have seen before."""
    venue = session.desk.orders(instruments, session.wish.fuse)
    pending = decider.context.portfolio.pending

    def context(client_id: str) -> tuple[tuple[float, ...], str]:
        return pending[client_id].entry_values, pending[client_id].trigger_symbol

    alert, store = session.alerter(writer), writer.live_orders()
    broker = VenueBroker(venue, store, instruments, context, alert)
    recovery = Recovery(broker, alert, session.port.recovery())
    recovered = await recover(recovery, store, writer)
    await _arm(venue, writer)
    try:
        return await _trade(session, recovered, venue, Account(broker, recovery), decider, feed, writer, past)
    finally:
        # A second time only after a failure: what is armed must not outlive the run.
        with suppress(VenueError):
            await venue.disarm()


async def _arm(venue: Orders, writer: RunWriter) -> None:
    """Without the fuse no order goes out: the run ends before it has begun, and says why."""
    try:
        await venue.arm()
    except VenueError as error:
        writer.end("stopped", None, {"refused": str(error)})
        raise


async def _trade(
    session: VenueSession, recovered: Start, venue: Orders, account: Account, decider: Decider, feed: LiveFeed,
    writer: RunWriter, past: PastBars | None,
) -> int:  # fmt: skip
    start = recovered._replace(carried=carried(session.store, writer))
    begin_with(decider, start)
    session.begun(writer, decider, start, start)
    statistics = statistics_from(writer)
    journal = JournaledBroker(account.broker, writer)
    service = session.service(writer, decider)
    loop = Loop(decider, journal, [*session.recorders(writer, statistics), *service.recorders])
    run = LiveRun(
        loop, journal, feed, now_ns, account=account, pulse=feed.pulse,
        before_tick=session.before_tick(writer, decider, service), every_second=session.every_second(writer, service),
        tell=session.teller(writer, "connection", news=CONNECTED), beside=lambda: _beside(session, feed, writer),
        behind=feed.behind if session.desk.past_sessions else None, ages=ages_at(session.port.speed),
        leave=venue.leave,
    )  # fmt: skip
    session.warm_up(run, past, decider, writer)
    service.ready = lambda: run.ready
    seconds = await session.until_stopped(run, feed)
    service.close()
    await _disarm(session, venue, run, writer)
    agree = await close(run, account.recovery, fused=session.wish.fuse is not None)
    extra = account_note(run, account.recovery, agree)
    code = session.report(statistics, loop, writer, seconds, extra)
    return code if agree else ExitCode.NO


async def _beside(session: VenueSession, feed: LiveFeed, writer: RunWriter) -> None:
    charges = keep_charges(session.desk, writer, session.teller(writer, "charges"))
    await asyncio.gather(session.beside(feed, writer), charges)


async def _disarm(session: VenueSession, venue: Orders, run: LiveRun, writer: RunWriter) -> None:
    """The fuse goes, and with it entries that rest; where it cannot go, they are cancelled one by one."""
    try:
        await venue.disarm()
    except VenueError as error:
        session.alerter(writer)("fuse", f"{error}; entries that rest are cancelled without it")
        run.withdraw_entries("the run has ended")
