"""``engine tennis``: an archive of results, the model on it, and what both say of a match."""

from __future__ import annotations

import typer

from engine.cli.tennis.evaluate import evaluate
from engine.cli.tennis.importing import import_
from engine.cli.tennis.match import match
from engine.cli.tennis.week import week

app = typer.Typer(add_completion=False)
app.command("import")(import_)
app.command("evaluate")(evaluate)
app.command("match")(match)
app.command("week")(week)
