"""``engine features``: what rules compute at every bar, and which session it was, kept beside the bars."""

from __future__ import annotations

import typer

from engine.cli.features.build import build
from engine.cli.features.record import record
from engine.cli.features.sessions import sessions

app = typer.Typer(add_completion=False)
app.command("build")(build)
app.command("record")(record)
app.command("sessions")(sessions)
