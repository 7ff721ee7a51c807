"""``engine flatten``: close what is held at the venue."""

from __future__ import annotations

from engine.cli.assemble import now_ns
from engine.cli.console import print_json
from engine.cli.errors import ExitCode
from engine.cli.log import configure_log
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.venue import ExchangeOption, SymbolOption, ask_venue, connected, exchange_of, must_know, venue_of
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
    target = exchange_of(settings)

    async def work() -> Cleared:
        async with connected(target) as rest:
            reader, _ = await venue_of(rest, ())
            picture = await reader.picture(now_ns())
            held = picture.positions
            if symbol is not None and symbol not in held and not any(o.symbol == symbol for o in picture.orders):
                await must_know(rest, symbol)
            venue, instruments = await venue_of(rest, [s for s in held if symbol in (None, s)])
            return await flatten(venue, instruments, LiveSettings().collar, f"flatten-{now_ns()}", symbol)

    done = ask_venue(work)
    if json:
        print_json({"cancelled": len(done.cancelled), "closed": done.closed, "left": done.left})
    else:
        for name, quantity in done.closed.items():
            print(f"closed {quantity} {name}")
        for name, why in done.left.items():
            print(f"left: {name}: {why}")
        if symbol is not None and not (done.cancelled or done.closed or done.left):
            print(f"nothing rests in {symbol} and nothing of it is held")
        print(f"{len(done.cancelled)} order(s) cancelled, {len(done.closed)} position(s) closed, {len(done.left)} left")
    return ExitCode.VENUE if done.left else ExitCode.GOOD
