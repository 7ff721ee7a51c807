"""The report of a calibration: everything drawn, everything escaped."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from engine.report.calibration import calibration_html, calibration_tables, describe_map, reliability_diagram
from engine.research.calibration.choose import Choice, choose
from engine.research.calibration.maps import Beta, Identity, Isotonic, Platt
from engine.research.calibration.metrics import Bin
from engine.research.calibration.outcomes import Outcomes, read_outcomes

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def found(tmp_path: Path) -> tuple[Outcomes, Choice]:
    source = np.random.default_rng(1)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = ["probability,outcome,time,event"]
    for number in range(200):
        p = source.uniform(0.05, 0.95)
        rows.append(f"{p:.3f},{int(source.random() < p)},{(start + timedelta(hours=number)).isoformat()},E{number}")
    path = tmp_path / "<b>&.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    outcomes = read_outcomes(path)
    return outcomes, choose(outcomes, 1)


def test_the_page_holds_every_table_and_escapes_names(found: tuple[Outcomes, Choice]) -> None:
    page = calibration_html(*found)
    assert "<b>" not in page and "&lt;b&gt;&amp;.csv" in page
    for table in calibration_tables(*found):
        assert f"<h2>{table.title}</h2>" in page
        assert all(len(row) == len(table.columns) for row in table.rows)
    assert "script-src" not in page and not re.search(r"<script|src=", page)


def test_the_diagram_is_sound_and_puts_points_where_they_belong() -> None:
    right, low = Bin(20, 0.5, 0.5, 0.4, 0.6), Bin(20, 0.9, 0.1, 0.8, 1.0)
    drawn = reliability_diagram([low], [right])
    root = ElementTree.fromstring(drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
    (disc,) = root.iter(f"{SVG}circle")
    diagonal = next(line for line in root.iter(f"{SVG}line") if line.get("class") == "base")
    x1, y1, x2, y2 = (float(diagonal.get(name, "nan")) for name in ("x1", "y1", "x2", "y2"))
    assert (float(disc.get("cx", "nan")), float(disc.get("cy", "nan"))) == pytest.approx(((x1 + x2) / 2, (y1 + y2) / 2))
    (square,) = root.iter(f"{SVG}rect")
    assert float(square.get("y", "nan")) > float(disc.get("cy", "nan"))  # far below the line: less came true than said


@pytest.mark.parametrize(
    ("found_map", "says"),
    [
        (Identity(), "identity: nothing is changed"),
        (Platt(slope=0.5, intercept=-0.25), "Platt: logit q = -0.2500 + 0.5000 logit p"),
        (Beta(a=1, b=2, c=-0.5), "beta: logit q = 1.0000 ln p - 2.0000 ln(1 - p) -0.5000"),
        (Isotonic(knots=((0.2, 0.1), (0.6, 0.5)), weight=0.5), "isotonic: 2 steps, weight 0.50"),
    ],
)
def test_a_correction_is_told_as_a_formula(found_map: Identity | Platt | Beta | Isotonic, says: str) -> None:
    assert describe_map(found_map).startswith(says)
