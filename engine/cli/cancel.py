"""``engine cancel``: take resting orders off the venue."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import typer

from engine.cli.assemble import now_ns
from engine.cli.console import print_json
from engine.cli.errors import ExitCode
from engine.cli.log import configure_log
from engine.cli.options import ConfigOption, ExchangeOption, JsonOption
from engine.cli.venue import SymbolOption, ask_venue, must_know, room_at
from engine.cli.venues import DEFAULT, VenueOption, port_of
from engine.cli.venues.port import VenuePort
from engine.execute.flatten import Cleared, cancel_orders
from engine.settings import load_settings

MINUTE_NS = 60_000_000_000


def command(
    symbol: SymbolOption = None,
    stale: Annotated[
        float | None, typer.Option("--stale", metavar="MINUTES", min=0, help="Only orders older than that.")
    ] = None,
    venue: VenueOption = DEFAULT,
    exchange: ExchangeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Cancel the account's resting orders. No halt stops this. An engine that runs puts targets of positions back."""
    settings = load_settings(config, {f"{venue}.base_url": exchange})
    configure_log(settings.log)
    port = port_of(settings, venue)
    done = cancel_at_venue(port, symbol, None if stale is None else int(stale * MINUTE_NS))
    if json:
        cancelled = [o.venue_order_id for o in done.cancelled]
        print_json({"cancelled": cancelled, "everything": done.swept or None, "left": done.left})
    else:
        for order in done.cancelled:
            print(f"cancelled {order.side} {order.quantity - order.filled} {order.symbol} at {order.limit}")
        for order_id, why in done.left.items():
            print(f"not cancelled: {order_id}: {why}")
        if done.swept:
            print(f"everything that rested was cancelled at once, and orders of the next minute may be: {done.swept}")
        of = f" of {symbol}" if symbol is not None else ""
        print(f"{len(done.cancelled)} order(s){of} cancelled at the {port.place} exchange, {len(done.left)} left")
    return ExitCode.VENUE if done.left else ExitCode.GOOD


def cancel_at_venue(
    port: VenuePort, symbol: str | None, age_ns: int | None, *, only: Collection[str] = (), entries: bool = False
) -> Cleared:
    """Cancel what rests, of one symbol or of orders older than so long, or ``only`` these entries; with ``entries``
    nothing that could reduce what is held. Raises UserError."""

    async def work() -> Cleared:
        async with port.connected(reducing=True) as desk:
            before_ns = None if age_ns is None else now_ns() - age_ns
            done = await cancel_orders(
                desk.orders(()), symbol, before_ns, only=only, entries=entries, room=room_at(port)
            )
            if symbol is not None and not (done.cancelled or done.left or done.swept):
                await must_know(desk, symbol)
            return done

    return ask_venue(work)
