"""``engine report``: one module a report; only the one that is asked for is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

import typer

from engine.cli.errors import UserError
from engine.language.diagnostics import did_you_mean

REPORTS: Mapping[str, tuple[str, str]] = {
    "performance": ("engine.cli.report_performance", "What was traded, and what it came to."),
    "pm": ("engine.cli.report_pm", "The daily report: signals, costs, gate, go or no-go."),
    "sweep": ("engine.cli.report_sweep", "The results of a sweep, or every sweep in the store."),
}


def group(words: Sequence[str]) -> typer.Typer:
    """The reports as verbs of their own; ``words`` are what follows ``report``. Raises UserError for an unknown one."""
    chosen = words[0] if words and not words[0].startswith("-") else None
    if chosen is not None and chosen not in REPORTS:
        close = did_you_mean(chosen, REPORTS)
        mend = f"did you mean `{close}`?" if close else f"there is {', '.join(REPORTS)}"
        raise UserError(f"there is no report `{chosen}`; {mend}")
    app = typer.Typer(add_completion=False, no_args_is_help=True)
    for name, (module, about) in REPORTS.items():
        real = name == chosen
        app.command(name, help=None if real else about)(_command_of(module) if real else _not_imported)
    return app


def _command_of(module: str) -> Callable[..., int | None]:
    command: Callable[..., int | None] = import_module(module).command
    return command


def _not_imported() -> None:
    raise AssertionError("only the chosen report is ever made")
