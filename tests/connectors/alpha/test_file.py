"""Reading and writing the signal file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from connectors.alpha.file import AlphaError, parse_alpha, read_alpha, rendered, write_alpha
from connectors.alpha.models import Signal
from connectors.alpha.schema import FILE, signals_schema
from connectors.alpha.schema import rendered as rendered_schema

Write = Callable[..., Path]
Row = Callable[..., dict[str, Any]]
NOW = datetime(2026, 9, 10, 12, tzinfo=UTC)


def test_a_sound_file_is_read(row: Row, write: Write) -> None:
    alpha = read_alpha(write(row(), row(ticker="KXTOPMODEL-26SEP28-ARG", confidence=1)))
    assert not alpha.faults
    assert list(alpha.signals) == ["KXATPMATCH-26SEP11ZVEKHA-ZVE", "KXTOPMODEL-26SEP28-ARG"]
    signal = alpha.signals["KXATPMATCH-26SEP11ZVEKHA-ZVE"]
    assert (signal.fair_yes_probability, signal.confidence, signal.source) == (0.62, 0.8, "elo")
    assert signal.expiry_ns - signal.as_of_ns == 24 * 3600 * 10**9


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"fair_yes_probability": 1.2}, "row 2 (KXA-B-C): fair_yes_probability must be above 0 and below 1 (it is 1.2"),
        ({"fair_yes_probability": 0}, "fair_yes_probability must be above 0 and below 1"),
        ({"fair_yes_probability": "0.6"}, "fair_yes_probability must be a number, without quotes"),
        ({"fair_yes_probability": float("nan")}, "fair_yes_probability must be a finite number"),
        ({"fair_yes_probability": True}, "fair_yes_probability must be a number, without quotes"),
        ({"confidence": None}, "confidence is missing"),
        ({"confidence": 1.01}, "confidence must be from 0 to 1"),
        ({"as_of": "2026-09-10T10:00:00"}, "as_of needs a zone: end it with Z for UTC"),
        ({"expiry": "2026-09-10T09:00:00Z"}, "expiry must be later than as_of"),
        ({"source": ""}, "source must not be empty"),
        ({"extra": 1}, "extra is no field of a signal; remove it"),
    ],
)
def test_a_wrong_row_costs_its_market_and_is_named(row: Row, write: Write, other: dict[str, Any], words: str) -> None:
    alpha = read_alpha(write(row(), row(ticker="KXA-B-C", **other)))
    assert list(alpha.signals) == ["KXATPMATCH-26SEP11ZVEKHA-ZVE"]
    assert words in str(alpha.faults[0])


def test_a_ticker_that_is_none_is_named(row: Row, write: Write) -> None:
    (fault,) = read_alpha(write(row(ticker="zverev"))).faults
    assert "row 1 (zverev): ticker must be the ticker of a market" in str(fault)


def test_which_of_two_rows_is_meant_cannot_be_known(row: Row, write: Write) -> None:
    alpha = read_alpha(write(row(), row(fair_yes_probability=0.4)))
    assert not alpha.signals
    assert "row 2 (KXATPMATCH-26SEP11ZVEKHA-ZVE): ticker is in row 1 already" in str(alpha.faults[0])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "is no JSON: line 1"),
        (b"[]", "has no list `signals`"),
        (b"\xff\xfe", "is no"),
        (b'{"version": 2, "generated_at": "2026-09-10T10:00:00Z", "signals": []}', "version"),
        (b'{"version": 1, "signals": []}', "generated_at is missing"),
        (b'{"version": 1, "version": 1, "generated_at": "2026-09-10T10:00:00Z", "signals": []}', "`version` twice"),
    ],
)
def test_what_is_no_signal_file_is_refused_whole(data: bytes, words: str) -> None:
    with pytest.raises(AlphaError, match=r"alpha\.json") as caught:
        parse_alpha(data, "alpha.json")
    assert words in str(caught.value)


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(AlphaError, match="`engine signals build` makes one"):
        read_alpha(tmp_path / "none.json")


def test_a_reader_never_sees_half_a_file(row: Row, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(row())
    before = path.read_bytes()

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(AlphaError, match="cannot be written: No space left on device"):
        write_alpha(path, [], NOW)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path], "nothing is left lying about"


@given(
    st.lists(
        st.builds(
            Signal,
            ticker=st.from_regex(r"\A[A-Z0-9]{1,8}(-[A-Z0-9.]{1,8}){1,2}\Z"),
            fair_yes_probability=st.floats(0.0001, 0.9999),
            confidence=st.floats(0, 1),
            as_of=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
            expiry=st.datetimes(datetime(2041, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),
            source=st.text("abc é", min_size=1, max_size=80),
        ),
        unique_by=lambda s: s.ticker,
        max_size=5,
    )
)
def test_what_is_written_is_read_again_and_fits_the_schema(signals: list[Signal]) -> None:
    text = rendered(signals, NOW)
    assert list(parse_alpha(text.encode(), "x").signals.values()) == signals
    assert not list(Draft7Validator(signals_schema()).iter_errors(json.loads(text)))


def test_the_schema_is_in_step_and_as_strict(row: Row) -> None:
    assert FILE.read_text(encoding="utf-8") == rendered_schema(), "run make schemas"
    told = json.loads(rendered([], NOW)) | {"signals": [row(confidence=2)]}
    assert list(Draft7Validator(signals_schema()).iter_errors(told))


def test_a_signal_must_outlast_its_birth() -> None:
    with pytest.raises(ValueError, match="later than as_of"):
        Signal(
            ticker="KXA-B", fair_yes_probability=0.5, confidence=1, as_of=NOW, expiry=NOW - timedelta(1), source="x"
        )
