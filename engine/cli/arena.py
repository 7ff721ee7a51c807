"""``engine arena``: the leaderboard that contracts settle on, looked at and judged."""

from __future__ import annotations

import typer

from engine.cli import arena_evaluate, arena_markets, arena_show

app = typer.Typer(add_completion=False)
app.command("show")(arena_show.command)
app.command("markets")(arena_markets.command)
app.command("evaluate")(arena_evaluate.command)
