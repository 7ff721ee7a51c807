"""How good tennis probabilities were: as text tables and as one HTML page with a reliability diagram."""

from __future__ import annotations

from collections.abc import Sequence

from engine.report.calibration import reliability_diagram
from engine.report.layout import UNKNOWN, Column, Table, percent
from engine.report.shell import header, page, section
from engine.research.tennis.evaluate import Evaluation, Judged

_FIGURES = ("Matches", "Accuracy", "Log-loss", "Brier", "ECE", "ECE if right", "Slope")
_BAR = 30


def evaluation_tables(found: Evaluation, tour: str) -> list[Table]:
    """What the text, and the page, show."""
    left = ", ".join(f"{count} {what}" for what, count in found.left_out.items())
    note = (
        f"Left out: {left}. Each probability is from what came before the match, its weights from before its quarter "
        "of the year. ECE is never 0 in a finite sample: beside it is what right probabilities would have given."
    )
    title = f"{tour.upper()} main tour, tournaments that began from {found.first} to {found.last}"
    parts = [_scores(f"The model by {kind}", kind.capitalize(), of) for kind, of in found.parts.items()]
    return [_scores(title, "Variant", found.variants, note), _reliability(found.model), *parts, _weights(found)]


def evaluation_html(found: Evaluation, tour: str) -> str:
    """One page that needs nothing else."""
    first, _, *others = evaluation_tables(found, tour)
    diagram = (
        "<section><h2>Reliability of the model</h2><p>A bar holds nine in ten shares that right probabilities would "
        'give.</p><div style="max-width:520px">'
        f"{reliability_diagram((), found.model.scores.bins)}</div></section>"
    )
    return page(f"Tennis model, {tour.upper()}", [
        header(f"Tennis model, {tour.upper()}"), section(first), diagram, *(section(table) for table in others),
    ])  # fmt: skip


def _scores(title: str, name: str, of: Sequence[Judged], note: str = "") -> Table:
    columns = (Column(name, numeric=False), *(Column(figure) for figure in _FIGURES))
    return Table(title, columns, tuple(_row(one) for one in of), note)


def _row(one: Judged) -> tuple[str, ...]:
    scores = one.scores
    slope = UNKNOWN if scores.slope is None else f"{scores.slope:.2f}"
    return (
        one.name, f"{one.matches:,}", percent(one.accuracy), f"{scores.log_loss:.4f}", f"{scores.brier:.4f}",
        f"{scores.ece:.4f}", f"{scores.ece_if_right:.4f}", slope,
    )  # fmt: skip


def _reliability(model: Judged) -> Table:
    rows = tuple(
        (f"{one.events:,.0f}", percent(one.said), percent(one.came), f"{percent(one.low)} – {percent(one.high)}",
         "█" * round(one.came * _BAR))
        for one in model.scores.bins
    )  # fmt: skip
    columns = (Column("Matches"), Column("Said"), Column("Came true"), Column("If right"), Column("", numeric=False))
    note = "From the side of the player with the lower number; `If right` holds nine in ten."
    return Table("Reliability of the model", columns, rows, note)


def _weights(found: Evaluation) -> Table:
    rows = tuple((name.replace("_", " "), f"{weight:+.3f}") for name, weight in found.weights.items())
    return Table("Weights of the last fit", (Column("Gap", numeric=False), Column("Weight")), rows)
