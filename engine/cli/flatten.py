"""``engine flatten``: close what is held at the venue."""

from __future__ import annotations

from engine.cli.assemble import now_ns
from engine.cli.console import print_json
from engine.cli.errors import ExitCode
from engine.cli.log import configure_log
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.venue import (
    Exchange,
    ExchangeOption,
    SymbolOption,
    ask_venue,
    connected,
    exchange_of,
    listed,
    must_know,
    venue_for,
)
from engine.execute.broker import LiveSettings
from engine.execute.flatten import Cleared, flatten
from engine.settings import load_settings


def command(
    symbol: SymbolOption = None,
    exchange: ExchangeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Cancel resting orders and close positions at the market. No halt stops this. `engine halt` first, if one runs."""
    settings = load_settings(config, {"kalshi.base_url": exchange})
    configure_log(settings.log)
    done = flatten_at_venue(exchange_of(settings), symbol)
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


def flatten_at_venue(target: Exchange, symbol: str | None) -> Cleared:
    """Cancel what rests and close what is held, of one symbol or all. Raises UserError."""

    async def work() -> Cleared:
        async with connected(target, reducing=True) as rest:
            collar, stamp = LiveSettings().collar, f"flatten-{now_ns()}"
            done = await flatten(venue_for(rest), lambda names: listed(rest, names), collar, stamp, symbol)
            if symbol is not None and not (done.cancelled or done.closed or done.left or done.swept):
                await must_know(rest, symbol)
            return done

    return ask_venue(work)
