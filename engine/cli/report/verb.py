"""``engine report``: what was traded, how the day went, what a sweep found."""

from __future__ import annotations

import typer

from engine.cli.report import hardening, performance, pm, sweep

app = typer.Typer(add_completion=False)
app.command("performance")(performance.command)
app.command("pm")(pm.command)
app.command("hardening")(hardening.command)
app.command("sweep")(sweep.command)
