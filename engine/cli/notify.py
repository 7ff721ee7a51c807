"""``engine notify test``: one message to every target, and what came of it."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from connectors.notify.outbox import Kind, Message
from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.notices import targets
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import load_settings


def command(
    action: Annotated[Literal["test"], typer.Argument(help="What to do.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """test sends one message to every target of the settings now. Exit 3 when one did not take it."""
    found = targets(load_settings(config))
    if not found:
        raise UserError(
            "nobody is to be told: set AUTOTRADER__NOTIFY__URLS or AUTOTRADER__DISCORD__WEBHOOK_URL in the environment "
            "or in .env"
        )
    message = Message(Kind.TRADES, "engine notify test", "this target is told what the engine does")
    arrived = {target.name: target.send(message) for target in found}
    if json:
        print_json({"arrived": arrived})
    else:
        for name, good in arrived.items():
            print(f"{name}: {'took it' if good else 'did not take it; look at its address and at the network'}")
    return ExitCode.GOOD if all(arrived.values()) else ExitCode.VENUE
