"""``engine tennis evaluate``: how good the model was on matches of the past, each told from what came before it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import out, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import JsonOption
from engine.cli.tennis.shared import MatchesOption, PlayersOption, TourName, a_day, files_of, read_files
from engine.market.tennis import Tour


def evaluate(
    tour: Annotated[TourName, typer.Option("--tour", help="Men or women.")],
    players: PlayersOption,
    matches: MatchesOption,
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="First day on which a tournament began.")],
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="Last such day, included.")],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a report with a diagram.")] = None,
    json: JsonOption = False,
) -> int:
    """Judge probabilities on the main tour. Ratings and weights come only from matches before the one that is judged;
    the other files serve as history.
    """
    from engine.report.tables import print_table
    from engine.report.tennis import evaluation_html, evaluation_tables
    from engine.research.tennis.evaluate import evaluate as judge

    start, end = a_day(first, "--from"), a_day(last, "--to")
    if end < start:
        raise UserError(f"--to {last} is before --from {first}")
    files = read_files(Tour(tour), players, files_of(matches))
    found = judge(files.archive.matches, files.archive.born, start, end)
    if html is not None:
        try:
            html.parent.mkdir(parents=True, exist_ok=True)
            html.write_text(evaluation_html(found, tour), encoding="utf-8", newline="\n")
        except OSError as error:
            raise UserError(f"{html} cannot be written: {error.strerror or error}") from None
    if json:
        print_json({"tour": tour, "from": start.isoformat(), "to": end.isoformat(), "html": html, **found.to_json()})
        return ExitCode.GOOD
    for table in evaluation_tables(found, tour):
        print_table(table, out())
    if html is not None:
        print(f"report with the reliability diagram written to {html}")
    return ExitCode.GOOD
