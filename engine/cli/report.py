"""``engine report``: what was traded, how the day went, what a sweep found."""

from __future__ import annotations

import typer

from engine.cli import report_hardening, report_performance, report_pm, report_sweep

app = typer.Typer(add_completion=False)
app.command("performance")(report_performance.command)
app.command("pm")(report_pm.command)
app.command("hardening")(report_hardening.command)
app.command("sweep")(report_sweep.command)
