"""``engine calibrate``: correct fair probabilities by what came true."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from engine.cli.console import out, print_columns, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import JsonOption
from engine.report.calibration import calibration_html, calibration_tables
from engine.report.layout import Table
from engine.research.calibration.choose import Choice, choose
from engine.research.calibration.errors import TooFewOutcomesError
from engine.research.calibration.file import Calibration, calibration_of, save_calibration
from engine.research.calibration.outcomes import read_outcomes

DEFAULT_OUT = Path("data/alpha_calibration.json")


def command(
    source: Annotated[
        Path, typer.Option("--from", metavar="FILE", help="Outcomes: probability, outcome, time, event (CSV or JSON).")
    ],
    target: Annotated[Path, typer.Option("--out", metavar="FILE", help="The calibration to write.")] = DEFAULT_OUT,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a report with a diagram.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of intervals and of resampled outcomes.")] = 1,
    json: JsonOption = False,
) -> int:
    """Fit Platt, beta and isotonic corrections, choose by time-ordered cross-validation, and write what signals apply.
    With too few outcomes nothing is written and the exit code is 1.
    """
    outcomes = read_outcomes(source)
    try:
        choice = choose(outcomes, seed)
    except TooFewOutcomesError as refusal:
        raise UserError(f"{refusal}; nothing is written", ExitCode.NO) from None
    calibration = calibration_of(outcomes, choice)
    save_calibration(calibration, target)
    if html is not None:
        _write(html, calibration_html(outcomes, choice))
    if json:
        print_json(_as_json(calibration, choice, target, html))
        return ExitCode.GOOD
    for table in calibration_tables(outcomes, choice):
        _print(table)
    print(f"calibration written to {target}" + (f", report to {html}" if html is not None else ""))
    return ExitCode.GOOD


def _as_json(calibration: Calibration, choice: Choice, target: Path, html: Path | None) -> dict[str, object]:
    bins = {"before": choice.before.bins, "after": choice.after.bins}
    return {
        "calibration": calibration.model_dump(mode="json"),
        "reliability": {name: [asdict(one) for one in found] for name, found in bins.items()},
        "market": None if choice.market is None else asdict(choice.market),
        "tried": {"rows": choice.tried_rows, "events": choice.tried_events, "folds": choice.folds},
        "out": target,
        "html": html,
    }


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from None


def _print(table: Table) -> None:
    out().print(escape(table.title), style="bold")
    titled = any(column.title for column in table.columns)
    head = [tuple(column.title for column in table.columns)] if titled else []
    print_columns([*head, *table.rows], {n for n, column in enumerate(table.columns) if column.numeric})
    if table.note:
        print(table.note)
    print()
