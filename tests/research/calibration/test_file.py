"""The file that signals load: written whole, read strictly, rising and clipped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from engine.research.calibration import Calibration, CalibrationError, load_calibration
from engine.research.calibration.choose import choose
from engine.research.calibration.file import calibration_of, save_calibration
from engine.research.calibration.outcomes import Outcomes
from engine.research.calibration.schema import FILE, calibration_schema, rendered

MakeOutcomes = Callable[..., Outcomes]
MAPS: list[dict[str, Any]] = [
    {"method": "identity"},
    {"method": "platt", "slope": 0.6, "intercept": -0.2},
    {"method": "beta", "a": 0.7, "b": 1.3, "c": 0.1},
    {"method": "isotonic", "knots": [[0.1, 0.05], [0.5, 0.5], [0.9, 0.99]], "weight": 0.5},
]


@pytest.fixture
def whole(outcomes: MakeOutcomes) -> dict[str, Any]:
    made = outcomes(150, slope=0.5)
    found: dict[str, Any] = calibration_of(made, choose(made, 1)).model_dump(mode="json")
    return found


def written(tmp_path: Path, value: object) -> Path:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_what_is_saved_is_what_is_loaded_and_follows_the_schema(outcomes: MakeOutcomes, tmp_path: Path) -> None:
    made = outcomes(1_000, slope=0.5)
    calibration = calibration_of(made, choose(made, 1))
    path = tmp_path / "data" / "alpha_calibration.json"
    save_calibration(calibration, path)
    assert load_calibration(path) == calibration
    Draft7Validator(calibration_schema()).validate(json.loads(path.read_text(encoding="utf-8")))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_checked_in_schema_is_in_step_and_valid() -> None:
    assert FILE.read_text(encoding="utf-8") == rendered(), "run `make schemas`"
    Draft7Validator.check_schema(calibration_schema())


@pytest.mark.parametrize("found", MAPS, ids=lambda m: m["method"])
def test_every_map_rises_stays_clipped_and_is_the_same_alone_and_in_a_row(
    whole: dict[str, Any], found: dict[str, Any]
) -> None:
    calibration = Calibration.model_validate(whole | {"map": found, "clip": 0.01})
    grid = np.linspace(0, 1, 101)
    values = calibration.apply_all(grid)
    assert (np.diff(values) >= 0).all()
    assert (values.min(), values.max()) == (pytest.approx(0.01, abs=0.06), pytest.approx(0.99, abs=0.06))
    assert ((values >= 0.01) & (values <= 0.99)).all()
    assert [calibration.apply(float(p)) for p in grid] == values.tolist()
    Draft7Validator(calibration_schema()).validate(calibration.model_dump(mode="json"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.one_of(st.floats(max_value=-1e-9), st.floats(min_value=1.0000001), st.just(float("nan"))))
def test_what_is_no_probability_is_refused(whole: dict[str, Any], p: float) -> None:
    with pytest.raises(ValueError, match="is no probability"):
        Calibration.model_validate(whole).apply(p)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": 2}, "version: Input should be 1"),
        ({"map": {"method": "platt", "slope": -0.1, "intercept": 0}}, "map.platt.slope: "),
        ({"map": {"method": "beta", "a": 1, "b": -1, "c": 0}}, "map.beta.b: "),
        ({"map": {"method": "splines"}}, "map: "),
        ({"map": {"method": "isotonic", "knots": [[0.5, 0.2], [0.5, 0.3]], "weight": 1}}, "rising order"),
        ({"map": {"method": "isotonic", "knots": [[0.4, 0.5], [0.5, 0.3]], "weight": 1}}, "must not fall"),
        ({"map": {"method": "isotonic", "knots": [], "weight": 1}}, "knots"),
        ({"clip": 0}, "clip: "),
        ({"clip": 0.5}, "clip: "),
        ({"extra": 1}, "extra: "),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_field(
    whole: dict[str, Any], tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(CalibrationError) as caught:
        load_calibration(written(tmp_path, whole | changes))
    assert "calibration.json" in str(caught.value) and says in str(caught.value)


def test_no_file_and_no_json(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="there is no file"):
        load_calibration(tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"version": 1, "map"', encoding="utf-8")
    with pytest.raises(CalibrationError, match="Invalid JSON"):
        load_calibration(tmp_path / "half.json")
