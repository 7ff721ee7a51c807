"""``engine calibrate`` as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from engine.research.calibration import load_calibration

Cli = Callable[..., Any]
START = datetime(2026, 1, 1, tzinfo=UTC)


def outcomes(path: Path, events: int) -> Path:
    """Probabilities that are too sure of themselves."""
    source = np.random.default_rng(1)
    lines = ["probability,outcome,time,event,market_price"]
    for number in range(events):
        p = float(source.uniform(0.03, 0.97))
        true = 0.5 + 0.5 * (p - 0.5)
        when = (START + timedelta(hours=number)).isoformat()
        lines.append(f"{p:.4f},{int(source.random() < true)},{when},E{number},{true:.3f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_correction_is_fitted_written_shown_and_can_be_loaded(engine_cli: Cli, tmp_path: Path) -> None:
    outcomes(tmp_path / "outcomes.csv", 500)
    answer = engine_cli("calibrate", "--from", "outcomes.csv", "--html", "out/report.html")
    assert answer.code == 0, answer.err
    for words in ("Platt: logit q", "500 events in 500 rows", "Against the market's price", "Reliability"):
        assert words in answer.out
    assert "calibration written to data/alpha_calibration.json, report to out/report.html" in answer.out
    calibration = load_calibration(tmp_path / "data" / "alpha_calibration.json")
    assert 0.55 < calibration.apply(0.9) < 0.8  # seven in ten is right
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert '<circle class="corrected"' in page
    assert "<script" not in page and "http:" not in page and "https:" not in page


def test_json_says_the_same_and_the_same_seed_gives_the_same_file(engine_cli: Cli, tmp_path: Path) -> None:
    outcomes(tmp_path / "outcomes.csv", 300)
    answer = engine_cli("calibrate", "--from", "outcomes.csv", "--out", "a.json", "--json")
    assert answer.code == 0, answer.err
    said = json.loads(answer.out)
    assert said["calibration"] == json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert said["calibration"]["map"]["method"] == "platt"
    assert said["market"]["events"] == said["tried"]["events"] == 180
    assert engine_cli("calibrate", "--from", "outcomes.csv", "--out", "b.json").code == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_too_few_outcomes_are_refused_and_nothing_is_written(engine_cli: Cli, tmp_path: Path) -> None:
    outcomes(tmp_path / "outcomes.csv", 60)
    answer = engine_cli("calibrate", "--from", "outcomes.csv")
    assert answer.code == 1
    assert "too few outcomes: 60 independent events" in answer.err and "nothing is written" in answer.err
    assert not (tmp_path / "data").exists()


def test_a_mistake_is_one_line_with_its_place(engine_cli: Cli, tmp_path: Path) -> None:
    path = outcomes(tmp_path / "outcomes.csv", 200)
    path.write_text(path.read_text(encoding="utf-8").replace(",E7,", ",E7,99"), encoding="utf-8")
    answer = engine_cli("calibrate", "--from", "outcomes.csv")
    assert answer.code == 2
    assert answer.err.startswith("error: outcomes.csv, line 9, market_price: 99")
    assert engine_cli("calibrate", "--from", "none.csv").code == 2
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    blocked = engine_cli("calibrate", "--from", str(outcomes(tmp_path / "good.csv", 200)))
    assert (blocked.code, "cannot be written" in blocked.err) == (2, True)
