"""``engine tennis``: an archive of results, the model on it, and what both say of a match."""

from __future__ import annotations

import typer

from engine.cli.tennis_evaluate import evaluate
from engine.cli.tennis_import import import_
from engine.cli.tennis_match import match
from engine.cli.tennis_week import week

app = typer.Typer(add_completion=False)
app.command("import")(import_)
app.command("evaluate")(evaluate)
app.command("match")(match)
app.command("week")(week)
