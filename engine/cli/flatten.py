"""``engine flatten``: close what is held at the venue."""

from __future__ import annotations

from engine.cli.assemble import now_ns
from engine.cli.console import print_json
from engine.cli.errors import ExitCode
from engine.cli.log import configure_log
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.venue import ExchangeOption, SymbolOption, ask_venue, must_know
from engine.cli.venues import DEFAULT, VenueOption, port_of
from engine.cli.venues.port import VenuePort
from engine.execute.broker import LiveSettings
from engine.execute.flatten import Cleared, flatten
from engine.settings import load_settings


def command(
    symbol: SymbolOption = None,
    venue: VenueOption = DEFAULT,
    exchange: ExchangeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Cancel resting orders and close positions at the market. No halt stops this. `engine halt` first, if one runs."""
    settings = load_settings(config, {f"{venue}.base_url": exchange})
    configure_log(settings.log)
    port = port_of(settings, venue)
    done = flatten_at_venue(port, symbol)
    if json:
        print_json({
            "cancelled": len(done.cancelled), "everything": done.swept or None, "closed": done.closed,
            "left": done.left,
        })  # fmt: skip
    else:
        for name, quantity in done.closed.items():
            print(f"closed {quantity} {name}")
        for name, why in done.left.items():
            print(f"left: {name}: {why}")
        if done.swept:
            print(f"everything that rested was cancelled at once, and orders of the next minute may be: {done.swept}")
        if symbol is not None and not (done.cancelled or done.closed or done.left):
            print(f"nothing rests in {symbol} and nothing of it is held")
        print(f"{len(done.cancelled)} order(s) cancelled, {len(done.closed)} position(s) closed, {len(done.left)} left")
    if done.failed:
        return ExitCode.VENUE
    return ExitCode.NO if done.left else ExitCode.GOOD


def flatten_at_venue(port: VenuePort, symbol: str | None) -> Cleared:
    """Cancel what rests and close what is held, of one symbol or all. Raises UserError."""

    async def work() -> Cleared:
        async with port.connected(reducing=True) as desk:
            collar, stamp = LiveSettings().collar, f"flatten-{now_ns()}"
            done = await flatten(desk.orders(()), desk.find, collar, stamp, symbol)
            if symbol is not None and not (done.cancelled or done.closed or done.left or done.swept):
                await must_know(desk, symbol)
            return done

    return ask_venue(work)
