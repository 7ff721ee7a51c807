"""``engine signals``: build, fit, check or show the signals that rules trade on."""

from __future__ import annotations

import typer

from engine.cli.signals_build import build
from engine.cli.signals_check import check, show
from engine.cli.signals_fit import fit_flow

app = typer.Typer(add_completion=False)
app.command("build")(build)
app.command("fit-flow")(fit_flow)
app.command("check")(check)
app.command("show")(show)
