"""Outcomes: what was said to be how likely, and what happened. CSV or JSON in, columns out, every mistake named.

Fields of a row: ``probability`` (0 to 1), ``outcome`` (0 or 1, no or yes), ``time`` (ISO 8601 with a zone: when the
probability was said), ``event`` (rows of one event are one observation), and if known ``market_price`` (0 to 1, at that
time) and ``settled`` (when the outcome was known). Without ``settled``, an outcome counts as known after the last row
of its event. JSON is a list of such rows, or an object that has one under ``outcomes``, as results of runs may.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.language.diagnostics import did_you_mean
from engine.market.events import NANOS
from engine.research.calibration.errors import CalibrationError
from engine.research.statistics import Floats, Ints

NEEDED = ("probability", "outcome", "time", "event")
OPTIONAL = ("market_price", "settled")
_FIELDS = NEEDED + OPTIONAL
_YES_NO = {
    **dict.fromkeys(("1", "1.0", "yes", "true"), 1.0),
    **dict.fromkeys(("0", "0.0", "no", "false"), 0.0),
}


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Rows in order of time; arrays of equal length. ``event`` numbers events from 0 in the order of their first row.

    ``market`` is NaN where no price is given. ``known_ns``, by event, is when its outcomes were all known (UTC ns).
    ``source`` and ``sha256`` name the file.
    """

    probability: Floats
    outcome: Floats
    time_ns: Ints
    event: NDArray[np.int64]
    market: Floats
    known_ns: Ints
    source: str
    sha256: str

    @property
    def events(self) -> int:
        return len(self.known_ns)

    @property
    def weight(self) -> Floats:
        """1 over the rows of its event: each event counts once, however often it was asked about."""
        return row_weights(self.event)


def row_weights(event: NDArray[np.int64]) -> Floats:
    """1 over the number of rows with the same event."""
    weights: Floats = 1.0 / np.bincount(event)[event]
    return weights


class _Row(NamedTuple):
    where: str
    probability: float
    outcome: float
    time_ns: int
    event: str
    market: float
    settled_ns: int | None


def read_outcomes(path: Path) -> Outcomes:
    """All rows of a file. Raises CalibrationError that names line and field."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise CalibrationError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise CalibrationError(f"{path} is not UTF-8 text (byte {error.start})") from None
    json_like = path.suffix.lower() == ".json" or (path.suffix.lower() != ".csv" and text.lstrip()[:1] in ("[", "{"))
    rows = [_row(where, fields) for where, fields in (_json_rows if json_like else _csv_rows)(text, path)]
    if not rows:
        raise CalibrationError(f"{path} holds no rows; each needs {', '.join(NEEDED)}")
    return _columns(rows, path.name, hashlib.sha256(raw).hexdigest())


# -- rows of a file ----------------------------------------------------------------------------------------------------


def _csv_rows(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_fields(header, f"{path}, line 1")
        for cells in reader:
            where = f"{path}, line {reader.line_num}"
            if not cells:
                continue
            if len(cells) != len(header):
                raise CalibrationError(f"{where}: {len(cells)} cells, but the first line names {len(header)} columns")
            yield where, {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
    except csv.Error as error:
        raise CalibrationError(f"{path}, line {reader.line_num}: {error}") from None


def _json_rows(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        whole = json.loads(text, parse_constant=_not_json, object_pairs_hook=_no_doubles)
    except json.JSONDecodeError as error:
        raise CalibrationError(f"{path}, line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise CalibrationError(f"{path}: {error}") from None
    name = ""
    if isinstance(whole, dict):
        if not isinstance(whole.get("outcomes"), list):
            raise CalibrationError(
                f"{path} holds no outcomes: it needs a list `outcomes` of rows with {', '.join(NEEDED)}"
            )
        whole, name = whole["outcomes"], "outcomes"
    if not isinstance(whole, list):
        raise CalibrationError(f"{path} must be a list of rows, or an object with the list `outcomes`")
    for number, row in enumerate(whole):
        where = f"{path}, {name}[{number}]"
        if not isinstance(row, dict):
            raise CalibrationError(f"{where} is no object with {', '.join(NEEDED)}")
        _check_fields(list(row), where)
        yield where, {key: value for key, value in row.items() if value is not None}


def _not_json(word: str) -> float:
    raise ValueError(f"{word} is no number in JSON")


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key `{twice}` stands twice in one object")
    return found


def _check_fields(names: Sequence[str], where: str) -> None:
    for name in names:
        if name not in _FIELDS:
            close = did_you_mean(name, _FIELDS)
            hint = f"did you mean `{close}`?" if close else f"fields are {', '.join(_FIELDS)}"
            raise CalibrationError(f"{where}: there is no field `{name}`; {hint}")
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise CalibrationError(f"{where}: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    if len(set(names)) != len(names):
        raise CalibrationError(f"{where}: a column is named twice")


# -- one row -----------------------------------------------------------------------------------------------------------


def _row(where: str, fields: Mapping[str, Any]) -> _Row:
    for name in NEEDED:
        if name not in fields:
            raise CalibrationError(f"{where}, {name}: it is empty")
    time_ns = _time(where, "time", fields["time"])
    settled = _time(where, "settled", fields["settled"]) if "settled" in fields else None
    if settled is not None and settled < time_ns:
        raise CalibrationError(f"{where}, settled: the outcome was known before the probability was said")
    event = fields["event"]
    if not isinstance(event, str) or not event.strip():
        raise CalibrationError(f"{where}, event: `{event}` is no name of an event")
    market = _probability(where, "market_price", fields["market_price"]) if "market_price" in fields else math.nan
    return _Row(
        where, _probability(where, "probability", fields["probability"]), _outcome(where, fields["outcome"]), time_ns,
        event.strip(), market, settled,
    )  # fmt: skip


def _probability(where: str, name: str, value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
    except (TypeError, ValueError):
        raise CalibrationError(f"{where}, {name}: `{value}` is no number from 0 to 1") from None
    if not 0 <= number <= 1:
        raise CalibrationError(f"{where}, {name}: {value} is not between 0 and 1; write 62 cents as 0.62")
    return number


def _outcome(where: str, value: Any) -> float:
    word = str(value).strip().lower() if isinstance(value, str | bool | int | float) else ""
    if word not in _YES_NO:
        raise CalibrationError(
            f"{where}, outcome: `{value}` is neither 0 nor 1; leave rows out whose event has no clear outcome"
        )
    return _YES_NO[word]


def _time(where: str, name: str, value: Any) -> int:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise CalibrationError(f"{where}, {name}: `{value}` is no time; write 2026-03-28T14:00:00Z") from None
    if moment.tzinfo is None:
        raise CalibrationError(f"{where}, {name}: `{value}` has no zone; write 2026-03-28T14:00:00Z")
    whole = moment.astimezone(UTC)
    return int(whole.replace(microsecond=0).timestamp()) * NANOS + whole.microsecond * 1_000


# -- columns -----------------------------------------------------------------------------------------------------------


def _columns(rows: list[_Row], source: str, sha256: str) -> Outcomes:
    rows = sorted(rows, key=lambda row: (row.time_ns, row.event))
    numbers: dict[str, int] = {}
    known: list[int] = []
    for row in rows:
        number = numbers.setdefault(row.event, len(numbers))
        when = row.time_ns if row.settled_ns is None else row.settled_ns
        if number == len(known):
            known.append(when)
        known[number] = max(known[number], when)
    return Outcomes(
        np.array([row.probability for row in rows]),
        np.array([row.outcome for row in rows]),
        np.array([row.time_ns for row in rows], dtype=np.int64),
        np.array([numbers[row.event] for row in rows], dtype=np.int64),
        np.array([row.market for row in rows]),
        np.array(known, dtype=np.int64),
        source,
        sha256,
    )
