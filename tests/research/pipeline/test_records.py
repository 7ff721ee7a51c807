"""The state file of a round: its schema, and what is wrong with one in one line."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from engine.research.pipeline.records import Record, Round, StateError, read_round, to_text
from engine.research.pipeline.schema import FILE, rendered

STATE = Round(number=1, asked={"pack": "p"}, began="2026-11-21T10:00:00Z", steps=[
    Record(step="signals", command="engine signals build", status="done", began="2026-11-21T10:00:00Z", seconds=0.5,
           exit=0, inputs={"rows.csv": "ab"}, outputs={"data/alpha_signals.json": "cd"}, result={"signals": 3}),
])  # fmt: skip


def test_the_schema_is_in_step_and_holds_what_is_written(tmp_path: Path) -> None:
    assert FILE.read_text(encoding="utf-8") == rendered()
    path = tmp_path / "state.json"
    path.write_text(to_text(STATE), encoding="utf-8")
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), json.loads(rendered()))
    assert read_round(path) == STATE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "the file: "), ('{"number": 0}', "number: "),
        (to_text(STATE).replace('"done"', '"well"'), "steps.0.status"),
    ],
)
def test_a_broken_state_file_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StateError) as caught:
        read_round(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "move its folder away" in str(caught.value)
