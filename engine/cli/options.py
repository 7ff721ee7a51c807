"""Options that mean the same on every verb that has them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings file.  [default: autotrader.toml here, if there is one]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
ExchangeOption = Annotated[
    str | None, typer.Option("--exchange", metavar="URL", help="A practice exchange in place of the venue.")
]
