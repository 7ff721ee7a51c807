"""Reading outcomes: every form, every mistake named with its line and field."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.research.calibration.errors import CalibrationError
from engine.research.calibration.outcomes import read_outcomes

HEAD = "probability,outcome,time,event\n"
GOOD = "0.62,1,2026-03-28T14:00:00Z,E1\n"
ROW = {"probability": 0.62, "outcome": 1, "time": "2026-03-28T14:00:00Z", "event": "E1"}


def written(tmp_path: Path, text: str, name: str = "o.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_are_put_in_order_of_time_and_events_are_numbered(tmp_path: Path) -> None:
    text = (
        "event,time,outcome,probability,market_price,settled\n"
        "B,2026-03-28T16:00:00+02:00,no,0.4,,2026-03-30T00:00:00Z\n"
        "A,2026-03-28T13:00:00Z,yes,0.7,0.65,2026-03-29T00:00:00Z\n"
        "B,2026-03-28T12:00:00Z,0,0.3,,\n"
    )
    found = read_outcomes(written(tmp_path, text))
    assert found.probability.tolist() == [0.3, 0.7, 0.4]
    assert found.outcome.tolist() == [0.0, 1.0, 0.0]
    assert found.event.tolist() == [0, 1, 0]
    assert found.weight.tolist() == [0.5, 1.0, 0.5]
    assert np.isnan(found.market).tolist() == [True, False, True]
    hours = (found.known_ns - found.time_ns[0]) / 3_600e9
    assert hours.tolist() == [36.0, 12.0]  # when all of an event was known
    assert (found.events, found.source, len(found.sha256)) == (2, "o.csv", 64)


@pytest.mark.parametrize("whole", [[ROW], {"outcomes": [ROW], "name": "a sweep"}])
@pytest.mark.parametrize("outcome", [1, True, "yes", 1.0])
def test_json_is_a_list_or_an_object_with_one(tmp_path: Path, whole: object, outcome: object) -> None:
    text = json.dumps(whole).replace('"outcome": 1', f'"outcome": {json.dumps(outcome)}')
    found = read_outcomes(written(tmp_path, text, "o.json"))
    assert (found.probability.tolist(), found.outcome.tolist()) == ([0.62], [1.0])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: probability, outcome, time, event are missing"),
        (HEAD, "holds no rows"),
        ("probability,outcome,time\n", "line 1: event is missing"),
        ("probabilty,outcome,time,event\n", "line 1: there is no field `probabilty`; did you mean `probability`?"),
        ("probability,outcome,time,event,event\n", "line 1: a column is named twice"),
        (HEAD + GOOD + "0.6,1,2026-03-28T14:00:00Z\n", "line 3: 3 cells, but the first line names 4 columns"),
        (HEAD + "62,1,2026-03-28T14:00:00Z,E\n", "line 2, probability: 62 is not between 0 and 1; write 62 cents"),
        (HEAD + "nan,1,2026-03-28T14:00:00Z,E\n", "line 2, probability: nan is not between 0 and 1"),
        (HEAD + "a,1,2026-03-28T14:00:00Z,E\n", "line 2, probability: `a` is no number"),
        (HEAD + ",1,2026-03-28T14:00:00Z,E\n", "line 2, probability: it is empty"),
        (HEAD + "0.6,0.5,2026-03-28T14:00:00Z,E\n", "line 2, outcome: `0.5` is neither 0 nor 1"),
        (HEAD + "0.6,1,2026-03-28T14:00:00,E\n", "line 2, time: `2026-03-28T14:00:00` has no zone"),
        (HEAD + "0.6,1,yesterday,E\n", "line 2, time: `yesterday` is no time"),
        (HEAD + '0.6,1,2026-03-28T14:00:00Z,"E\n', "line 2: "),
        (
            "probability,outcome,time,event,settled\n0.6,1,2026-03-28T14:00:00Z,E,2026-03-28T13:00:00Z\n",
            "line 2, settled: the outcome was known before the probability was said",
        ),
    ],
)
def test_a_mistake_in_a_table_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CalibrationError) as caught:
        read_outcomes(written(tmp_path, text))
    assert "o.csv" in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[{", "o.json, line 1, column 3: "),
        ('{"runs": []}', "holds no outcomes: it needs a list `outcomes`"),
        ('{"outcomes": 3}', "holds no outcomes: it needs a list `outcomes`"),
        ("3", "must be a list of rows"),
        ("[3]", "[0] is no object"),
        ('{"outcomes": [{"probability": 0.5}]}', "outcomes[0]: outcome, time, event are missing"),
        ('[{"probability": NaN}]', "NaN is no number in JSON"),
        ('[{"event": "a", "event": "b"}]', "the key `event` stands twice"),
        (json.dumps([ROW, ROW | {"outcome": 2}]), "[1], outcome: `2` is neither 0 nor 1"),
        (json.dumps([ROW | {"probability": True}]), "[0], probability: `True` is no number"),
        (json.dumps([ROW | {"event": 7}]), "[0], event: `7` is no name"),
        (json.dumps([ROW | {"time": 7}]), "[0], time: `7` is no time"),
        (json.dumps([ROW | {"market_price": 1.5}]), "[0], market_price: 1.5 is not between 0 and 1"),
        ("[" * 100_000, "o.json: "),
    ],
)
def test_a_mistake_in_json_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CalibrationError) as caught:
        read_outcomes(written(tmp_path, text, "o.json"))
    assert says in str(caught.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="cannot be read: No such file"):
        read_outcomes(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CalibrationError, match="is not UTF-8 text"):
        read_outcomes(tmp_path / "b.csv")
