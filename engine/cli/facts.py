"""``engine facts``: what rules may refer to, and when it becomes known."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.manifest import MANIFEST
from engine.cli.options import JsonOption
from engine.language.diagnostics import did_you_mean
from engine.market.facts import FactSpec


def command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One fact, or a group such as position.")] = None,
    json: JsonOption = False,
) -> int:
    """List the facts that the engine and its connectors publish, or show some of them."""
    found = [f for f in MANIFEST if name is None or f.name == name or f.name.startswith(f"{name}.")]
    if not found:
        close = did_you_mean(str(name), [f.name for f in MANIFEST])
        raise UserError(f"there is no fact `{name}`; " + (f"did you mean {close}?" if close else "see `engine facts`"))
    if json:
        print_json([asdict(f) for f in found])
        return ExitCode.GOOD
    width = max(len(f.name) for f in found)
    for fact in found:
        print(_line(fact, width))
    return ExitCode.GOOD


def _line(fact: FactSpec, width: int) -> str:
    unknown = ", may be unknown" if fact.nullable else ""
    unit = f" ({fact.unit})" if fact.unit else ""
    return f"{fact.name:{width}}  {fact.kind}{unit}{unknown}. {fact.about} Known {fact.known}."
