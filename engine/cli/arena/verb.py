"""``engine arena``: the leaderboard that contracts settle on, looked at and judged."""

from __future__ import annotations

import typer

from engine.cli.arena import evaluate, markets, show

app = typer.Typer(add_completion=False)
app.command("show")(show.command)
app.command("markets")(markets.command)
app.command("evaluate")(evaluate.command)
