"""``engine signals``: signals that rules trade on, and what became of those that rules gave."""

from __future__ import annotations

import typer

from engine.cli.signals.build import build
from engine.cli.signals.check import check, show
from engine.cli.signals.fit import fit_flow
from engine.cli.signals.summary import summary

app = typer.Typer(add_completion=False)
app.command("build")(build)
app.command("fit-flow")(fit_flow)
app.command("check")(check)
app.command("show")(show)
app.command("summary")(summary)
