"""A calibration as one HTML file and as a text table: scores, methods tried, reliability diagram."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from engine.report.layout import Column, Table, clean
from engine.report.page import STYLE
from engine.report.shell import section
from engine.research.calibration.choose import Choice
from engine.research.calibration.maps import AnyMap, Beta, Identity, Isotonic, Platt
from engine.research.calibration.metrics import Bin, Scores
from engine.research.calibration.outcomes import Outcomes
from engine.research.statistics.bootstrap import Interval

_SIZE, _EDGE = 460, 46
_CAME = Column("Came true")
_DIAGRAM_STYLE = ".square { max-width: 520px; } .square svg { min-width: 0; }"


def calibration_tables(outcomes: Outcomes, choice: Choice) -> list[Table]:
    """What the text, and the page, show."""
    return [_summary(outcomes, choice), _methods(choice), _scores(choice), *_market(choice), _reliability(choice)]


def calibration_html(outcomes: Outcomes, choice: Choice) -> str:
    """One page that needs nothing else: no network, no script."""
    name = escape(clean(outcomes.source))
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    summary, *tables = calibration_tables(outcomes, choice)
    return "".join((
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>Calibration on {name}</title><style>{STYLE}{_DIAGRAM_STYLE}</style></head>\n<body><main>",
        f"<header><h1>Calibration on {name}</h1></header>", section(summary),
        '<section><h2>Reliability</h2><p class="key"><span class="lost-text">Orange squares: as said.</span> '
        '<span class="won-text">Blue discs: corrected.</span> A bar holds nine in ten shares that right probabilities '
        "would give. All rows were unseen by the correction that they got.</p>",
        f'<div class="square">{reliability_diagram(choice.before.bins, choice.after.bins)}</div></section>',
        *(section(table) for table in tables), "</main></body></html>\n",
    ))  # fmt: skip


def reliability_diagram(before: Sequence[Bin], after: Sequence[Bin]) -> str:
    """Share that came true against the probability said, as SVG; on the dashed line they are equal."""
    grid = []
    for step in range(6):
        value = step / 5
        at_x, at_y = _x(value), _y(value)
        grid.append(f'<line class="grid" x1="{_x(0):.1f}" x2="{_x(1):.1f}" y1="{at_y:.1f}" y2="{at_y:.1f}"/>')
        grid.append(f'<line class="grid" x1="{at_x:.1f}" x2="{at_x:.1f}" y1="{_y(0):.1f}" y2="{_y(1):.1f}"/>')
        grid.append(f'<text x="{at_x:.1f}" y="{_y(0) + 16:.1f}" text-anchor="middle">{value:.1f}</text>')
        grid.append(f'<text x="{_x(0) - 8:.1f}" y="{at_y + 4:.1f}" text-anchor="end">{value:.1f}</text>')
    marks = [f'<line class="base" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>']
    for one in before:
        marks.append(_bar(one))
        marks.append(f'<rect class="raw" x="{_x(one.said) - 4:.1f}" y="{_y(one.came) - 4:.1f}" width="8" height="8"/>')
    for one in after:
        marks.append(_bar(one))
        marks.append(f'<circle class="corrected" cx="{_x(one.said):.1f}" cy="{_y(one.came):.1f}" r="4.5"/>')
    return (
        f'<svg viewBox="0 0 {_SIZE} {_SIZE}" role="img" aria-label="Reliability diagram">{"".join((*grid, *marks))}'
        f'<text x="{_SIZE / 2}" y="{_SIZE - 6}" text-anchor="middle">probability said</text>'
        f'<text x="14" y="{_SIZE / 2}" text-anchor="middle" transform="rotate(-90 14 {_SIZE / 2})">came true</text>'
        "</svg>"
    )


def describe_map(found: AnyMap) -> str:
    """A correction as a formula in words."""
    match found:
        case Identity():
            return "identity: nothing is changed, because no correction did better on unseen outcomes"
        case Platt():
            return f"Platt: logit q = {found.intercept:+.4f} + {found.slope:.4f} logit p"
        case Beta():
            return f"beta: logit q = {found.a:.4f} ln p - {found.b:.4f} ln(1 - p) {found.c:+.4f}"
        case Isotonic():
            return f"isotonic: {len(found.knots)} steps, weight {found.weight:.2f}, the rest the probability as said"


def _bar(one: Bin) -> str:
    x = f"{_x(one.said):.1f}"
    return f'<line class="bar" x1="{x}" x2="{x}" y1="{_y(one.low):.1f}" y2="{_y(one.high):.1f}"/>'


def _x(value: float) -> float:
    return _EDGE + value * (_SIZE - _EDGE - 12)


def _y(value: float) -> float:
    return 12 + (1 - value) * (_SIZE - _EDGE - 12)


def _summary(outcomes: Outcomes, choice: Choice) -> Table:
    rows = (
        ("Correction", describe_map(choice.map)),
        ("Outcomes", f"{outcomes.events:,} events in {len(outcomes.outcome):,} rows"),
        ("Tried on", f"{choice.tried_events:,} later events in {choice.folds} folds, each after what was fitted"),
    )
    return Table("Calibration", (Column("", numeric=False), Column("", numeric=False)), rows)


def _methods(choice: Choice) -> Table:
    columns = (Column("Method", numeric=False), Column("Log-loss"), Column("Brier"), Column("Behind the best"))
    rows = []
    for one in choice.candidates:
        if one.log_loss is None or one.brier is None or one.behind is None or one.behind_error is None:
            rows.append((one.method, f"not tried: {one.left_out}", "", ""))
        else:
            apart = "best" if not one.behind and not one.behind_error else f"{one.behind:.4f} ± {one.behind_error:.4f}"
            rows.append((one.method, f"{one.log_loss:.4f}", f"{one.brier:.4f}", apart))
    note = "The plainest method within one standard error of the best is used."
    return Table("Methods on unseen outcomes", columns, tuple(rows), note)


def _scores(choice: Choice) -> Table:
    columns = (Column("Score", numeric=False), Column("As said"), Column("Corrected"))
    before, after = choice.before, choice.after
    named = (
        ("Log-loss", "log_loss"), ("Brier score", "brier"), ("  reliability", "reliability"),
        ("  resolution", "resolution"), ("  uncertainty", "uncertainty"), ("ECE", "ece"),
        ("  ECE if right", "ece_if_right"), ("  p of so much if right", "ece_p"),
    )  # fmt: skip
    rows = [(title, f"{getattr(before, name):.4f}", f"{getattr(after, name):.4f}") for title, name in named]
    rows.append(("Slope", _slope(before), _slope(after)))
    rows.append(("Intercept", _maybe(before.intercept), _maybe(after.intercept)))
    return Table("Scores on unseen outcomes", columns, tuple(rows))


def _slope(scores: Scores) -> str:
    return "unknown" if scores.slope is None else f"{scores.slope:.3f} ± {scores.slope_error:.3f}"


def _maybe(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _market(choice: Choice) -> list[Table]:
    found = choice.market
    if found is None:
        return []
    columns = (Column("Score", numeric=False), Column("Market"), Column("Market minus ours"), Column("90% interval"))
    rows = (
        ("Log-loss", f"{found.market_log_loss:.4f}", *_interval(found.log_loss)),
        ("Brier score", f"{found.market_brier:.4f}", *_interval(found.brier)),
    )
    note = f"Over {found.events:,} events with a price. Above zero ours are better; with 0 inside, neither is shown."
    return [Table("Against the market's price", columns, rows, note)]


def _interval(found: Interval | None) -> tuple[str, str]:
    return ("unknown", "") if found is None else (f"{found.value:+.4f}", f"{found.low:+.4f} to {found.high:+.4f}")


def _reliability(choice: Choice) -> Table:
    columns = (Column("Corrected, said"), _CAME, Column("if right, from"), Column("to"), Column("Events"))
    rows = tuple(
        (f"{one.said:.3f}", f"{one.came:.3f}", f"{one.low:.3f}", f"{one.high:.3f}", f"{one.events:.0f}")
        for one in choice.after.bins
    )
    return Table("Reliability", columns, rows, "Bins of equal weight.")
