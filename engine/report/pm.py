"""The daily report of a portfolio manager as tables, Markdown and one HTML page: what signals were worth, what trading
cost, how the gate went, and whether it is a go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.report.calibration import reliability_diagram
from engine.report.layout import UNKNOWN, Column, Table, clean, count, decimal, money, percent
from engine.report.lines import line_chart
from engine.report.markdown import document
from engine.report.performance import GROUP, costs_table, figures_table
from engine.report.shell import header, page, section, tiles
from engine.research.calibration.metrics import Bin

HOLDS = {True: "yes", False: "no", None: "unknown"}

Values = Mapping[str, Any]


def pm_tables(found: Values) -> list[Table]:
    """Every table of one pack; ``found`` is the report's JSON of it."""
    return [
        _verdict(found), *_gates(found), _trajectory(found), _signals(found), _edges(found), _calibration(found),
        costs_table(found["execution_costs"]),
        figures_table("Performance", ("window", *GROUP), found["performance"]["trailing"]),
        figures_table("By strategy", ("strategy", *GROUP), found["performance"]["by_strategy"]),
        _runs(found),
    ]  # fmt: skip


def render_pm_markdown(report: Values) -> str:
    """The whole report as Markdown."""
    parts = [
        document(f"{found['pack']}: {found['verdict']}", pm_tables(found), *_lead(report, found))
        for found in report["packs"]
    ]
    return "\n".join(parts)


def render_pm(report: Values) -> str:
    """The whole report as one page that needs nothing else."""
    parts = [part for found in report["packs"] for part in _pack(report, found)]
    return page(f"Daily report, {report['day']}", parts)


def _lead(report: Values, found: Values) -> list[str]:
    counted = len(found["runs_that_count"])
    return [
        f"Daily report of {report['day']} on {report['store']}.",
        f"{counted} of {counted + len(found['left_out'])} kept runs count for the gate.",
    ]


def _pack(report: Values, found: Values) -> list[str]:
    verdict, *others = pm_tables(found)
    return [
        header(f"{found['pack']}: {found['verdict']}", *_lead(report, found)), _tiles(found), section(verdict),
        _charts(found), _diagram(found), *(section(table) for table in others),
    ]  # fmt: skip


def _tiles(found: Values) -> str:
    performance, signals = found["performance"], found["signal_quality"]
    every = found["execution_costs"][-1]
    shown = [
        ("Verdict", found["verdict"], "won-text" if found["verdict"] == "GO" else "lost-text"),
        ("Closed trades", count(performance["trades"]), ""),
        _tile("Expectancy", performance["expectancy"], money),
        _tile("Profit factor", performance["profit_factor"], decimal),
        _tile("Predicted edge, per contract", signals["predicted"], _cents),
        _tile("Realised edge, per contract", signals["realised"], _cents),
        _tile("Costs of notional", every["cost_share"], percent),
        _tile("Cost coverage", every["coverage"], percent),
    ]
    return tiles(shown)


def _tile(name: str, value: float | None, write: Any) -> tuple[str, str, str]:
    return (name, "unknown", "unknown") if value is None else (name, write(value), "")


def _verdict(found: Values) -> Table:
    rows = tuple((clean(reason),) for reason in found["reasons"])
    return Table(f"{found['verdict']}, because", (Column("Reason", numeric=False),), rows)


def _gates(found: Values) -> list[Table]:
    columns = (
        Column("Condition", numeric=False), Column("Have"), Column("Need"), Column("Distance"),
        Column("Holds", numeric=False),
    )  # fmt: skip
    tables = []
    for gate in found["gates"]:
        rows = tuple(
            (clean(one["text"]), _number(one["have"]), _number(one["need"]), _number(one["distance"]),
             HOLDS[one["holds"]])
            for one in gate["requirements"]
        )  # fmt: skip
        note = f"Passed {gate['in_a_row']} of the {gate['consecutive']} judgements in a row that are wanted."
        tables.append(Table(f"Gate {clean(gate['gate'])}", columns, rows, note))
    return tables


def _trajectory(found: Values) -> Table:
    points, gates = found["gate_trajectory"], found["gates"]
    texts = [(gate["gate"], one["text"]) for gate in gates for one in gate["requirements"]]
    columns = (Column("Day", numeric=False), *(Column(clean(text)) for _, text in texts))
    rows = tuple(
        (point["day"], *(_number(_have(point, gate, text)) for gate, text in texts)) for point in points
    )
    note = "The left side of each condition at the end of each day on which a trade closed, from the runs that count."
    return Table("Gate trajectory", columns, rows, note if rows else "No trade of a run that counts has closed yet.")


def _have(point: Values, gate: str, text: str) -> float | None:
    for report in point["gates"]:
        if report["gate"] == gate:
            for one in report["requirements"]:
                if one["text"] == text:
                    return None if one["have"] is None else float(one["have"])
    return None


def _signals(found: Values) -> Table:
    quality = found["signal_quality"]
    interval = quality["realised_interval"]
    rows = [
        ("Closed trades", count(quality["closed_trades"])),
        ("With a prediction on record", count(quality["with_a_prediction"])),
        ("Predicted edge, mean per contract", _maybe(quality["predicted"], _cents)),
        ("Realised edge, mean per contract", _maybe(quality["realised"], _cents)),
        ("90% interval of it, by event", UNKNOWN if interval is None else " to ".join(map(_cents, interval))),
        ("Realised of predicted", _maybe(quality["kept"], percent)),
        ("Correlation of the two over trades", _maybe(quality["correlation"], decimal)),
        *((f"Without: {clean(reason)}", count(trades)) for reason, trades in quality["without_a_prediction"].items()),
    ]
    return Table("Signal quality", (Column("Figure", numeric=False), Column("Value")), tuple(rows))


def _edges(found: Values) -> Table:
    columns = (Column("Predicted edge", numeric=False), Column("Trades"), Column("Predicted"), Column("Realised"))
    rows = tuple(
        (_range(one["from"], one["to"]), count(one["trades"]), _cents(one["predicted"]), _cents(one["realised"]))
        for one in found["signal_quality"]["by_predicted_edge"]
    )
    return Table("Realised edge by predicted edge", columns, rows, "Means per contract." if rows else "No prediction.")


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"below {_cents(high or 0.0)}"
    return f"{_cents(low)} or more" if high is None else f"{_cents(low)} to {_cents(high)}"


def _calibration(found: Values) -> Table:
    scores = found["signal_quality"]["calibration"]
    columns = (Column("Said"), Column("Came true"), Column("Events"), Column("If right, 5% to 95%"))
    if scores is None:
        known = found["signal_quality"]["outcomes_known"]
        return Table("Calibration", columns, (), f"{known} outcomes are known: too few to say anything.")
    rows = tuple(
        (percent(one["said"]), percent(one["came_true"]), count(one["events"]),
         f"{percent(one['low'])} to {percent(one['high'])}")
        for one in scores["bins"]
    )  # fmt: skip
    slope = UNKNOWN if scores["slope"] is None else decimal(scores["slope"])
    note = (
        f"Brier {scores['brier']:.4f}, log-loss {scores['log_loss']:.4f}, ECE {scores['ece']:.4f} "
        f"({scores['ece_if_right']:.4f} if the probabilities were right), calibration slope {slope}."
    )
    return Table("Calibration", columns, rows, note)


def _runs(found: Values) -> Table:
    columns = (Column("Run", numeric=False), Column("Why it does not count", numeric=False))
    rows = tuple((clean(one["run"]), clean(one["reason"])) for one in found["left_out"])
    tried = found["trials"]
    note = (
        f"{count(tried['sets_ever_tried'])} parameter sets were ever tried for this pack, "
        f"and holdouts were read {count(tried['holdout_reads'])} times."
    )
    return Table("Runs left out, and trials", columns, rows, note)


def _charts(found: Values) -> str:
    points = found["gate_trajectory"]
    if not points:
        return ""
    labels = (points[0]["day"], points[-1]["day"])
    drawn = [
        line_chart(
            one["text"], [_have(point, gate["gate"], one["text"]) for point in points], labels, one["need"], _number
        )
        for gate in found["gates"]
        for one in gate["requirements"]
    ]
    note = '<p class="key">Each condition over time; the dashed line is what it must be.</p>'
    return f'<section><h2>Gate trajectory</h2>{note}<div class="maps">{"".join(drawn)}</div></section>'


def _diagram(found: Values) -> str:
    scores = found["signal_quality"]["calibration"]
    if scores is None:
        return ""
    bins = [Bin(b["events"], b["said"], b["came_true"], b["low"], b["high"]) for b in scores["bins"]]
    return (
        '<section><h2>Reliability</h2><div class="maps"><figure><figcaption>A bar holds nine in ten shares that right '
        f"probabilities would give.</figcaption>{reliability_diagram(bins, [])}</figure></div></section>"
    )


def _number(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if value == round(value) and abs(value) >= 10 else f"{value:,.4g}"


def _maybe(value: float | None, write: Any) -> str:
    return UNKNOWN if value is None else str(write(value))


def _cents(value: float) -> str:
    """Money per contract that pays $1."""
    return f"{value * 100:,.2f}¢"


