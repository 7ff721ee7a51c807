"""``engine stream``: keep what Polygon streams in the store, without a hole."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated, Any

import typer
from loguru import logger

from engine.cli.backtest import day
from engine.cli.clock import machine_ns
from engine.cli.console import out, print_json
from engine.cli.errors import ExitCode
from engine.cli.log import configure_log
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.zones import days_of
from engine.market.meter import REQUESTS
from engine.settings import Settings, load_settings

if TYPE_CHECKING:
    from connectors.polygon.streamer import Counts

STREAMER = "streamer"


def command(
    symbols: Annotated[
        list[str] | None,
        typer.Option("--symbols", help="What to keep; repeat or use commas.  [default: polygon.symbols]"),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="DATE", help="Day in engine.timezone on which a symbol begins that is not there.  [now]"
        ),
    ] = None,
    batch: Annotated[int | None, typer.Option("--batch", metavar="N", min=1, help="Rows written at once.")] = None,
    flush: Annotated[
        float | None, typer.Option("--flush", metavar="S", min=0.01, help="Seconds after which rows are written.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="S", min=0.1, help="Stop after so long; without it, at Ctrl-C.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Keep seconds (as ticks) and minutes (as bars) of the stream. What was missed since the store ends is read first.

    Channels that the plan lacks are named and left out; the others go on. docs/polygon.md says more. Figures of it are
    told once a second: `engine serve check streamer` and the metrics of the service have them.
    """
    settings = load_settings(config, {"polygon.stream_batch": batch, "polygon.stream_flush_seconds": flush})
    configure_log(settings.log)
    from connectors.polygon.errors import PolygonError
    from engine.cli.polygon import symbols_of, vendor_failed

    tickers = symbols_of(symbols, settings)
    begins = days_of(day(since, "--since"), None, settings.engine.timezone)
    since_ns = None if begins.begin is None else begins.begin_ns
    try:
        counts = asyncio.run(_stream(settings, tickers, since_ns, seconds))
    except PolygonError as error:
        raise vendor_failed(error) from None
    _report(counts, json)
    return ExitCode.GOOD if len(counts.dropped) < 2 * len(tickers) else ExitCode.VENUE


async def _stream(settings: Settings, tickers: list[str], since_ns: int | None, seconds: float | None) -> Counts:
    from connectors.polygon.practice import market_clock
    from connectors.polygon.streamer import Pace, Streamer, channels_of
    from engine.cli.polygon import market_data, polygon_hosts, polygon_rest, polygon_stream

    rest = polygon_rest(settings)
    clock = await market_clock(polygon_hosts(settings), delayed=settings.polygon.delayed)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    pace = Pace(settings.polygon.stream_batch, float(settings.polygon.stream_flush_seconds))
    async with rest.http, polygon_stream(settings, channels_of(tickers)) as stream:
        streamer = Streamer(rest, stream, lambda: market_data(settings), tickers, clock, pace, logger.info, since_ns)
        beside = [asyncio.create_task(_after(seconds, stop)), asyncio.create_task(_tell_figures(settings))]
        try:
            return await streamer.run(stop)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)


async def _after(seconds: float | None, stop: asyncio.Event) -> None:
    if seconds is not None:
        await asyncio.sleep(seconds)
        stop.set()


async def _tell_figures(settings: Settings) -> None:
    """Once a second and at the end, in a thread: no disk that is slow stops the socket, and none that fails ends it."""
    from state.errors import StoreError

    told = set[str]()

    def publish(*, running: bool) -> None:
        from state.service import ServiceBook, service_file

        requests = [[provider, outcome, count] for (provider, outcome), count in REQUESTS.counts().items()]
        figures = {"running": running, "requests": requests}
        try:
            ServiceBook(service_file(settings.store.path, "paper")).publish(STREAMER, figures, machine_ns())
        except StoreError as error:
            if str(error) not in told:
                told.add(str(error))
                logger.warning(f"the service cannot hear of this stream: {error}")

    try:
        while True:
            await asyncio.to_thread(publish, running=True)
            await asyncio.sleep(1)
    finally:
        publish(running=False)


def _report(counts: Counts, as_json: bool) -> None:
    said: dict[str, Any] = {
        "ticks": counts.ticks, "bars": counts.bars, "gaps": counts.gaps, "breaks": counts.breaks,
        "left_out": counts.dropped,
    }  # fmt: skip
    if as_json:
        print_json(said)
        return
    out().print(f"kept {counts.ticks} ticks and {counts.bars} bars; {counts.breaks} breaks, {counts.gaps} gaps read")
    for channel, reason in sorted(counts.dropped.items()):
        out().print(f"left out: {channel}: {reason}")
