"""A run on a venue's live market with the paper broker, or as a dry run: no order goes anywhere."""

from __future__ import annotations

from engine.cli.assemble import now_ns
from engine.cli.capture.shared import begun_note
from engine.cli.on_venue.lasting import go_on
from engine.cli.on_venue.session import CONNECTED, VenueSession, statistics_from
from engine.cli.venues.port import LiveFeed
from engine.decide.tick import Decider
from engine.execute.dry import DryBroker
from engine.execute.inputs import JournaledBroker
from engine.execute.live import LiveRun
from engine.execute.loop import Loop
from engine.execute.resume import Carried, Start
from engine.market.orders import Broker
from engine.market.past import ages_at
from engine.market.venue import PastBars
from state import RunWriter


async def trade_on_paper(
    session: VenueSession, decider: Decider, feed: LiveFeed, writer: RunWriter, past: PastBars | None
) -> int:
    """Until it is stopped; returns the exit code. ``past``: what the rules must have seen before."""
    broker = _begin_dry(session, decider, writer) if session.wish.dry else _begin(session, decider, writer)
    statistics = statistics_from(writer)
    journal = JournaledBroker(broker, writer)
    service = session.service(writer, decider)
    loop = Loop(decider, journal, [*session.recorders(writer, statistics), *service.recorders])
    run = LiveRun(
        loop, journal, feed, now_ns, pulse=feed.pulse, before_tick=session.before_tick(writer, decider, service),
        every_second=session.every_second(writer, service), tell=session.teller(writer, "connection", news=CONNECTED),
        beside=lambda: session.beside(feed, writer),
        behind=feed.behind if session.desk.past_sessions else None, ages=ages_at(session.port.speed),
    )  # fmt: skip
    session.warm_up(run, past, decider, writer)
    service.ready = lambda: run.ready
    seconds = await session.until_stopped(run, feed)
    service.close()
    return session.report(statistics, loop, writer, seconds, {"connections": run.connections})


def _begin(session: VenueSession, decider: Decider, writer: RunWriter) -> Broker:
    """Where the last run on the paper account ended."""
    broker, start = go_on(session.assembly, decider, session.store, writer)
    begun = start._replace(carried=Carried(decider.told()))
    session.begun(writer, decider, start, begun)
    if session.tape is not None:
        fills = writer.book.fills_of_open()
        listed = session.sources.listed()
        session.tape.begun(begun_note(session.assembly, writer.run_id, begun, broker, fills, listed))
    return broker


def _begin_dry(session: VenueSession, decider: Decider, writer: RunWriter) -> Broker:
    """With nothing held and everything to be remembered anew."""
    start = Start(None, None, None)
    session.begun(writer, decider, start, start)
    return DryBroker(rests=not session.wish.once)
